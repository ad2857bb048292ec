"""The signals that a long command takes one at a time, between two steps, instead of being interrupted by them.

They are blocked before numpy is imported: that starts threads, a thread that does not block a signal is handed
it when main is busy, and then the signal's default, the sudden end, happens.
"""

import signal

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
SIGNALS = STOP_SIGNALS | {signal.SIGHUP}


def block(signals: frozenset[signal.Signals] = SIGNALS) -> None:
    """Block signals in this thread and in all that it starts; `signal.sigtimedwait` takes them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
