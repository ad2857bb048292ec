"""Jobs in the ledger: what each transaction changes, and that their counts are those of the rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from stages import ANSWER, IDENTITY, arrival, examined, filed, intent, release

from refundsorter.core.fault import Reason
from refundsorter.core.image import IllegalTransition, Rejection, State
from refundsorter.core.job import Job, JobOver, JobState, KeyReused, Kind, NoSuchJob, Scope, Tally
from refundsorter.core.stability import FileIdentity, Source
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_jobs_report import JobsReport
from refundsorter.edges.ledger_schema import migrate

TOYS = Scope(classes=("TOYS",))
OTHER_FILE = FileIdentity(device=1, inode=2, size=30, mtime_ns=40)
ENDS = ["sorted", "review", "rejected", "kept", "gone", "waiting"]
OLD = Path(__file__).parents[1] / "data" / "ledger-2.sql"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the ledger lies."""
    return str(tmp_path / "ledger.sqlite3")


@pytest.fixture
def ledger(path: str) -> Iterator[Ledger]:
    """A new ledger."""
    with closing(Ledger(path, longest_wait_s=300.0)) as one:
        yield one


def begun(ledger: Ledger, scope: Scope = Scope()) -> int:  # noqa: B008 - a frozen value
    """A job that is in hand."""
    job, _ = ledger.jobs.ask(Kind.SWEEP, scope, by="a clerk", key=None, now=1.0)
    ledger.jobs.begin(job.id, now=2.0)
    return job.id


def admit(ledger: Ledger, *names: str, job: int | None, identity: FileIdentity = IDENTITY) -> None:
    """Enter photos of an inbox, for a job or for the watch."""
    arrivals = [
        replace(arrival(f"/inbox/{name}"), identity=identity, source=Source.SWEEP if job else Source.SCAN)
        for name in names
    ]
    if job is None:
        ledger.admit(arrivals)
    else:
        ledger.jobs.admit(arrivals, job=job)


def told(path: str, job: int) -> tuple[Job, Tally]:
    """A job and its counts, as they are read from outside."""
    with closing(JobsReport(path)) as report:
        return report.job(job)


def open_rows(path: str) -> dict[str, int | None]:
    """The names of unfinished photos, and the job of each."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT path, job FROM images WHERE finished_at IS NULL ORDER BY path")
        return {name.decode().rpartition("/")[2]: job for name, job in found}


class TestAsking:
    """Requests."""

    def test_a_request_is_kept(self, ledger: Ledger, path: str) -> None:
        """What is asked for is read again, by whom and when included."""
        scope = Scope.of(classes=("b", "a"), paths=("/inbox/\udcff",), glob="*.jpg")
        job, is_new = ledger.jobs.ask(Kind.SWEEP, scope, by="Zoë", key="k", now=1.0)
        assert (job.scope, job.state, job.by, job.asked_at, is_new) == (scope, "queued", "Zoë", 1.0, True)
        assert told(path, job.id) == (job, Tally())
        assert ledger.jobs.scope(job.id) == scope

    def test_a_key_stands_for_one_request(self, ledger: Ledger) -> None:
        """The same request gives the same job, even when it is over; another one changes nothing."""
        first, _ = ledger.jobs.ask(Kind.SWEEP, TOYS, by=None, key="k", now=1.0)
        ledger.jobs.cancel(first.id, now=2.0)
        again, is_new = ledger.jobs.ask(Kind.SWEEP, TOYS, by="other", key="k", now=3.0)
        assert (again.id, again.state, is_new) == (first.id, JobState.CANCELLED, False)
        with pytest.raises(KeyReused, match=f"job {first.id}"):
            ledger.jobs.ask(Kind.SWEEP, Scope(), by=None, key="k", now=3.0)
        assert ledger.jobs.current() is None

    def test_jobs_come_in_their_order(self, ledger: Ledger) -> None:
        """The one in hand goes on until it is over; then the oldest one that waits is next."""
        first, second = begun(ledger), ledger.jobs.ask(Kind.SWEEP, TOYS, by=None, key=None, now=1.0)[0].id
        assert (current := ledger.jobs.current()) is not None
        assert (current.id, ledger.jobs.is_another_queued()) == (first, True)
        assert ledger.jobs.end(first, JobState.DONE, watched=[], now=3.0)
        assert (current := ledger.jobs.current()) is not None
        assert (current.id, current.state) == (second, JobState.QUEUED)

    def test_what_is_over_cannot_be_cancelled(self, ledger: Ledger) -> None:
        """Nor a sweep of the command line, nor what is not there; a second request changes nothing."""
        job = begun(ledger)
        assert ledger.jobs.cancel(job, now=3.0).state is JobState.CANCELLING
        assert ledger.jobs.cancel(job, now=4.0).state is JobState.CANCELLING
        assert ledger.jobs.end(job, JobState.CANCELLED, watched=[], now=5.0)
        with pytest.raises(JobOver, match="is cancelled: it is over"):
            ledger.jobs.cancel(job, now=6.0)
        with pytest.raises(JobOver, match="stop that command"):
            ledger.jobs.cancel(ledger.jobs.begin_sweep(now=7.0), now=8.0)
        with pytest.raises(NoSuchJob):
            ledger.jobs.cancel(99, now=8.0)

    def test_a_sweep_whose_process_died_was_interrupted(self, ledger: Ledger, path: str) -> None:
        """Whoever has the lock next says so; a job of a daemon stays in hand."""
        job, sweep = begun(ledger), ledger.jobs.begin_sweep(now=3.0)
        ledger.jobs.bury(now=9.0)
        assert (told(path, sweep)[0].state, told(path, sweep)[0].ended_at) == (JobState.INTERRUPTED, 9.0)
        assert told(path, job)[0].state is JobState.RUNNING


class TestPhotos:
    """Photos of jobs."""

    def test_a_job_without_classes_takes_over_what_waits(self, ledger: Ledger, path: str) -> None:
        """What waits for the watch or an earlier job is tried again for this one; the counts follow."""
        admit(ledger, "a.jpg", job=None)
        (one,) = ledger.claim(limit=1, now=101.0)
        ledger.release([release(one.id)])
        job = begun(ledger)
        admit(ledger, "a.jpg", "b.jpg", job=job)
        assert (open_rows(path), told(path, job)[1].found) == ({"a.jpg": job, "b.jpg": job}, 2)
        assert ledger.queue(limit=9, now=101.0).due == 2
        assert ledger.jobs.unfinished(job).untried
        later = begun(ledger)
        admit(ledger, "a.jpg", job=later)
        assert (told(path, job)[1].found, told(path, later)[1].found) == (1, 1)

    def test_a_job_with_classes_takes_over_nothing(self, ledger: Ledger, path: str) -> None:
        """What waits for somebody who wants it sorted is left to them; what it kept is not entered again."""
        admit(ledger, "a.jpg", job=None)
        job = begun(ledger, TOYS)
        admit(ledger, "a.jpg", "b.jpg", job=job)
        assert open_rows(path) == {"a.jpg": None, "b.jpg": job}
        claimed = ledger.claim(limit=9, now=101.0)
        ledger.jobs.keep([one for one in claimed if one.job == job])
        admit(ledger, "b.jpg", job=job)
        assert (open_rows(path), told(path, job)[1]) == ({"a.jpg": None}, Tally(found=1, kept=1))
        admit(ledger, "b.jpg", job=job, identity=OTHER_FILE)
        assert (open_rows(path)["b.jpg"], told(path, job)[1].found) == (job, 2)

    def test_a_photo_is_kept_only_while_it_is_claimed(self, ledger: Ledger, path: str) -> None:
        """Of photos of which one is in another state none is kept."""
        job = begun(ledger, TOYS)
        admit(ledger, "a.jpg", "b.jpg", job=job)
        claimed = ledger.claim(limit=9, now=101.0)
        ledger.release([release(claimed[0].id)])
        with pytest.raises(IllegalTransition):
            ledger.jobs.keep(claimed)
        assert (len(open_rows(path)), told(path, job)[1]) == (2, Tally(found=2))

    def test_nothing_is_entered_for_a_job_that_is_over(self, ledger: Ledger, path: str) -> None:
        """A search that goes on after the end, because a share had hung, enters nothing."""
        job = begun(ledger)
        ledger.jobs.cancel(job, now=3.0)
        admit(ledger, "a.jpg", job=job)
        assert open_rows(path) == {}

    def test_an_end_waits_for_what_is_in_hand(self, ledger: Ledger, path: str) -> None:
        """What waits is left at once, to the watch where there is one; over it is when nothing is claimed."""
        job = begun(ledger, TOYS)
        admit(ledger, "a.jpg", job=job)
        (one,) = ledger.claim(limit=9, now=101.0)
        admit(ledger, "b.jpg", job=job)
        ledger.jobs.admit([replace(arrival("/watched/c.jpg"), source=Source.SWEEP)], job=job)
        ledger.jobs.cancel(job, now=3.0)
        assert not ledger.jobs.end(job, JobState.CANCELLED, watched=["/watched"], now=4.0)
        assert open_rows(path) == {"a.jpg": job, "c.jpg": None}
        ledger.jobs.keep([one])
        assert ledger.jobs.end(job, JobState.CANCELLED, watched=["/watched"], now=5.0)
        over, tally = told(path, job)
        assert (over.state, over.ended_at, tally) == (JobState.CANCELLED, 5.0, Tally(found=3, kept=1))

    def test_a_job_is_not_done_before_its_lines_are(self, ledger: Ledger) -> None:
        """A photo that is filed is unfinished until its line is marked as durable."""
        job = begun(ledger)
        admit(ledger, "a.jpg", job=job)
        (one,) = ledger.claim(limit=1, now=101.0)
        ledger.classify([intent(examined(one))])
        ledger.finish([filed(one.id)])
        assert ledger.jobs.unfinished(job).any

    def test_what_holds_a_job_up_is_told(self, ledger: Ledger) -> None:
        """Once nothing but what trouble holds back is left, that trouble is named."""
        job = begun(ledger)
        admit(ledger, "a.jpg", "b.jpg", job=job)
        one, other = ledger.claim(limit=2, now=101.0)
        ledger.release([release(one.id)])
        assert (ledger.jobs.unfinished(job).untried, ledger.jobs.unfinished(job).trouble) == (True, None)
        ledger.release([release(other.id)])
        found = ledger.jobs.unfinished(job)
        assert (found.any, found.untried, found.trouble) == (True, False, release(one.id).trouble)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=st.lists(st.sampled_from(ENDS), max_size=9))
def test_the_counts_are_those_of_the_rows(ends: list[str], tmp_path_factory: Any) -> None:
    """Whatever becomes of photos, and in whichever order, found is what was filed, kept and is left."""
    path = str(tmp_path_factory.mktemp("ledger") / "ledger.sqlite3")
    with closing(Ledger(path, longest_wait_s=300.0)) as ledger:
        job = begun(ledger, TOYS)
        admit(ledger, *(f"{number}.jpg" for number in range(len(ends))), job=job)
        for one, end in zip(ledger.claim(limit=99, now=101.0), ends, strict=True):
            if end == "kept":
                ledger.jobs.keep([one])
            elif end == "gone":
                ledger.forget([one.id])
            elif end == "waiting":
                ledger.release([release(one.id)])
            else:
                odd = Rejection(reason=Reason.EMPTY, detail="") if end == "rejected" else ANSWER
                ledger.classify([replace(intent(examined(one, outcome=odd)), reason="empty")])
                ledger.finish([replace(filed(one.id), state=State(end))])
        tally = told(path, job)[1]
        counts = {end: ends.count(end) for end in ends}
        assert (tally.sorted, tally.review, tally.rejected, tally.kept) == tuple(
            counts.get(end, 0) for end in ("sorted", "review", "rejected", "kept")
        )
        assert tally.found == len(ends) - counts.get("gone", 0)
        ledger.jobs.end(job, JobState.DONE, watched=[], now=9.0)
        assert told(path, job)[1] == tally


def test_jobs_of_an_older_ledger_are_counted(path: str) -> None:
    """The step to version 4 keeps earlier sweeps, tells which were cut short, and counts their photos."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text())
        connection.execute("INSERT INTO jobs VALUES (1, 'sweep', 10.0, 20.0, 2), (2, 'sweep', 30.0, NULL, 0)")
        photo = (
            "INSERT INTO images (state, path, root, identity, noticed_by, seen_at, not_before, attempts, "
            "job, category, finished_at) VALUES (?, ?, x'00', '1:2:3:4', 'sweep', 1, 0, 0, ?, 'TOYS', ?)"
        )
        connection.executemany(photo, [("sorted", b"a", 1, 2.0), ("sorted", b"b", 1, 2.0)])
        connection.execute(photo, ("waiting", b"c", 2, None))
        connection.commit()
    migrate(path)
    (cut_short, of_second), (done, of_first) = _all(path)
    assert (done.state, done.started_at, done.ended_at) == (JobState.DONE, 10.0, 20.0)
    assert of_first == Tally(found=2, categories={"TOYS": 2})
    assert (cut_short.state, of_second) == (JobState.INTERRUPTED, Tally(found=1))


def _all(path: str) -> list[tuple[Job, Tally]]:
    with closing(JobsReport(path)) as report:
        return report.jobs(limit=9)


def test_no_statement_on_jobs_reads_the_history(ledger: Ledger, path: str) -> None:
    """Each finds its photos and jobs through an index or a key; none scans a table."""
    found: dict[str, Any] = {}

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            found[statement] = values[0] if isinstance(values, list) else values

    event.listen(ledger._engine, "before_cursor_execute", note)
    job = begun(ledger, TOYS)
    admit(ledger, "a.jpg", "b.jpg", job=job)
    ledger.jobs.current()
    one, _ = ledger.claim(limit=2, now=101.0)
    ledger.jobs.keep([one])
    ledger.jobs.unfinished(job)
    ledger.jobs.unfinished(job + 1)
    ledger.jobs.is_another_queued()
    ledger.jobs.scanned(job, left=1, now=3.0)
    ledger.jobs.cancel(job, now=4.0)
    ledger.jobs.end(job, JobState.CANCELLED, watched=["/watched"], now=5.0)
    with closing(sqlite3.connect(path)) as connection:
        steps = [
            step[3]
            for statement, values in found.items()
            for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert len(steps) > 12
    assert [step for step in steps if step.startswith("SCAN") and "USING" not in step] == []
    assert sum("by_job (job=?" in step for step in steps) >= 4
