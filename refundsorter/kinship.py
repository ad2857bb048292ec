"""Whether ledger and journal are of one history, and the journal is fit to be written to.

A ledger from which a lost one was begun anew, or that came out of a backup, would give ids a second time.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from refundsorter.core.fault import LedgerRefused
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal_history import History
from refundsorter.edges.ledger_report import LedgerReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Something about a journal that must be mended."""

    found: str
    todo: str
    errno: int | None = None  # the system's, where it says best what to do


def has_lines(journal: str) -> bool:
    """Whether a photo was ever filed on this shelf, as far as can be seen now.

    Raises:
        PassingTrouble: The journal's folder is there and cannot be read.
    """
    return os.path.isdir(journal) and any(History(journal, FileSystem()).sizes().values())


def require(ledger: str, journal: str, *, is_new: bool) -> None:
    """Refuse a ledger that would give ids which lines have: the one that wrote them was lost, or is newer.

    Lines that a crash left without a mark are known: the ledger says first that a photo is filed.

    Args:
        ledger: Its path.
        journal: The folder's path; where it is missing, the shelf is not mounted and nothing is sorted.
        is_new: Whether the ledger never had anything that a line could tell of.

    Raises:
        LedgerRefused: It was lost and begun anew, or it is older than the journal.
        PassingTrouble: Journal or ledger cannot be read now.
    """
    if is_new and has_lines(journal):
        raise LedgerRefused(
            f"{ledger} knows of no photo, but the journal in {journal} has lines: the ledger was lost. "
            "`refundsorter ledger rebuild` makes it anew; to begin from nothing, move the journal's "
            "files away"
        )
    if not is_new and os.path.isdir(journal) and (unknown := _unknown_line(ledger, journal)):
        raise LedgerRefused(
            f"the journal in {journal} has lines that {ledger} does not know, such as that of {unknown}: "
            f"this ledger is older than the journal, as a restored backup is. It would give "
            "numbers a second time. `refundsorter ledger rebuild --force` makes it anew and keeps this one"
        )


def misfits(ledger: str, journal: str, *, today: str) -> Iterator[Misfit]:
    """What keeps lines from being written to the journal's folder, which is there; nothing is changed.

    Args:
        ledger: Its path; there is one.
        journal: The folder's path.
        today: The UTC date.

    Raises:
        PassingTrouble: Journal or ledger cannot be read now.
    """
    history = History(journal, FileSystem())
    days = dict.fromkeys([*history.names(), today])
    newest = max(days)
    for day in days:
        path = history.path(day)
        try:
            found = os.lstat(path)
            if not stat.S_ISREG(found.st_mode):
                yield Misfit(
                    found=f"{path} is no file that lines can be written to",
                    todo="move it away; where it is a link, put the file itself in its place",
                )
            elif day in (today, newest):
                os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC))
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Misfit(found=f"{path} cannot be written to: {error.strerror}", todo="", errno=error.errno)
    if unknown := _unknown_line(ledger, journal):
        yield Misfit(
            found=f"it has lines that the ledger does not know, such as that of {unknown}: "
            "this ledger is older",
            todo="refundsorter ledger rebuild --force",
        )


def _unknown_line(ledger: str, journal: str) -> str:
    """What a line beyond the checkpoint tells of and the ledger does not know, as `photo 7`; or nothing.

    Lines are only ever appended, so the last one of each file tells, however many there are.
    """
    report = LedgerReport(ledger)
    try:
        lasts = History(journal, FileSystem()).last_keys(report.checkpoint())
        return next((str(key) for key in lasts if not report.has_line(key)), "")
    finally:
        report.close()
