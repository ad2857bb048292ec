"""The loops in the test's own process: real edges, a recorded log, and a seam that a test may fail.

What happens is waited for by the events that the loops log, or by the ledger; nothing sleeps.
"""

import functools
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import PATIENCE_S, Shop

from refundsorter import settings as configuration
from refundsorter.assembly import LEDGER_FILE, Workshop
from refundsorter.core.job import Kind, Scope
from refundsorter.core.pixels import ImageInfo
from refundsorter.daemon import Loop
from refundsorter.edges.fence import Fence, FencedDecoder
from refundsorter.edges.filesystem import FileSystem
from refundsorter.loops.intake import Intake

MEMORY = Path("/dev/shm")  # a file system of its own on every Linux
AT_ONCE = """\
watch: {stability_s: 0}
batch: {workers: 1, max_delay_ms: 0}
retry: {base_s: 0.01, max_s: 0.05}
move: {min_free_bytes: 0}
"""  # settings under which nothing is waited for


class Events:
    """An operational log that a test can read and wait on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: list[dict[str, Any]] = []

    def debug(self, event: str, **fields: Any) -> None:
        """Record."""
        self._record(event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Record."""
        self._record(event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Record."""
        self._record(event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Record."""
        self._record(event, fields)

    def named(self, event: str) -> list[dict[str, Any]]:
        """What was logged under a name so far."""
        with self._changed:
            return [one for one in self._events if one["event"] == event]

    def wait_for(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until something was logged that many times."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._count(event) >= count, PATIENCE_S)
            assert found, f"{event} came {self._count(event)} times: {self._events[-5:]}"
        return self.named(event)

    def _count(self, event: str) -> int:
        return sum(one["event"] == event for one in self._events)

    def _record(self, event: str, fields: dict[str, Any]) -> None:
        with self._changed:
            self._events.append({"event": event, **fields})
            self._changed.notify_all()


class Once:
    """Does something before the first of some calls: a hook for the seam of the file system."""

    def __init__(self, operation: str, word: str, act: Callable[[], object]) -> None:
        self._operation, self._word, self._act = operation, word, act
        self._is_done = False

    def before(self, operation: str, path: str) -> None:
        """Do it before the first call of the operation with the word in its path."""
        if operation == self._operation and self._word in path and not self._is_done:
            self._is_done = True
            self._act()


@functools.cache
def fence() -> Fence:
    """One program for all tests of this process, and for the victims that it forks."""
    return Fence()


def decode_one(decoder: FencedDecoder, data: bytes, out: NDArray[np.uint8]) -> ImageInfo:
    """Decode one photo to uint8 [side, side, 3]; raises why it cannot be used."""
    (decoded,) = decoder.decode([data], out[np.newaxis])
    if isinstance(decoded.outcome, ImageInfo):
        return decoded.outcome
    raise decoded.outcome


@contextmanager
def harmed(decoder: FencedDecoder, number: signal.Signals, times: int) -> Iterator[None]:
    """Meanwhile, its first workers get a signal each while they have a photo in hand."""
    seen: set[int] = set()

    def harm() -> None:
        end = time.monotonic() + PATIENCE_S
        while len(seen) < times and time.monotonic() < end:
            worker = decoder._worker
            if worker and worker[1] not in seen and _is_busy(worker[1]):
                seen.add(worker[1])
                os.kill(worker[1], number)

    thread = threading.Thread(target=harm)
    thread.start()
    yield
    thread.join()
    assert len(seen) == times, "they were done before they could be harmed"


def _is_busy(pid: int) -> bool:
    """Whether a process runs rather than waits."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "R"
    except FileNotFoundError:
        return False


@contextmanager
def opened(shop: Shop, *, files: FileSystem | None = None, log: Events | None = None) -> Iterator[Workshop]:
    """A shop's edges and loops, none of them running; closed at the end."""
    settings = configuration.load(shop.config, environment={}, overrides={})
    workshop = Workshop(settings, log or Events(), files=files, fence=fence())
    try:
        yield workshop
    finally:
        workshop.close()


@contextmanager
def running(workshop: Workshop) -> Iterator[list[Intake]]:
    """Intakes and sorter at work, as in the daemon; stopped at the end, which must not fail."""
    intakes = workshop.intakes(watched=True)
    loops = [Loop("sorter", workshop.sorter.run), *(Loop("intake", intake.run) for intake in intakes)]
    for loop in loops:
        loop.start()
    try:
        yield intakes
    finally:
        for intake in intakes:
            intake.stop()
        workshop.sorter.stop()
        for loop in loops:
            loop.join(PATIENCE_S)
            assert not loop.is_alive(), f"the {loop.name} does not end"
            if loop.error is not None:
                raise loop.error


def take_in(workshop: Workshop, job: int | None = None) -> int:
    """Enter what lies in the inboxes, without sorting it; how many files were left out."""
    return sum(intake.run_once() for intake in workshop.intakes(watched=False, job=job))


def sort_all(workshop: Workshop) -> int:
    """One sweep on the thread that calls, step by step in the same order every time; the job's id."""
    sorter = workshop.sorter
    sorter.recover()
    sorter.reconciler.run_once()
    job = workshop.ledger.jobs.begin_sweep(now=0.0)
    take_in(workshop, job=job)
    sorter.finish_when_empty()
    sorter.run()
    return job


def run_job(workshop: Workshop, scope: Scope) -> None:
    """Run one job to its end, or go on with it, on the thread that calls but for its search."""
    jobs = workshop.ledger.jobs
    workshop.sorter.recover()
    jobs.ask(Kind.SWEEP, scope, by=None, key="the one", now=0.0)
    while (job := jobs.current()) and job.scanned_at is None:
        workshop.jobs.turn()
        if (scan := workshop.jobs._scan) is not None:
            scan.join(PATIENCE_S)
    workshop.sorter.finish_when_empty()
    workshop.sorter.run()
    while jobs.current():
        workshop.jobs.turn()


@contextmanager
def shelve_elsewhere(shop: Shop, *, if_so: bool = True) -> Iterator[None]:
    """Put the shelf on another file system than the inbox; skip the test where there is none."""
    if not if_so:
        yield
        return
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == shop.inbox.stat().st_dev:
        pytest.skip(f"{MEMORY} is no second file system")
    shop.sorted.rmdir()
    with TemporaryDirectory(dir=MEMORY, prefix="refundsorter-test-") as elsewhere:
        shop.sorted.symlink_to(elsewhere)
        yield


def rows(shop: Shop, query: str = "SELECT * FROM images ORDER BY id") -> list[dict[str, Any]]:
    """What the ledger holds, its paths as text."""
    with closing(sqlite3.connect(shop.state / LEDGER_FILE)) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(query)]
    return [{key: _as_text(value) for key, value in row.items()} for row in found]


def _as_text(value: Any) -> Any:
    return os.fsdecode(value) if isinstance(value, bytes) else value


def journaled(shop: Shop, count: int) -> Callable[[], bool]:
    """Whether that many photos are filed, their lines durable, and none is in work."""
    is_open = "state IN ('claimed', 'classified', 'waiting')"
    query = f"SELECT sum(journaled) AS done, sum({is_open}) AS open FROM images"

    def reached() -> bool:
        row = rows(shop, query)[0]
        return (row["done"] or 0) == count and not row["open"]

    return reached
