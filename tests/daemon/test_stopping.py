"""How the daemon ends: by a signal, by a second one, by its deadline, or by the death of a loop.

What keeps a stop waiting is real: another program that holds the ledger's write lock.
"""

import json
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from support import PATIENCE_S, Running, Shop, photo

from refundsorter.signals import SIGNALS

MANY = 300


@contextmanager
def held_ledger(shop: Shop) -> Iterator[None]:
    """Keep everybody else from writing to the ledger."""
    with closing(sqlite3.connect(shop.state / "ledger.sqlite3", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def drop_many(shop: Shop) -> Counter[str]:
    """Drop more photos than are sorted in a moment; what lies there then."""
    for number in range(MANY):
        shop.drop(f"{number}.jpg", photo("red", seed=number + 1))
    return shop.photos()


def rest_of(daemon: Running) -> list[str]:
    """The events up to the end of the log."""
    assert daemon.process.stderr is not None
    daemon.events += [json.loads(line) for line in daemon.process.stderr]
    return [event["event"] for event in daemon.events]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(shop: Shop, number: signal.Signals) -> None:
    """SIGTERM and SIGINT: the reason and the end are logged, exit 0."""
    with shop.daemon() as daemon:
        daemon.process.send_signal(number)
        events = rest_of(daemon)
        assert daemon.process.wait(PATIENCE_S) == 0
    assert events[-2:] == ["stopping", "stopped"]


def test_no_thread_can_be_handed_a_signal(shop: Shop) -> None:
    """Every thread blocks the signals, numpy's own too: one that does not would end the process at once."""
    ours = sum(1 << (number - 1) for number in SIGNALS)
    with shop.daemon() as daemon:
        looked_at = 0
        for thread in Path(f"/proc/{daemon.process.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                fields = dict(line.split(":\t", 1) for line in (thread / "status").read_text().splitlines())
                assert int(fields["SigBlk"], 16) & ours == ours or int(thread.name) == daemon.process.pid
                looked_at += 1
        assert looked_at > 3
        assert daemon.stop() == 0


def test_a_stop_in_the_middle_finishes_what_is_in_hand(shop: Shop) -> None:
    """Each photo is in the inbox or on the shelf, each on the shelf has its line, and none is half done."""
    before = drop_many(shop)
    with shop.daemon() as daemon:
        daemon.wait_for("photo.sorted")
        assert daemon.stop() == 0
    assert shop.photos() == before
    with closing(sqlite3.connect(shop.state / "ledger.sqlite3")) as ledger:
        states = dict(ledger.execute("SELECT state, count(*) FROM images GROUP BY state"))
    assert states.keys() <= {"waiting", "sorted"}
    assert Counter(line["sha256"] for line in shop.lines()).total() == states["sorted"]


def test_a_second_signal_ends_it_at_once(shop: Shop) -> None:
    """A stop that has to wait is cut short with exit 1, and the next run makes it good."""
    before = drop_many(shop)
    with shop.daemon() as daemon:
        daemon.wait_for("photo.sorted")
        with held_ledger(shop):  # what is in hand cannot be given back
            daemon.process.send_signal(signal.SIGTERM)
            daemon.wait_for("stopping")
            daemon.process.send_signal(signal.SIGTERM)
            daemon.wait_for("stopped_hard", why="a second signal")
            assert daemon.process.wait(PATIENCE_S) == 1
    shop.run("sweep")
    assert shop.photos() == before
    assert Counter(line["sha256"] for line in shop.lines()) == before


def test_the_deadline_ends_it(shop: Shop) -> None:
    """A stop that lasts longer than `stop_timeout_s` ends with exit 1."""
    drop_many(shop)
    with shop.daemon(REFUNDSORTER_STOP_TIMEOUT_S="1") as daemon:
        daemon.wait_for("photo.sorted")
        with held_ledger(shop):
            daemon.process.send_signal(signal.SIGTERM)
            daemon.wait_for("stopped_hard", why="stop_timeout_s is over")
            assert daemon.process.wait(PATIENCE_S) == 1


def test_a_killed_daemon_is_made_good_by_the_next(shop: Shop) -> None:
    """SIGKILL in the middle of many photos: after the next start each is filed once, with one line."""
    before = drop_many(shop)
    with shop.daemon() as daemon:
        daemon.wait_for("photo.sorted")
        daemon.process.kill()
        daemon.process.wait(PATIENCE_S)
    shop.run("sweep")
    assert shop.photos() == before
    assert Counter(line["sha256"] for line in shop.lines()) == before
    assert os.listdir(shop.inbox) == []


def test_a_loop_that_dies_ends_it(shop: Shop) -> None:
    """The ledger's table is dropped under it: the loop that finds out is named, exit 1."""
    with shop.daemon() as daemon:
        with closing(sqlite3.connect(shop.state / "ledger.sqlite3")) as ledger:
            ledger.execute("DROP TABLE images")
        shop.drop("a.jpg", photo("red"))
        died = daemon.wait_for("loop.died")
        assert "no such table" in died["exception"]
        rest_of(daemon)
        assert daemon.process.wait(PATIENCE_S) == 1
    assert (shop.inbox / "a.jpg").exists()
