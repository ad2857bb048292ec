"""What is old enough to be put away: a function of names, ages and the date, and of nothing else.

Ages are whole days; 0 stands for never. What the ledger has yet to write, or would hold a file against, is
younger than any age.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

JOURNAL_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl(\.gz)?", re.ASCII)
REPORT_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.(?:html|json|csv)", re.ASCII)
WORTHWHILE_BYTES = 64 << 20  # unused room in the ledger's file, below which it is not made smaller
WORTHWHILE_PART = 4  # nor where that is less than one in so many bytes of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """After how many days what is put away; 0: never."""

    compress: int  # a file of the journal is compressed
    journal: int  # a file of the journal is removed
    reports: int  # the reports of a day are removed
    predictions: int  # a recorded prediction leaves the ledger; its line stays
    shadows: int  # a candidate's answer leaves the ledger
    rejected: int  # a rejected photo is removed


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPlan:
    """What is to become of the journal's files."""

    compress: tuple[str, ...]  # days that have a file that is not compressed, the oldest first
    remove: tuple[str, ...]  # names of files, the oldest first


def is_older(day: str, age: int, *, today: date) -> bool:
    """Whether a date, YYYY-MM-DD, lies more than so many days before today; never for an age of 0."""
    try:
        return bool(age) and today - date.fromisoformat(day) > timedelta(days=age)
    except ValueError:  # it only looks like one
        return False


def first_kept(names: Iterable[str], *, checkpoint: str | None, owed: str | None) -> str:
    """The first day whose files, and whose rows in the ledger, are left alone whatever their age.

    Args:
        names: Of the journal's files.
        checkpoint: The day of the file that the ledger knows to be whole up to somewhere; None: of none.
        owed: The earliest day of which a line is still to be written; None where there is none.

    Returns:
        A date, YYYY-MM-DD; an empty text, which is before all, where the ledger knows of no file.
    """
    found = [match for name in names if (match := JOURNAL_FILE.fullmatch(name))]
    newest = max((match[1] for match in found if not match[2]), default=None)
    return min(day for day in (newest or "", checkpoint or "", owed or "9999-12-31"))


def plan_journal(names: Iterable[str], ages: Ages, *, kept: str, today: date) -> JournalPlan:
    """What becomes of the journal's files.

    Args:
        names: Of what lies in its folder.
        ages: The ages.
        kept: The first day that is left alone.
        today: The date, UTC, as that of the files.
    """
    compress, remove = set[str](), list[str]()
    for name in sorted(names):
        match = JOURNAL_FILE.fullmatch(name)
        if match is None or match[1] >= kept:
            continue
        if is_older(match[1], ages.journal, today=today):
            remove.append(name)
        elif not match[2] and is_older(match[1], ages.compress, today=today):
            compress.add(match[1])
    return JournalPlan(compress=tuple(sorted(compress)), remove=tuple(remove))


def plan_reports(names: Iterable[str], ages: Ages, *, today: date) -> tuple[str, ...]:
    """The names of reports that are to be removed, the oldest first."""
    return tuple(
        name
        for name in sorted(names)
        if (match := REPORT_FILE.fullmatch(name)) and is_older(match[1], ages.reports, today=today)
    )


def cutoff(age: int, *, today: date, kept: str | None = None) -> float | None:
    """The time, unix seconds, before which rows of an age are put away; None: none are.

    Args:
        age: In days; 0: never.
        today: The date, UTC.
        kept: The first day that is left alone, where that matters.
    """
    if not age or kept == "":
        return None
    first = today - timedelta(days=age)
    if kept is not None:
        first = min(first, date.fromisoformat(kept))
    return datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()


def is_vacuum_worthwhile(*, free_bytes: int, all_bytes: int) -> bool:
    """Whether the ledger's file has so much unused room that it is worth writing it anew.

    Rows that come use that room first, so a file never grows for want of this.
    """
    return free_bytes >= WORTHWHILE_BYTES and free_bytes * WORTHWHILE_PART >= all_bytes
