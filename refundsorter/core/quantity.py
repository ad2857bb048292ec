"""Quantities in few words."""

ABOVE, MINUTE_S, HOUR_S = 2.0, 60.0, 3600.0
UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def percent(share: float | None) -> str:
    """A share from 0 to 1."""
    return "–" if share is None else f"{share:.1%}"


def figure(value: float | None) -> str:
    """A figure that has no unit."""
    return "" if value is None else f"{value:.3f}"


def size(count: int) -> str:
    """Bytes, in the largest unit of which there is one."""
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return f"{count} B"


def duration(seconds: float) -> str:
    """Seconds, in the largest unit of which there are two."""
    if seconds >= ABOVE * HOUR_S:
        return f"{seconds / HOUR_S:,.1f} h"
    if seconds >= ABOVE * MINUTE_S:
        return f"{seconds / MINUTE_S:,.1f} min"
    return f"{seconds:,.2f} s"
