"""A sweep that is handed to the daemon which runs already, and followed to its end."""

import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime

from refundsorter import jobs
from refundsorter.core.job import JobOver, JobReport, JobState, Scope
from refundsorter.edges import serving
from refundsorter.edges.ledger_report import LedgerReport
from refundsorter.locks import sorter_pid
from refundsorter.settings import Settings
from refundsorter.sweep import SILENCE_S, Account

LOOK_S = 0.2  # how often it is looked how far the job is


def daemon_pid(settings: Settings) -> int | None:
    """The pid of the daemon that would take up a job; None where nobody sorts, or somebody who takes none.

    Raises:
        PassingTrouble: The locks cannot be looked at now, or not by this user.
        StartRefused: What lies in a lock's place is no lock.
    """
    pid = sorter_pid(settings)
    return pid if serving.read(settings.state_dir, pid=pid) is not None else None


def hand_over(
    settings: Settings, *, by: str | None, on_progress: Callable[[int, int], None], undone: bool = False
) -> Account | None:
    """Have the daemon sweep every inbox; the account, or None where it ended before it had begun.

    Trouble that has held the job up for some seconds is not waited out here: the job goes on without this.

    Args:
        settings: The daemon's.
        by: Who asks for it.
        on_progress: Told the photos done and the photos found so far.
        undone: Whether photos that were put back are sorted, too.

    Raises:
        AlreadyRunning: The daemon knows no jobs.
        PassingTrouble: The ledger cannot be used now.
        LedgerRefused: It is damaged, or of a newer version.
    """
    began = time.monotonic()
    job, _ = jobs.start(settings, Scope(undone=undone), by=by, key=None)
    found = _followed(settings, job.id, on_progress)
    if found.state == JobState.QUEUED and sorter_pid(settings) is None:
        with suppress(JobOver):  # a daemon that was started in this moment has it in hand
            jobs.cancel(settings, job.id)
            return None
    return _account(settings, found, time.monotonic() - began)


def _followed(settings: Settings, number: int, on_progress: Callable[[int, int], None]) -> JobReport:
    """Wait until a job is over, is held up for long, or has nobody who works at it; how it stands then."""
    smooth_at = time.monotonic()
    while True:
        found = jobs.one(jobs.ledger_path(settings), number)
        on_progress(found.done, found.found)
        if found.trouble is None:
            smooth_at = time.monotonic()
        is_held_up = time.monotonic() - smooth_at > SILENCE_S
        if found.ended or is_held_up or sorter_pid(settings) is None:
            return found
        time.sleep(LOOK_S)


def _account(settings: Settings, found: JobReport, waited_s: float) -> Account:
    with closing(LedgerReport(jobs.ledger_path(settings))) as ledger:
        lines_owed = ledger.lines_owed()
    return Account(
        job=found.id,
        found=found.found - found.undone,  # what was put back meanwhile is another matter
        sorted=found.sorted,
        review=found.review,
        rejected=found.rejected,
        left=found.left,
        categories=found.categories,
        seconds=round(_took_s(found) or waited_s, 3),
        interrupted=found.state != JobState.DONE,
        unreachable=[],
        lines_owed=lines_owed,
        trouble=found.trouble,
    )


def _took_s(found: JobReport) -> float | None:
    """Seconds from its start to its end."""
    if found.started is None or found.ended is None:
        return None
    began, ended = (datetime.fromisoformat(one) for one in (found.started, found.ended))
    return max(0.0, (ended - began).total_seconds())
