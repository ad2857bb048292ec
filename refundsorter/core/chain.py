"""The chain of the journal's lines: each carries the hash of the line that was written before it.

So nobody can change, remove, add or exchange a line without the next one telling; the hash of the last one
stands in the ledger. Lines are chained in the order of writing, which now and then is not that of the files:
after a clock was set back, a line of yesterday is written behind one of today.
"""

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from refundsorter.core.record import Entry, json_line

GENESIS = "0" * 64  # stands in the first line for the one before it
_LINK = re.compile(rb',"previous":"([0-9a-f]{64})"\}\n\Z')


def line_of(entry: Entry, previous: str) -> bytes:
    """A line of the journal, with its line feed.

    Args:
        entry: What it tells.
        previous: The hash of the line that was written before it.
    """
    fields: dict[str, Any] = {**entry.fields(), "previous": previous}
    return json_line(fields)


def link(line: bytes) -> str:
    """The hash by which the next line names a line: SHA-256 of its bytes, line feed included, in hex."""
    return hashlib.sha256(line).hexdigest()


def previous_of(line: bytes) -> str | None:
    """The hash of the line before it that a line carries; None where it carries none."""
    found = _LINK.search(line)
    return found[1].decode() if found else None


def without_link(line: bytes) -> bytes:
    """What a line tells, whatever was written before it."""
    return _LINK.sub(b"}\n", line)


def end_of(tip: str, followers: dict[str, str]) -> str:
    """Where a chain ends that goes on from a line.

    Args:
        tip: The hash of that line.
        followers: The hashes of lines, by what they carry.
    """
    while (after := followers.pop(tip, None)) is not None:
        tip = after
    return tip


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a line stands."""

    file: str  # its name, which begins with a date, YYYY-MM-DD
    number: int  # from 1


@dataclass(frozen=True, slots=True)
class Break:
    """Where the journal is not as it was written."""

    place: Place
    found: str


@dataclass(slots=True)
class _Run:
    """Lines behind each other in one file of which each carries the hash of the one before."""

    first: Place
    last: Place
    after: str  # what the first carries
    tip: str  # the hash of the last


CHANGED = "it is not as it was written, or lines behind it are missing"
ELSEWHERE = "it was written at another place than where it stands"
NO_LINE = "it is no line as the daemon writes them"
UNLINKED = "it carries no hash of the line before it, and lines before it do"
BEGINS = "lines that were written before it are missing"
CUT = "lines that were written behind it are missing"


class Chain:
    """Follows the lines of a journal, which are fed in the order of files and lines.

    Args:
        anchors: The hashes of the last lines of files that were put away.
        tip: The hash of the last line that the ledger knows to be durable; None where it is not known.
    """

    def __init__(self, anchors: Collection[str] = (), tip: str | None = None) -> None:
        self.lines = 0
        self.unchained = 0  # lines from before lines carried anything
        self._anchors = {GENESIS, *anchors}
        self._runs: list[_Run] = []
        self._breaks: list[Break] = []
        self._tip = tip
        self._has_tip = tip is None or tip in self._anchors

    def feed(self, place: Place, line: bytes) -> None:
        """Take the next line."""
        self.lines += 1
        hashed, before = link(line), self._runs[-1] if self._runs else None
        self._has_tip |= hashed == self._tip
        carried = previous_of(line)
        if carried is None:
            carried = before.tip if before else GENESIS
            if not (line.startswith(b"{") and line.endswith(b"}\n")):
                self._breaks.append(Break(place, NO_LINE))
            elif self.unchained < self.lines - 1:
                self._breaks.append(Break(place, UNLINKED))
            else:
                self.unchained += 1
        if before and carried == before.tip and before.last.file == place.file:
            before.last, before.tip = place, hashed
        else:
            self._runs.append(_Run(place, place, carried, hashed))

    @property
    def tip(self) -> str:
        """The hash of the line that was written last."""
        carried = {run.after for run in self._runs}
        ends = [run.tip for run in self._runs if run.tip not in carried]
        return ends[-1] if ends else GENESIS

    def breaks(self) -> list[Break]:
        """What is wrong, by place."""
        found = [*self._breaks, *self._loose(), *self._misplaced()]
        if not self._has_tip:
            last = self._runs[-1].last if self._runs else Place("", 0)
            if not any(one.place == last for one in found):
                found.append(Break(last, CUT))
        told: dict[Place, Break] = {}
        for one in found:
            told.setdefault(one.place, one)
        return sorted(told.values(), key=lambda one: one.place)

    def _loose(self) -> Iterator[Break]:
        """Lines that nothing leads to: the one before each is not what it was."""
        tips = self._anchors | {run.tip for run in self._runs}
        claimed = set[str]()
        is_told = False  # whether the run before is one line that was told already
        for index, run in enumerate(self._runs):
            is_loose = run.after not in tips or run.after in claimed
            claimed.add(run.after)
            if not is_loose:
                is_told = False
                continue
            following = self._runs[index + 1] if index + 1 < len(self._runs) else None
            is_alone = run.first == run.last and following is not None and following.after not in tips
            if index == 0 and not is_alone:
                yield Break(run.first, BEGINS)
            elif is_alone:
                yield Break(run.first, CHANGED)
            elif not is_told:
                yield Break(self._runs[index - 1].last, CHANGED)
            is_told = is_alone

    def _misplaced(self) -> Iterator[Break]:
        """Lines that stand before others of their file which were written earlier."""
        by_carried = {run.after: run for run in self._runs}
        for start in [run for run in self._runs if run.after in self._anchors]:
            newest: dict[str, Place] = {}
            run: _Run | None = start
            while run is not None:
                if newest.get(run.first.file, run.first) > run.first:
                    yield Break(run.first, ELSEWHERE)
                newest[run.first.file] = run.last
                run = by_carried.pop(run.tip, None)
