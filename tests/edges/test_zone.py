"""Time zones: the machine's own says what the zone database says of it."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from refundsorter.edges.zone import MachineZone, zone_of


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A process whose `TZ` may be set; put back afterwards."""
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"])
def test_the_machines_zone_is_the_one_that_is_set(machine: pytest.MonkeyPatch, name: str) -> None:
    """At each of two thousand moments its wall clock shows what the zone of that name does, both ways."""
    machine.setenv("TZ", name)
    zone, named = zone_of(None), ZoneInfo(name)
    chance = random.Random(name)
    first, last = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (2010, 2030))
    for _ in range(2000):
        moment = chance.uniform(first, last)
        there, expected = datetime.fromtimestamp(moment, zone), datetime.fromtimestamp(moment, named)
        assert there.isoformat() == expected.isoformat()
        assert there.fold == expected.fold
        assert there.timestamp() == pytest.approx(moment)


def test_a_rule_written_out_is_understood(machine: pytest.MonkeyPatch) -> None:
    """`TZ` may hold a rule in place of a name, which the zone database does not know."""
    machine.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    assert datetime(2026, 7, 1, tzinfo=zone_of(None)).isoformat() == "2026-07-01T00:00:00+02:00"


def test_a_name_is_that_zone() -> None:
    """A zone of the settings is taken from the database; the machine's zone is the same as itself."""
    assert zone_of("Asia/Kathmandu") == ZoneInfo("Asia/Kathmandu")
    assert zone_of(None) == MachineZone()
