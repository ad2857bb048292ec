"""A day as the clock on the wall has it: where it begins and ends, and its hours: not always 24.

Times are unix seconds.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from refundsorter.core.fault import RefundsorterError

FIRST, LAST = date(1971, 1, 1), date(9000, 1, 1)  # what lies beyond is no date of a photo
HOUR_S = 3600.0


class DateRefused(RefundsorterError):
    """It is no date that can be told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDay:
    """One date in one zone."""

    date: date
    since: float  # inclusive
    until: float  # exclusive; a date that the zone skips is empty
    begins: str  # the same as RFC 3339, in local time
    ends: str
    hours: tuple[str, ...]  # the local time at which each hour begins, HH:MM

    @property
    def name(self) -> str:
        """YYYY-MM-DD."""
        return self.date.isoformat()


def local_day(day: date, zone: tzinfo) -> LocalDay:
    """A date in a zone.

    A midnight that the zone skips is the moment of the change; of one that comes twice the first counts.
    """
    since, until = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    hours = max(0, -int(-(until - since) // HOUR_S))
    return LocalDay(
        date=day,
        since=since,
        until=until,
        begins=_local(since, zone).isoformat(),
        ends=_local(until, zone).isoformat(),
        hours=tuple(f"{_local(since + hour * HOUR_S, zone):%H:%M}" for hour in range(hours)),
    )


def day_at(now: float, zone: tzinfo) -> date:
    """The date that the clock shows then."""
    return _local(now, zone).date()


def parse(given: str) -> date:
    """Read a date.

    Raises:
        DateRefused: It is none.
    """
    try:
        found = date.fromisoformat(given)
    except ValueError:
        found = None
    if found is None or found.isoformat() != given or not FIRST <= found <= LAST:
        raise DateRefused(f"found {given!r}; a date is expected, such as 2026-01-31")
    return found


def _midnight(day: date, zone: tzinfo) -> float:
    return datetime.combine(day, time(), zone).timestamp()


def _local(at: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at, zone)
