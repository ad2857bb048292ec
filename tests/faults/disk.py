"""What a disk may hold after a power cut, by what was made durable before it and what was not.

A file's bytes are certain as of the file's last fsync, a name as of the last fsync of its folder. All else
may have reached the disk or not, in the order of each folder; a rename between two folders is one step of a
journaling file system, both or neither.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from faults.recorder import Change

SECTOR = 512  # bytes that a disk writes wholly or not at all


@dataclass(eq=False, slots=True)
class Node:
    """A folder, or a file's bytes."""

    is_folder: bool = False
    kept: Path | None = None  # another name of the very file, so that it comes back as the same inode
    certain: bytes = b""
    now: bytes = b""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of all that is not certain."""

    name: str
    keeps: Callable[[random.Random], bool]  # whether a change of names reached the disk
    bytes_of: Callable[[random.Random, bytes, bytes], bytes]  # from what is certain and what was written


def _lost(_: random.Random, certain: bytes, __: bytes) -> bytes:
    return certain


def _whole(_: random.Random, __: bytes, now: bytes) -> bytes:
    return now


def _torn(numbers: random.Random, certain: bytes, now: bytes) -> bytes:
    """Some sectors reached the disk, others hold nothing; or the file is too short."""
    torn = bytearray(now)
    for start in range(len(certain) // SECTOR * SECTOR, len(now), SECTOR):
        if numbers.random() < 0.5:
            begin, end = max(start, len(certain)), min(start + SECTOR, len(now))
            torn[begin:end] = bytes(end - begin)
    shortest = min(len(certain), len(now))
    return bytes(torn[: numbers.choice((len(now), numbers.randint(shortest, len(now))))])


def _any(numbers: random.Random, certain: bytes, now: bytes) -> bytes:
    return numbers.choice((_lost, _whole, _torn))(numbers, certain, now)


WORST = (
    Fate("nothing uncertain kept", lambda _: False, _lost),
    Fate("names kept, bytes lost", lambda _: True, _lost),
    Fate("names kept, bytes torn", lambda _: True, _torn),
    Fate("all kept", lambda _: True, _whole),
)
MIXED = Fate("some kept", lambda numbers: numbers.random() < 0.5, _any)

Content = Path | bytes | None  # the file itself under another name, a file's bytes, or a folder
Tree = dict[str, Content]
Names = dict[str, Node]
Step = tuple[tuple[str, Node | None], ...]  # names that come, or go, together


@dataclass(slots=True)
class Disk:
    """What is certain, and what is not, after some changes."""

    certain: Names = field(default_factory=dict)
    names: Names = field(default_factory=dict)
    uncertain: list[Step] = field(default_factory=list)

    def replay(self, change: Change) -> None:
        """Make one change."""
        path, other = change.path, change.more
        match change.kind:
            case "create":
                self._step((path, Node()))
            case "mkdir":
                self._step((path, Node(is_folder=True)))
            case "rename":
                self._step((path, None), (other, self.names[path]))
            case "link":
                self._step((other, self.names[path]))
            case "unlink":
                self._step((path, None))
            case "fsync folder":
                self._sync(path)
            case "write" | "truncate" | "fsync":
                self._change_bytes(self.names[path], change)

    def _change_bytes(self, node: Node, change: Change) -> None:
        match change.kind:
            case "write":
                node.now += change.data
            case "truncate":
                node.now = node.now[: change.length]
            case "fsync":
                node.certain = node.now

    def _step(self, *step: tuple[str, Node | None]) -> None:
        _take(self.names, step)
        self.uncertain.append(step)

    def _sync(self, folder: str) -> None:
        """Make certain what was done in a folder, and what came before it in the folders that it touched."""
        folders, settled = {folder}, []
        for step in reversed(self.uncertain):
            if folders & _folders(step):
                folders |= _folders(step)
                settled.append(step)
        self.uncertain = [step for step in self.uncertain if step not in settled]
        for step in reversed(settled):
            _take(self.certain, step)

    def after_cut(self, fate: Fate, numbers: random.Random) -> Tree:
        """What lies there when the power is back."""
        names, broken = dict(self.certain), set[str]()
        for step in self.uncertain:
            if broken & _folders(step) or not fate.keeps(numbers):
                broken |= _folders(step)  # of what is done in one folder, nothing overtakes another
            else:
                _take(names, step)
        return {path: _content(node, fate, numbers) for path, node in sorted(names.items())}


def _content(node: Node, fate: Fate, numbers: random.Random) -> Content:
    if node.is_folder or node.kept:
        return node.kept
    return fate.bytes_of(numbers, node.certain, node.now)


def _take(names: Names, step: Step) -> None:
    for path, node in step:
        if node is None:
            names.pop(path, None)
        else:
            names[path] = node


def _folders(step: Step) -> set[str]:
    return {os.path.dirname(path) for path, _ in step}
