"""How the nights stand: when the next one is due, and how the last one went."""

import os
from contextlib import closing
from pathlib import Path

from refundsorter.core.check import Check, Verdict
from refundsorter.core.fault import RefundsorterError
from refundsorter.core.night_steps import NightRecord, Outcome
from refundsorter.core.record import rfc3339
from refundsorter.core.schedule import Schedule, day_of_key
from refundsorter.core.standing import LastNight, Nights
from refundsorter.edges.ledger_jobs_report import JobsReport
from refundsorter.edges.night_book import NightBook
from refundsorter.policies import schedule
from refundsorter.settings import Settings

LATE_S = 3600.0  # after which a night that is due counts as missed


def read(plan: Schedule | None, path: str, *, now: float) -> Nights:
    """How nights stand.

    Args:
        plan: When they are; None: never.
        path: Of the ledger.
        now: Unix seconds.

    Raises:
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged, or of a newer version.
    """
    following = None if plan is None else next(plan.after(now), None)
    return Nights(
        schedule=None if plan is None else plan.expression,
        next=None if following is None else rfc3339(following.due),
        last=_last(path),
    )


class NoSuchNight(RefundsorterError):
    """Nothing is kept of it."""


def kept(settings: Settings) -> list[NightRecord]:
    """The nights that are kept, the newest first.

    Raises:
        PassingTrouble: They cannot be read now.
    """
    return NightBook(settings.state_dir).nights()[::-1]


def night(settings: Settings, date: str | None) -> NightRecord:
    """What was done in the night of a date, YYYY-MM-DD; in the last one for None.

    Raises:
        NoSuchNight: Nothing is kept of it.
        PassingTrouble: They cannot be read now.
    """
    nights = kept(settings)
    found = next((one for one in nights if date in (None, one.date)), None)
    if found is None:
        what = f"the night of {date!r}" if date else "any night"
        known = f"; the nights from {nights[-1].date} to {nights[0].date} are" if nights else ""
        raise NoSuchNight(f"of {what} nothing is kept{known}")
    return found


def check(settings: Settings, path: str, *, now: float) -> Check:
    """The doctor's finding on them."""
    found = read(schedule(settings), path, now=now)
    last = found.last
    if last is not None and last.flaw is not None:
        return Check(
            name="nights",
            verdict=Verdict.WARNING,
            found=last.flaw,
            todo=f"see `refundsorter jobs show {last.job}`",
        )
    if last is not None and (failed := _failed_steps(path, last)):
        return Check(
            name="nights", verdict=Verdict.WARNING, found=failed, todo="see `refundsorter nights show`"
        )
    if found.next is None:
        return Check(name="nights", verdict=Verdict.OK, found="none: nothing is swept by itself")
    return Check(name="nights", verdict=Verdict.OK, found=f"'{found.schedule}', the next at {found.next}")


def _failed_steps(path: str, last: LastNight) -> str | None:
    """Which steps of the last night could not be done, as a sentence without its end; None for none.

    Args:
        path: Of the ledger, beside which they are written down.
        last: The night.
    """
    steps = [
        step for one in NightBook(Path(path).parent).nights() if one.job == last.job for step in one.steps
    ]
    failed = [one.step for one in steps if one.told and one.told.outcome is Outcome.FAILED]
    return f"of that of {last.date} steps have failed: {', '.join(failed)}" if failed else None


def flaw(plan: Schedule, path: str, *, now: float) -> str | None:
    """What is wrong with the last night, or that the one that is due has not begun; None where all is well.

    Raises:
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged, or of a newer version.
    """
    due, last = plan.latest(now), _last(path)
    if due is not None and now - due.due >= LATE_S and (last is None or last.date < due.day.isoformat()):
        return f"that of {due.day} has not begun"
    return (last.flaw or _failed_steps(path, last)) if last else None


def _last(path: str) -> LastNight | None:
    if not os.path.exists(path):
        return None
    with closing(JobsReport(path)) as ledger:
        found = ledger.last_night()
    if found is None:
        return None
    key, job, tally = found
    return LastNight(
        date=day_of_key(key).isoformat(),
        job=job.id,
        state=job.state.value,
        ended=None if job.ended_at is None else rfc3339(job.ended_at),
        found=tally.found,
        left=tally.found - tally.done,
        trouble=job.trouble,
    )
