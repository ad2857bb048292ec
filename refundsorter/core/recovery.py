"""What is done at start with a photo whose move was written down but not confirmed.

The intent names the source and the destination; what lies there now decides. The table is the whole rule:
no photo is touched unless the same photo is proved to lie at its destination. Before the source is looked at,
a photo that was taken (`edges.taking`) is removed where that is proved, and else put back under its name: the
table knows of two places only.
"""

from collections.abc import Mapping
from enum import Enum, auto


class Found(Enum):
    """What lies at a path."""

    SAME = auto()  # the photo itself
    OTHER = auto()  # some other file
    NOTHING = auto()  # no file
    UNREACHABLE = auto()  # it cannot be told: the share is gone, or reading fails


class Repair(Enum):
    """What is done about it."""

    FINISH = auto()  # it was moved: write it down
    DROP_SOURCE = auto()  # it lies in both places: remove the source, then write it down
    RELEASE = auto()  # it was not moved: back to waiting
    FORGET = auto()  # its owner took it away: no longer ours
    HOLD = auto()  # look again later


REPAIRS: Mapping[tuple[Found, Found], Repair] = {  # (source, destination)
    (Found.SAME, Found.SAME): Repair.DROP_SOURCE,
    (Found.SAME, Found.OTHER): Repair.RELEASE,
    (Found.SAME, Found.NOTHING): Repair.RELEASE,
    (Found.OTHER, Found.SAME): Repair.FINISH,
    (Found.OTHER, Found.OTHER): Repair.FORGET,
    (Found.OTHER, Found.NOTHING): Repair.FORGET,
    (Found.NOTHING, Found.SAME): Repair.FINISH,
    (Found.NOTHING, Found.OTHER): Repair.FORGET,
    (Found.NOTHING, Found.NOTHING): Repair.FORGET,
}


def repair(*, source: Found, destination: Found) -> Repair:
    """Decide from what lies at the source and at the destination."""
    return REPAIRS.get((source, destination), Repair.HOLD)
