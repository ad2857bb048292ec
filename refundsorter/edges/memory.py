"""Memory that was freed, given back to the system: glibc keeps the holes between what is still in use."""

import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not every C library has it


def give_back() -> None:
    """Give it back; takes some milliseconds. See malloc_trim(3)."""
    if _trim is not None:
        _trim(0)
