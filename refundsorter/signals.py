"""The signals that a long command takes one at a time, between two steps, so that none interrupts anything.

They are blocked before numpy is imported: numpy starts threads, a thread that does not block a signal is
handed it while main is busy, and then the signal's default happens, the sudden end.
"""

import signal

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
SIGNALS = STOP_SIGNALS | {signal.SIGHUP}


def block(signals: frozenset[signal.Signals] = SIGNALS) -> None:
    """Block signals in this thread and in all that it starts; `signal.sigtimedwait` takes them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
