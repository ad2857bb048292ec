"""What a watcher of folders may say: that something happened, never what is true.

A hint can be lost, late or wrong. Whoever takes it looks at the file system before doing anything, and the
scan finds what no hint told. Therefore a sink may drop hints, so long as it remembers that it did.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class HintKind(StrEnum):
    """What the path of a hint is."""

    FILE = "file"  # look at this file
    TREE = "tree"  # look at everything below this folder, which has just appeared


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Something happened at a path."""

    path: str  # as os.fsdecode gives it: bytes that are no UTF-8 are surrogate escapes
    complete: bool  # it was renamed to this name, so nobody is still writing it; never true of a tree
    kind: HintKind = HintKind.FILE  # what to look at


class HintSink(Protocol):
    """Where watchers put hints; both calls may come from any thread and never block for long."""

    def put(self, hint: Hint) -> None:
        """Take one hint."""

    def overflow(self) -> None:
        """Take notice that hints were lost, so that only a scan tells what there is."""
