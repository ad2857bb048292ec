"""Is the journal as it was written? Every line is held against the one that was written behind it."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from refundsorter.core.chain import Chain, Place, link, previous_of
from refundsorter.core.fault import RefundsorterError
from refundsorter.core.placement import JOURNAL
from refundsorter.edges import anchors
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal_history import History
from refundsorter.edges.ledger_report import LedgerReport, read_overview
from refundsorter.edges.ledger_schema import FILE
from refundsorter.settings import Settings

TOLD_EVERY = 5000  # lines between two reports of progress
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class DateRefused(RefundsorterError):
    """It is no date of a journal's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Where the journal is not as it was written."""

    file: str  # the path
    line: int  # from 1
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What following the journal's chain came to."""

    files: int
    lines: int
    removed: int  # files that retention has removed, whose ends the chain goes on from
    unchained: int  # lines from before there was a chain; the first that has one covers them
    torn: bool  # whether the newest file ends amid a line: one is just being written, or a crash has cut it
    ledger: bool  # whether the end could be held against the ledger
    flaws: Sequence[Flaw]

    @property
    def is_whole(self) -> bool:
        """Whether it is as it was written."""
        return not self.flaws


def trace(settings: Settings, *, since: str | None, on_progress: Callable[[int, int], None]) -> Trace:
    """Follow the chain of the journal, also beside a running daemon.

    Args:
        settings: For the journal and the ledger.
        since: The date, YYYY-MM-DD, of the first file that is asked for; what came before is taken on trust.
        on_progress: Told the lines read, and about how many there are.

    Raises:
        DateRefused: `since` is no date.
        AnchorsDamaged: What was kept of removed files cannot be read.
        LedgerRefused: There is a ledger that cannot be read.
        PassingTrouble: Journal or ledger cannot be read now.
    """
    if since is not None and not DATE.fullmatch(since):
        raise DateRefused(f"found {since!r}; --since wants a date of a journal's file, such as 2026-01-31")
    tip = _tip(str(settings.state_dir / FILE))  # first: what is written meanwhile comes behind it
    folder = settings.sorted / JOURNAL
    history = History(str(folder), FileSystem())
    names = {name: size for name, size in history.sizes().items() if since is None or name >= since}
    kept = anchors.read(folder)
    chain = Chain([*kept.tips, *([_carried_first(history, names)] if since is not None else [])], tip)
    total, position, is_torn = sum(names.values()), 0, False
    for name in names:
        packed = history.packed_before(name)
        for number, line in enumerate(history.lines(name), start=1):
            position += len(line)
            is_torn = not line.endswith(b"\n") and name == max(names)
            if not (is_torn or (packed and link(line) in packed)):
                chain.feed(Place(name, number), line)
            if chain.lines % TOLD_EVERY == 0:
                on_progress(chain.lines, chain.lines * max(total, position) // position)
    return Trace(
        files=len(names),
        lines=chain.lines,
        removed=len(kept.files),
        unchained=chain.unchained,
        torn=is_torn,
        ledger=tip is not None,
        flaws=[
            Flaw(file=history.place(one.place.file), line=one.place.number, found=one.found)
            for one in chain.breaks()
        ],
    )


def _tip(ledger: str) -> str | None:
    """The hash of the last line that the ledger knows of; None where there is no ledger, or it knows none."""
    if read_overview(ledger) is None:
        return None
    report = LedgerReport(ledger)
    try:
        checkpoint = report.checkpoint()
        return checkpoint.tip if checkpoint else None
    finally:
        report.close()


def _carried_first(history: History, names: Iterable[str]) -> str:
    """What the first line carries of those that came before."""
    lines = (line for name in names for line in history.lines(name))
    return next((previous_of(line) or "" for line in islice(lines, 1)), "")
