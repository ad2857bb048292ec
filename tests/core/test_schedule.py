"""The nights: each local date has one, whatever the zone and the clock do."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refundsorter.core.schedule import (
    Night,
    Schedule,
    ScheduleInvalid,
    day_of_key,
    key_of,
    require_cron,
)

DAY_S = 86_400.0
YEARS = {  # a year of each zone, by a moment in it: half an hour of summer time, a date skipped, and so on
    "Australia/Lord_Howe": 2026,
    "Pacific/Apia": 2011,
    "America/New_York": 2026,
    "Asia/Kathmandu": 2026,
    "UTC": 2026,
}
ZONES = [*YEARS, "Europe/Berlin", "America/St_Johns", "America/Sao_Paulo", "Atlantic/Azores", "Asia/Beirut"]
moments = st.integers(min_value=0, max_value=int(datetime(2035, 1, 1, tzinfo=UTC).timestamp()))
zones = st.sampled_from(ZONES).map(ZoneInfo)
times = st.builds("{} {} * * *".format, st.integers(0, 59), st.integers(0, 23))


def at(*when: int, zone: tzinfo, fold: int = 0) -> float:
    """A moment on a zone's wall clock, in unix seconds."""
    year, month, day, hour, minute = when
    return datetime(year, month, day, hour, minute, tzinfo=zone, fold=fold).timestamp()


def dates(zone: tzinfo, first: float, last: float) -> list[date]:
    """Every date that the zone's calendars show between two moments, found by looking each quarter hour."""
    looks = (datetime.fromtimestamp(first + 900 * count, zone) for count in range(int((last - first) // 900)))
    return sorted({look.date() for look in looks})


@dataclass
class Machine:
    """A machine whose wall clock is stepped, and which forgets everything but its record when it restarts."""

    schedule: Schedule
    now: float  # true time
    wall: float  # what its clock says
    ran: list[date] = field(default_factory=list)
    missed: list[date] = field(default_factory=list)

    def look(self) -> None:
        """Run the night that is due, unless the record has it."""
        night = self.schedule.latest(self.wall)
        if night is None or night.day in self.ran:
            return
        if before := [day for day in self.ran if day < night.day]:
            self.missed += self.schedule.between(max(before), night.day)
        self.ran.append(night.day)

    def live_until(self, moment: float) -> None:
        """Go through true time, looking whenever a night comes due."""
        while True:
            self.look()
            to_next = next(self.schedule.after(self.wall)).due - self.wall
            step = min(to_next, moment - self.now)
            self.now, self.wall = self.now + step, self.wall + step
            if self.now >= moment:
                return


@pytest.mark.parametrize("name", YEARS)
def test_a_year_of_nights_has_each_date_once(name: str) -> None:
    """Two hundred steps of the clock by up to a day and as many restarts skip no date and double none."""
    chance = random.Random(name)
    zone = ZoneInfo(name)
    begin = at(YEARS[name], 1, 1, 12, 0, zone=zone)
    machine = Machine(Schedule("0 3 * * *", zone), begin, begin)
    end = begin + 365 * DAY_S
    for moment in sorted(chance.uniform(begin, end) for _ in range(400)):
        machine.live_until(moment)
        if chance.random() < 0.5:
            machine.wall += chance.uniform(-DAY_S, DAY_S)
        else:  # a restart of up to an hour: nobody looks meanwhile
            off_s = chance.uniform(0, 3600)
            machine.now, machine.wall = machine.now + off_s, machine.wall + off_s
        machine.look()
    while machine.wall != machine.now:  # the clock is put right at last
        machine.wall += max(-DAY_S, min(DAY_S, machine.now - machine.wall))
        machine.look()
    machine.live_until(end)
    first, last = min(machine.ran), max(machine.ran)  # what the clock said was further than what was so
    shown = dates(zone, begin - 60 * DAY_S, end + 60 * DAY_S)
    assert sorted(machine.ran) == [day for day in shown if first <= day <= last]
    assert first <= date(YEARS[name], 1, 1) <= date(YEARS[name] + 1, 1, 1) <= last
    assert machine.missed == []


@pytest.mark.parametrize("name", YEARS)
def test_a_year_of_an_undisturbed_clock(name: str) -> None:
    """Night after night, each date of the zone's calendar comes once, in order and after its midnight."""
    zone = ZoneInfo(name)
    begin, end = at(YEARS[name], 1, 1, 0, 0, zone=zone), at(YEARS[name] + 1, 1, 1, 0, 0, zone=zone)
    nights = list(takewhile(lambda one: one.due < end, Schedule("0 3 * * *", zone).after(begin)))
    assert [one.day for one in nights] == dates(zone, begin, end)
    assert [datetime.fromtimestamp(one.due, zone).date() for one in nights] == [one.day for one in nights]


def test_a_date_that_a_zone_skips_has_no_night() -> None:
    """Apia went from 29 to 31 December 2011: nothing is run for the 30th, and nothing twice on the 31st."""
    zone = ZoneInfo("Pacific/Apia")
    schedule = Schedule("0 3 * * *", zone)
    assert schedule.night(date(2011, 12, 30)) is None
    found = islice(schedule.after(at(2011, 12, 29, 12, 0, zone=zone)), 2)
    assert list(found) == [
        Night(date(2011, 12, 31), at(2011, 12, 31, 3, 0, zone=zone)),
        Night(date(2012, 1, 1), at(2012, 1, 1, 3, 0, zone=zone)),
    ]
    assert schedule.between(date(2011, 12, 28), date(2012, 1, 1)) == [date(2011, 12, 29), date(2011, 12, 31)]


@pytest.mark.parametrize(
    ("zone", "expression", "day", "shown"),
    [
        ("Europe/Berlin", "30 2 * * *", date(2026, 3, 29), "2026-03-29T03:00:00+02:00"),  # 2:30 is skipped
        ("Europe/Berlin", "30 2 * * *", date(2026, 10, 25), "2026-10-25T02:30:00+02:00"),  # the first of two
        ("Australia/Lord_Howe", "15 2 * * *", date(2026, 10, 4), "2026-10-04T02:30:00+11:00"),
        ("Australia/Lord_Howe", "45 1 * * *", date(2026, 4, 5), "2026-04-05T01:45:00+11:00"),
        ("Asia/Beirut", "10 0 * * *", date(2026, 3, 29), "2026-03-29T01:00:00+03:00"),
        ("America/Toronto", "45 23 * * *", date(1919, 3, 30), "1919-03-31T00:30:00-04:00"),  # over midnight
        ("UTC", "0 15,3 * * *", date(2026, 1, 1), "2026-01-01T03:00:00+00:00"),  # the first time of a date
    ],
)
def test_when_a_night_is_due(zone: str, expression: str, day: date, shown: str) -> None:
    """A time that is shown twice counts once, and one that is skipped at the change; the date stays."""
    night = Schedule(expression, ZoneInfo(zone)).night(day)
    assert night is not None
    assert (night.day, datetime.fromtimestamp(night.due, ZoneInfo(zone)).isoformat()) == (day, shown)


def test_a_clock_that_is_set_back_repeats_nothing() -> None:
    """A night that ran early, by a clock that was a day ahead, is not run again when its time comes."""
    zone = ZoneInfo("Asia/Kathmandu")
    noon = at(2026, 5, 1, 12, 0, zone=zone)
    machine = Machine(Schedule("0 3 * * *", zone), noon, noon)
    for step in (0.0, DAY_S, -DAY_S):
        machine.wall += step
        machine.look()
    machine.live_until(noon + 2 * DAY_S)
    assert machine.ran == [date(2026, 5, 1), date(2026, 5, 2), date(2026, 5, 3)]


def test_missed_nights_are_made_up_for_by_one() -> None:
    """After a week off the latest night is run, and the six before it are named as missed."""
    zone = ZoneInfo("Europe/Berlin")
    noon = at(2026, 3, 25, 12, 0, zone=zone)
    machine = Machine(Schedule("0 3 * * *", zone), noon, noon)
    machine.look()
    machine.wall += 7 * DAY_S
    machine.look()
    machine.look()
    assert machine.ran == [date(2026, 3, 25), date(2026, 4, 1)]
    assert machine.missed == [date(2026, 3, 25) + timedelta(days=count) for count in range(1, 7)]


def test_only_dates_that_are_named_have_nights() -> None:
    """Of a schedule for working days, a weekend is not missed."""
    zone = ZoneInfo("Europe/Berlin")
    schedule = Schedule("0 3 * * MON-FRI", zone)
    latest = schedule.latest(at(2026, 11, 22, 12, 0, zone=zone))  # a Sunday
    assert latest is not None
    assert latest.day == date(2026, 11, 20)
    assert schedule.between(date(2026, 11, 19), date(2026, 11, 24)) == [
        date(2026, 11, 20),
        date(2026, 11, 23),
    ]


@given(zone=zones, expression=times, now=moments)
def test_the_latest_and_the_next_are_neighbours(zone: tzinfo, expression: str, now: int) -> None:
    """Of the nights around a moment none is left out and none comes twice."""
    schedule = Schedule(expression, zone)
    latest, following = schedule.latest(now), next(schedule.after(now))
    assert latest is not None
    assert latest.due <= now < following.due
    assert latest.day < following.day
    assert schedule.between(latest.day, following.day) == []


@settings(max_examples=40)
@given(zone=zones, expression=times, now=moments)
def test_the_latest_night_never_goes_back_with_time(zone: tzinfo, expression: str, now: int) -> None:
    """Two days, looked at each hour: the date that is due only grows, and by one night at a time."""
    schedule = Schedule(expression, zone)
    seen = list(_days(schedule, now))
    assert seen == sorted(seen)
    assert all(schedule.between(one, other) == [] for one, other in pairwise(seen))


def _days(schedule: Schedule, now: int) -> Iterator[date]:
    for count in range(48):
        night = schedule.latest(now + 3600 * count)
        assert night is not None
        yield night.day


@given(st.text() | st.lists(st.sampled_from("*/-,#L W019 MON ? JAN"), max_size=12).map(" ".join))
def test_whatever_is_no_cron_is_refused(text: str) -> None:
    """An expression is refused with the one error, or it has a night."""
    try:
        require_cron(text)
    except ScheduleInvalid:
        return
    assert Schedule(text, UTC).latest(at(2026, 1, 1, 0, 0, zone=UTC)) is not None


@pytest.mark.parametrize(
    "text", ["0 3 * *", "0 0 3 * * *", "@daily", "60 3 * * *", "0 3 31 2 *", "", "0 3 * * X"]
)
def test_slips_are_refused(text: str) -> None:
    """Too few or too many fields, a nickname, a minute that there is not, a date that never comes."""
    with pytest.raises(ScheduleInvalid):
        require_cron(text)


@given(st.dates())
def test_a_key_tells_its_date(day: date) -> None:
    """What the ledger keeps is read back, and keys are in the order of their dates."""
    assert day_of_key(key_of(day)) == day
    assert day == date.max or key_of(day) < key_of(day + timedelta(days=1))
