"""The loop that keeps the nights, with the real ledger, whose unique key lets no date run twice."""

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support import PATIENCE_S, Shop, photo
from workbench import AT_ONCE, Events, opened

from refundsorter.core.job import JobState, KeyReused, Kind, Scope
from refundsorter.core.retry import RetryPolicy
from refundsorter.core.schedule import Schedule, day_of_key, key_of
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_jobs_report import JobsReport
from refundsorter.filing import SystemClock
from refundsorter.loops.night import LOOK_S, NightWatch

BERLIN = ZoneInfo("Europe/Berlin")
SCHEDULE = Schedule("0 3 * * *", BERLIN)
NOON = datetime(2026, 3, 20, 12, 0, tzinfo=BERLIN).timestamp()
DAY_S = 86_400.0


@dataclass
class Clock:
    """A clock that the test sets."""

    wall: float = NOON

    def now(self) -> float:
        """Unix seconds."""
        return self.wall

    def monotonic(self) -> float:
        """It is not waited by."""
        return 0.0


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the ledger lies."""
    return str(tmp_path / "ledger.sqlite3")


@pytest.fixture
def ledger(path: str) -> Iterator[Ledger]:
    """A new ledger."""
    with closing(Ledger(path, longest_wait_s=300.0)) as one:
        yield one


def watch(ledger: Ledger, clock: Any, **given: Any) -> NightWatch:
    """The loop, as after a start."""
    usual: dict[str, Any] = {
        "nights": ledger.nights,
        "schedule": SCHEDULE,
        "scope": Scope(),
        "catch_up": True,
        "on_asked": lambda: None,
        "retry": RetryPolicy(base_s=0.01, max_s=0.05),
        "clock": clock,
        "log": Events(),
    }
    return NightWatch(**usual | given)


def finish(ledger: Ledger) -> None:
    """Do every job that is asked for."""
    while (job := ledger.jobs.current()) is not None:
        if job.state is JobState.QUEUED:
            ledger.jobs.begin(job.id, now=job.asked_at)
        ledger.jobs.end(job.id, JobState.DONE, watched=(), now=job.asked_at)


def nights(path: str) -> list[date]:
    """The dates of the ledger's nights, in the order in which they were asked for."""
    with closing(JobsReport(path)) as report:
        found = report._run("SELECT key FROM jobs WHERE by_whom = 'schedule' ORDER BY id", ())
    return [day_of_key(key) for (key,) in found]


def test_each_date_is_asked_for_once_whatever_the_clock_does(ledger: Ledger, path: str) -> None:
    """Forty days around summer time, with forty steps of the clock and forty restarts between looks."""
    chance = random.Random(6)
    clock = Clock()
    loop = watch(ledger, clock)
    for _ in range(40):
        for _ in range(4):
            clock.wall += chance.uniform(0, DAY_S / 2)
            loop.turn()
            finish(ledger)
        clock.wall += chance.uniform(-DAY_S, DAY_S)
        loop = watch(ledger, clock)  # it remembers nothing
        loop.turn()
        finish(ledger)
    found = nights(path)
    first = min(found)
    assert sorted(found) == [first + timedelta(days=count) for count in range(len(found))]
    assert len(found) > 35


def test_the_wait_ends_when_the_next_night_is_due(ledger: Ledger) -> None:
    """Far from a night the clock is looked at every half minute; near one, just when it is due."""
    clock = Clock()
    loop = watch(ledger, clock)
    assert loop.turn() == LOOK_S
    clock.wall = datetime(2026, 3, 21, 2, 59, 50, tzinfo=BERLIN).timestamp()
    assert loop.turn() == pytest.approx(10.0)


def test_a_clock_that_was_never_set_is_not_believed(ledger: Ledger, path: str) -> None:
    """A machine without a clock starts in 1970: nothing is asked for until somebody tells it the time."""
    clock = Clock(wall=86_400.0)
    loop = watch(ledger, clock)
    assert (loop.turn(), nights(path)) == (LOOK_S, [])
    clock.wall = NOON
    loop.turn()
    assert nights(path) == [date(2026, 3, 20)]


def test_a_night_that_waits_for_its_turn_is_not_doubled(ledger: Ledger, path: str) -> None:
    """While one is queued no other is asked for; while one runs, one is, and then no more."""
    clock = Clock()
    loop = watch(ledger, clock)
    for _ in range(3):
        loop.turn()
        clock.wall += DAY_S
    assert nights(path) == [date(2026, 3, 20)]
    job = ledger.jobs.current()
    assert job is not None
    ledger.jobs.begin(job.id, now=clock.wall)
    for _ in range(3):
        loop.turn()
        clock.wall += DAY_S
    assert nights(path) == [date(2026, 3, 20), date(2026, 3, 23)]


def test_what_was_missed_is_made_up_for_once_and_told(ledger: Ledger, path: str) -> None:
    """After a week off one job is asked for, and the log names the nights that it stands for."""
    clock, events = Clock(), Events()
    watch(ledger, clock, log=events).turn()
    finish(ledger)
    clock.wall += 7 * DAY_S
    watch(ledger, clock, log=events).turn()
    watch(ledger, clock, log=events).turn()
    assert nights(path) == [date(2026, 3, 20), date(2026, 3, 27)]
    (told,) = events.named("night.missed")
    assert (told["first"], told["last"], told["nights"]) == ("2026-03-21", "2026-03-26", 6)


def test_without_catching_up_a_start_waits_for_the_next_night(ledger: Ledger, path: str) -> None:
    """With `catch_up: false` what came due before the start is left out, and what comes due later is not."""
    clock = Clock()
    loop = watch(ledger, clock, catch_up=False)
    loop.turn()
    assert nights(path) == []
    clock.wall += DAY_S
    loop.turn()
    assert nights(path) == [date(2026, 3, 21)]


def test_two_who_ask_at_once_get_one_job(ledger: Ledger, path: str) -> None:
    """Twelve threads with two connections of their own ask for one night: there is one job."""
    with closing(Ledger(path, longest_wait_s=300.0)) as other:
        begin = threading.Barrier(12)
        found: list[tuple[int, bool]] = []

        def ask(one: Ledger) -> None:
            begin.wait(PATIENCE_S)
            job, is_new = one.nights.ask(date(2026, 3, 20), Scope(), now=NOON)
            found.append((job.id, is_new))

        threads = [threading.Thread(target=ask, args=(one,)) for one in (ledger, other) * 6]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert ({number for number, _ in found}, sum(is_new for _, is_new in found)) == ({1}, 1)
    assert len(found) == 12


def test_a_key_of_another_request_ends_nothing(ledger: Ledger) -> None:
    """A night's key that was taken by a job of another scope counts as that night."""
    ledger.jobs.ask(Kind.SWEEP, Scope(glob="*.jpg"), by=None, key=key_of(date(2026, 3, 20)), now=NOON)
    with pytest.raises(KeyReused):
        ledger.nights.ask(date(2026, 3, 20), Scope(), now=NOON)
    assert watch(ledger, Clock()).turn() == LOOK_S


def test_another_schedule_counts_at_once(ledger: Ledger) -> None:
    """The loop at work takes a schedule over without a restart, and ends when it is told."""
    events, asked = Events(), threading.Event()
    loop = watch(ledger, SystemClock(), schedule=None, log=events, on_asked=asked.set)
    thread = threading.Thread(target=loop.run)
    thread.start()
    assert not events.named("night.asked")
    loop.reschedule(Schedule("0 0 * * *", UTC))
    assert asked.wait(PATIENCE_S)
    loop.stop()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_night_leaves_alone_what_only_jobs_may_take(shop: Shop) -> None:
    """Of two inboxes, one of mode jobs, a night takes the other; with none watched there is no night."""
    (shop.base / "pictures").mkdir()
    inboxes = f"inbox: [{shop.inbox}, {shop.base / 'pictures'}]\n"
    roots = f"stability_s: 0, roots: {{{shop.base / 'pictures'}: jobs}}"
    shop.config.write_text(inboxes + AT_ONCE.replace("stability_s: 0", roots))
    (shop.base / "pictures" / "a.jpg").write_bytes(photo("red"))
    with opened(shop) as workshop:
        workshop.nights.turn()
        job = workshop.ledger.jobs.current()
        assert job is not None
        assert job.by == "schedule"
        assert [one.root.path for one in workshop.job_intakes(job, None)] == [str(shop.inbox)]
    shop.config.write_text(AT_ONCE.replace("stability_s: 0", "stability_s: 0, mode: jobs"))
    with opened(shop) as workshop:
        finish(workshop.ledger)
        workshop.nights.turn()
        assert workshop.ledger.jobs.current() is None
