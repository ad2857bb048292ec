"""A day's report: read from the ledger and what was recorded on the day, and written as page and table."""

import json
import math
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date, timedelta, tzinfo

from refundsorter.core import report as accounts
from refundsorter.core.day_facts import Facts
from refundsorter.core.latency import latency
from refundsorter.core.local_day import LocalDay, day_at, local_day
from refundsorter.core.record import rfc3339
from refundsorter.core.report import USUAL_DAYS, Account, Report
from refundsorter.core.report_page import render
from refundsorter.core.report_table import rows
from refundsorter.core.table import csv_rows
from refundsorter.drift import NothingSorted
from refundsorter.edges.fence import Fence
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.ledger_day import LedgerDay
from refundsorter.edges.ledger_reading import Reader, Snapshot
from refundsorter.edges.ledger_schema import FILE
from refundsorter.edges.reports import Kept, Reports
from refundsorter.edges.zone import zone_of
from refundsorter.recording import record
from refundsorter.settings import Settings

DAY_S, HOUR_S, MINUTE_S = 86_400.0, 3_600.0, 60.0
SHOWN = 10  # photos of a list
PICTURES = 12  # rejected photos that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A report that was written."""

    date: str
    is_over: bool  # the day, when it was first made
    account: Account
    html: str  # paths
    json: str
    csv: str


def zone(settings: Settings) -> tzinfo:
    """Whose midnight ends a day."""
    return zone_of(settings.sweep.timezone)


def yesterday(settings: Settings, *, now: float) -> date:
    """The last day that is over."""
    return day_at(now, zone(settings)) - timedelta(days=1)


def days_since(settings: Settings, first: date, *, now: float) -> list[date]:
    """Every day from a date on that is over, but for those before any photo was filed.

    Raises:
        NothingSorted: There is no ledger.
        PassingTrouble: It cannot be read now.
    """
    with closing(_reader(settings)) as reader, reader.at_once() as ledger:
        began = LedgerDay(ledger, 0.0, 0.0).first()
    last = yesterday(settings, now=now)
    if began is None:
        return []
    first = max(first, day_at(began, zone(settings)))
    return [first + timedelta(days=day) for day in range((last - first).days + 1)]


def make(settings: Settings, day: date, *, now: float, fence: Fence | None = None) -> Made:
    """Make a day's report, or make it again: of a day that is over it is the same, byte for byte.

    Args:
        settings: The settings in force.
        day: The date. One that is not over gives a report that is made anew each time.
        now: Unix seconds.
        fence: Where photos are decoded; None: one of its own.

    Raises:
        NothingSorted: There is no ledger.
        ReportDamaged: What lies in the report's place is none.
        AlreadyRunning: Another process makes reports.
        PassingTrouble: Ledger or shelf cannot be used now.
        LedgerRefused: The ledger is damaged.
    """
    where = zone(settings)
    span = local_day(day, where)
    reports = Reports(settings.sorted, FileSystem())
    with closing(_reader(settings)) as reader, reports.held():
        kept = reports.kept(span.name)
        with reader.at_once() as ledger:
            facts, current = _facts(ledger, span), LedgerDay(ledger, span.since, span.until)
            waiting, oldest, owed = current.waiting(), current.oldest(SHOWN), current.owed()
        if kept is not None and _is_settled(kept, span):
            recorded = kept.recorded
        else:
            recorded = record(
                settings, span, reader, now=now, waiting=waiting, oldest=oldest, lines_owed=owed,
                refused=facts.refused, fence=fence,
            )  # fmt: skip
        found = accounts.report(span, facts, recorded)
        reports.write(span.name, dict(_contents(found, where)))
    paths = {form: str(reports.path(span.name, form)) for form in ("html", "json", "csv")}
    return Made(date=found.date, is_over=found.is_over, account=found.account, **paths)


def _is_settled(kept: Kept, day: LocalDay) -> bool:
    """Whether what was recorded is of this very day, and was taken when it was over."""
    is_same = (kept.date, kept.since, kept.until) == (day.name, day.begins, day.ends)
    return is_same and kept.recorded.taken_at >= rfc3339(day.until)


def _facts(ledger: Snapshot, day: LocalDay) -> Facts:
    of_day = LedgerDay(ledger, day.since, day.until)
    before = LedgerDay(ledger, day.since - USUAL_DAYS * DAY_S, day.since)
    return Facts(
        filed=of_day.count(),
        groups=of_day.groups(),
        answered=of_day.answered(),
        usual=before.answered(),
        usual_days=_usual_days(of_day.first(), day),
        reasons=of_day.reasons(),
        refused=of_day.refused(PICTURES),
        slowest=of_day.slowest(SHOWN),
        latency=latency(of_day.times()),
        busiest_hour=of_day.busiest(HOUR_S),
        busiest_minute=of_day.busiest(MINUTE_S),
        models=of_day.models(),
        moves=of_day.moves(),
        judged=of_day.judged(),
        judged_usual=before.judged(),
        backlog_before=of_day.backlog(day.since),
        backlog=of_day.backlog(day.until),
    )


def _usual_days(first: float | None, day: LocalDay) -> int:
    """How many days before this one there were, of those that it is held against."""
    return 0 if first is None else min(USUAL_DAYS, max(0, math.ceil((day.since - first) / DAY_S)))


def _contents(found: Report, where: tzinfo) -> Iterator[tuple[str, bytes]]:
    """The files of a report; first what must not be lost."""
    yield "json", json.dumps(asdict(found), ensure_ascii=False, indent=1).encode() + b"\n"
    yield "csv", b"".join(csv_rows(rows(found)))
    yield "html", render(found, where).encode()


def _reader(settings: Settings) -> Reader:
    path = str(settings.state_dir / FILE)
    if not os.path.exists(path):
        raise NothingSorted(f"{path}: there is no ledger, so no photo was ever sorted; is `state_dir` right?")
    return Reader(path)
