"""Threads that give way to others."""

import os
import threading
from contextlib import suppress

NICENESS = 10  # of 19; see setpriority(2)


def give_way() -> None:
    """Let this thread, and processes that it starts from now on, have what others leave of the processor.

    On Linux a niceness belongs to a thread.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
