"""Days as the clock on the wall has them."""

from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.local_day import DateRefused, day_at, local_day, parse

ZONES = (
    "UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Africa/Cairo",
    "Asia/Kathmandu", "America/St_Johns",
)  # fmt: skip


@given(st.sampled_from(ZONES), st.dates(date(1985, 1, 1), date(2030, 1, 1)))
def test_days_leave_nothing_out_and_nothing_twice(name: str, day: date) -> None:
    """Each ends where the next one begins, and the clock shows its date from its first moment on."""
    zone = ZoneInfo(name)
    found, following = local_day(day, zone), local_day(day + timedelta(days=1), zone)
    assert found.until == following.since
    assert len(found.hours) == -(-(found.until - found.since) // 3600)
    if found.since < found.until:
        assert day_at(found.since, zone) == day
        assert day_at(found.since - 1, zone) < day


@pytest.mark.parametrize(
    ("name", "day", "hours", "told"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23, "03:00"),
        ("Europe/Berlin", date(2026, 10, 25), 25, "02:00"),
        ("Australia/Lord_Howe", date(2026, 10, 4), 24, "02:30"),
        ("UTC", date(2026, 1, 1), 24, "02:00"),
    ],
)
def test_an_hour_is_told_as_the_clock_shows_it(name: str, day: date, hours: int, told: str) -> None:
    """Also where it is skipped, comes twice, or is half an hour."""
    found = local_day(day, ZoneInfo(name)).hours
    assert len(found) == hours
    assert told in found[2:4]


def test_a_date_that_a_zone_skips_is_empty() -> None:
    """Samoa went over the date line, and had no 30 December 2011."""
    found = local_day(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))
    assert (found.since, found.hours) == (found.until, ())


def test_its_bounds_are_told_in_local_time() -> None:
    """With the offset, which says what day it is."""
    found = local_day(date(2026, 7, 1), ZoneInfo("Europe/Berlin"))
    assert (found.begins, found.ends) == ("2026-07-01T00:00:00+02:00", "2026-07-02T00:00:00+02:00")
    assert found.name == "2026-07-01"
    assert day_at(0.0, UTC) == date(1970, 1, 1)


@pytest.mark.parametrize("given_", ["2026-02-30", "20260201", "yesterday", "", "1969-12-31", "9999-12-31"])
def test_what_is_no_date_is_refused(given_: str) -> None:
    """With what was found."""
    with pytest.raises(DateRefused, match="such as 2026-01-31"):
        parse(given_)
    assert parse("2026-01-31") == date(2026, 1, 31)
