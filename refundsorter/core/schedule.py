"""The nights: which local date's sweep is due, by a cron expression in a time zone.

A *night* belongs to a local date. A date that the expression names has one, at the first time of that date
which it names; a date that the zone skips altogether has none. Whether a night was run is not known here but
in the ledger, by a key that is unique. So whatever the clock does, and however often it is asked, there is
one rule: the latest night that is due now is run, unless it was run before.

A clock that is set forward runs a night early, and that date is not run again when the time comes; one that
is set back names nights that were run. Of nights that nobody was there for, the latest one makes up for all.

Times are unix seconds. The arithmetic of cron is done on the wall clock, without a zone; what a change of
the offset does to a time of day is said in `_instant`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from cronsim import CronSim, CronSimError

from refundsorter.core.fault import RefundsorterError

KEY = "night "  # a night's key in the ledger is this and its date
KEY_END = "night!"  # sorts behind every key that begins so
BY = "schedule"  # who asks for a night's job
FIELDS = 5  # minute, hour, day of the month, month, day of the week
MAX_CHARACTERS = 200
EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall clock
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


class ScheduleInvalid(RefundsorterError):
    """It is no cron expression, or one that never comes true."""


@dataclass(frozen=True, slots=True, order=True)
class Night:
    """A night, and from when on it is due."""

    day: date  # the local date that it belongs to
    due: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the nights are.

    Args:
        expression: Of cron, five fields.
        zone: In which it names times.
    """

    expression: str
    zone: tzinfo

    def latest(self, now: float) -> Night | None:
        """The last night that is due at `now`, if there is one."""
        day = self._day_at(now) + 2 * DAY  # near a change of the offset a later date may be due already
        while (found := self._last_before(day)) is not None:
            night = self.night(found)
            if night is not None and night.due <= now:
                return night
            day = found
        return None

    def after(self, now: float) -> Iterator[Night]:
        """The nights that are due after `now`, in the order of their dates."""
        for night in self._nights(self._day_at(now) - DAY):
            if night.due > now:
                yield night

    def between(self, first: date, last: date) -> list[date]:
        """The dates after `first` and before `last` that have a night."""
        found: list[date] = []
        for night in self._nights(first + DAY):
            if night.day >= last:
                break
            found.append(night.day)
        return found

    def night(self, day: date) -> Night | None:
        """That of a date; none where the expression does not name the date, or the zone skips it."""
        wall = self._first_from(day)
        if wall is None or wall.date() != day or not self._has(day):
            return None
        return Night(day, self._instant(wall))

    def _nights(self, day: date) -> Iterator[Night]:
        """Every night from a date on."""
        while (wall := self._first_from(day)) is not None:
            night = self.night(wall.date())
            if night is not None:
                yield night
            day = wall.date() + DAY

    def _first_from(self, day: date) -> datetime | None:
        """The first time on the wall clock that is named, on a date or later."""
        return next(CronSim(self.expression, _midnight(day) - SECOND), None)

    def _last_before(self, day: date) -> date | None:
        """The last date before `day` that is named."""
        wall = next(CronSim(self.expression, _midnight(day), reverse=True), None)
        return None if wall is None else wall.date()

    def _day_at(self, now: float) -> date:
        return datetime.fromtimestamp(now, self.zone).date()

    def _has(self, day: date) -> bool:
        """Whether a date comes, as 2011-12-30 did not in Apia."""
        return self._shown_from(_midnight(day)).date() == day

    def _instant(self, wall: datetime) -> float:
        """When the wall clock shows a time.

        One that it shows twice counts as it is shown first. One that it skips counts as the moment of the
        change, so that the order of dates is that of their nights.
        """
        return self._shown_from(wall).replace(tzinfo=self.zone).timestamp()

    def _shown_from(self, wall: datetime) -> datetime:
        """A time on the wall clock, or the first minute after it that is not skipped."""
        while not self._is_shown(wall):
            wall = wall.replace(second=0) + MINUTE
        return wall

    def _is_shown(self, wall: datetime) -> bool:
        there = wall.replace(tzinfo=self.zone)
        return there.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) == wall


def require_cron(expression: str) -> None:
    """Make sure that an expression names times.

    Raises:
        ScheduleInvalid: It does not.
    """
    if len(expression) > MAX_CHARACTERS or len(expression.split()) != FIELDS:
        raise ScheduleInvalid("it has not the five fields of cron")
    try:
        wall = next(CronSim(expression, EPOCH), None)
    except CronSimError as error:
        raise ScheduleInvalid(str(error)) from error
    if wall is None:
        raise ScheduleInvalid("it never comes true")


def key_of(day: date) -> str:
    """By which the ledger knows a night; no two jobs have one key."""
    return f"{KEY}{day.isoformat()}"


def day_of_key(key: str) -> date:
    """The date of a night's key."""
    return date.fromisoformat(key.removeprefix(KEY))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())
