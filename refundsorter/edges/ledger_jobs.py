"""The ledger's rows of jobs.

Each method is one transaction of the ledger that it belongs to. Photos belong to a job by their rows; what
became of them is counted by the triggers of `ledger_schema_jobs`, and here where a row goes: one that is kept
or left lies in the inbox, untouched, and its row would be work that nobody does.
"""

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, text, update

from refundsorter.core.image import Claimed, IllegalTransition, State
from refundsorter.core.job import Job, JobOver, JobState, KeyReused, Kind, NoSuchJob, Scope, require_step
from refundsorter.core.port_jobs import Unfinished
from refundsorter.core.stability import Arrival
from refundsorter.edges import ledger_rows as rows
from refundsorter.edges.ledger_job_rows import job_of, request_text
from refundsorter.edges.ledger_places import Rows, Transaction
from refundsorter.edges.ledger_returned import entering
from refundsorter.edges.ledger_statements import ADMIT_OR_RENEW, RENEW_OWN
from refundsorter.edges.ledger_tables import IS_OPEN, IS_UNJOURNALED, images

IN_HAND = (JobState.RUNNING, JobState.CANCELLING)
ENTER = text(
    "INSERT INTO jobs (kind, state, request, by_whom, key, asked_at, started_at) "
    "VALUES (:kind, :state, :request, :by, :key, :asked_at, :started_at) RETURNING id"
)
ONE = text("SELECT * FROM jobs WHERE id = :id")
NEXT = text("SELECT * FROM jobs WHERE state = :state AND request IS NOT NULL ORDER BY id LIMIT 1")
COUNT = text(
    "INSERT INTO job_tally (job, outcome, detail, photos) VALUES (:job, :outcome, '', :photos) "
    "ON CONFLICT (job, outcome, detail) DO UPDATE SET photos = photos + excluded.photos"
)
KEEP = text("INSERT OR REPLACE INTO kept (job, path, identity) VALUES (:job, :path, :identity)")
KEPT = text("SELECT identity FROM kept WHERE job = :job AND path = :path")
OF_JOB = images.c.job == bindparam("of_job")
# By the indices that are named: a job may have filed a million photos.
_OPEN = f"SELECT trouble FROM images INDEXED BY by_job WHERE job = :of_job AND {IS_OPEN}"  # noqa: S608
_OWED = f"SELECT id FROM images INDEXED BY unjournaled WHERE {IS_UNJOURNALED} AND job = :of_job"  # noqa: S608
OPEN_OF_JOB = text(f"{_OPEN} LIMIT 1")
UNTRIED_OF_JOB = text(f"{_OPEN} AND (attempts = 0 OR state != '{State.WAITING}') LIMIT 1")
OWED_OF_JOB = text(f"{_OWED} LIMIT 1")


class JobRows(Rows):
    """Jobs.

    Args:
        read: A transaction that reads; raises `PassingTrouble` where the disk does not allow it now.
        write: One that writes, likewise.
    """

    def __init__(self, read: Transaction, write: Transaction) -> None:
        super().__init__(read, write)
        self._scopes: dict[int, Scope] = {}  # one never changes

    def ask(
        self, kind: Kind, scope: Scope, *, by: str | None, key: str | None, now: float
    ) -> tuple[Job, bool]:
        """Ask for a job that the process which sorts takes up; it, and whether it is a new one.

        Args:
            kind: What it is to do.
            scope: Which photos it is about.
            by: Who asks.
            key: Asked for again by the same key, it is the same job.
            now: Unix seconds.

        Raises:
            KeyReused: The key is that of another request.
        """
        request = request_text(scope)
        with self._write() as connection:
            if key is not None and (found := self._of_key(connection, key)) is not None:
                if (found.kind, found.request) != (kind.value, request):
                    raise KeyReused(f"by this key job {found.id} was asked for, which is another one")
                return job_of(found), False
            number = connection.execute(
                ENTER,
                {
                    "kind": kind.value,
                    "state": JobState.QUEUED.value,
                    "request": request,
                    "by": by,
                    "key": key,
                    "asked_at": now,
                    "started_at": None,
                },
            ).scalar_one()
            return self._one(connection, number), True

    def cancel(self, job: int, *, now: float) -> Job:
        """Ask for the end of a job; one that waits for its turn is over at once. It, as it stands then.

        Raises:
            NoSuchJob: There is none.
            JobOver: It is over, or is a command's.
        """
        with self._write() as connection:
            found = self._one(connection, job)
            if found.state is JobState.CANCELLING:
                return found
            if found.state not in (JobState.QUEUED, JobState.RUNNING):
                raise JobOver(f"job {job} is {found.state}: it is over")
            if not self._is_resumed(connection, job):
                raise JobOver(f"job {job} is a sweep of the command line; stop that command")
            if found.state is JobState.QUEUED:
                _set(connection, found, JobState.CANCELLED, ended_at=now)
            else:
                _set(connection, found, JobState.CANCELLING)
            return self._one(connection, job)

    def begin_sweep(self, *, now: float) -> int:
        """Enter a sweep of this process over all that is unfinished, and over what it enters; its number."""
        self.bury(now=now)
        values = {"kind": Kind.SWEEP.value, "state": JobState.RUNNING.value, "request": None, "by": None}
        with self._write() as connection:
            job = int(
                connection.execute(
                    ENTER, {**values, "key": None, "asked_at": now, "started_at": now}
                ).scalar_one()
            )
            connection.execute(update(images).where(IS_OPEN).values(job=job))
        return job

    def end_sweep(self, job: int, *, left: int, is_interrupted: bool, now: float) -> None:
        """Write down that it is over, and how many files were left out."""
        state = JobState.INTERRUPTED if is_interrupted else JobState.DONE
        with self._write() as connection:
            found = self._one(connection, job)
            _count(connection, {job: left}, "left")
            _set(connection, found, state, ended_at=now, scanned_at=now)

    def bury(self, *, now: float) -> None:
        """Write down that sweeps of processes that are gone were interrupted; by who has the lock alone."""
        statement = text(
            "UPDATE jobs SET state = :after, ended_at = :now WHERE state = :before AND request IS NULL"
        )
        states = {"before": JobState.RUNNING.value, "after": JobState.INTERRUPTED.value}
        with self._write() as connection:
            connection.execute(statement, {**states, "now": now})

    def current(self) -> Job | None:
        """The job that is in hand, or else the next one."""
        with self._read() as connection:
            for state in (*IN_HAND, JobState.QUEUED):
                if (found := connection.execute(NEXT, {"state": state.value}).first()) is not None:
                    return job_of(found)
        return None

    def is_another_queued(self) -> bool:
        """Whether a job waits for its turn."""
        with self._read() as connection:
            return connection.execute(NEXT, {"state": JobState.QUEUED.value}).first() is not None

    def begin(self, job: int, *, now: float) -> None:
        """Write down that a job is in hand."""
        with self._write() as connection:
            _set(connection, self._one(connection, job), JobState.RUNNING, started_at=now)

    def admit(self, arrivals: Sequence[Arrival], *, job: int | None = None) -> None:
        """Enter complete files as waiting for a job.

        A job without classes takes over what waits already, for it will be sorted either way. One with
        classes would keep what somebody else means to have sorted: it takes over nothing, and enters nothing
        that it has kept before.
        """
        assert job is not None, "whoever enters photos for a job names it"
        scope = self.scope(job)
        with self._write() as connection:
            if self._one(connection, job).state is not JobState.RUNNING:
                return  # its search was given up, and has gone on
            arrivals = entering(connection, arrivals, undone=scope.undone)
            if scope.classes:
                arrivals = [one for one in arrivals if not _is_kept(connection, job, one)]
            if arrivals:
                values = [rows.admission(one, job=job) for one in arrivals]
                connection.execute(RENEW_OWN if scope.classes else ADMIT_OR_RENEW, values)

    def unknown(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Those that are worth entering: all, for what waits for others may be taken over."""
        return list(arrivals)

    def scanned(self, job: int, *, left: int, now: float) -> None:
        """Write down that all photos are found, and how many files are left out."""
        with self._write() as connection:
            _count(connection, {job: left}, "left")
            _values(connection, job, scanned_at=now, trouble=None)

    def tell(self, job: int, trouble: str | None) -> None:
        """Write down what holds a job up."""
        with self._write() as connection:
            _values(connection, job, trouble=trouble)

    def scope(self, job: int) -> Scope:
        """Which photos a job is about."""
        if job not in self._scopes:
            with self._read() as connection:
                found = connection.execute(ONE, {"id": job}).first()
            if found is None:
                return Scope()
            self._scopes[job] = job_of(found).scope
        return self._scopes[job]

    def keep(self, claimed: Sequence[Claimed]) -> None:
        """Write down that photos of jobs stay where they lie; they are no longer in work."""
        if not claimed:
            return
        with self._write() as connection:
            gone = delete(images).where(
                images.c.id.in_([one.id for one in claimed]), images.c.state == State.CLAIMED.value
            )
            if connection.execute(gone).rowcount != len(claimed):
                raise IllegalTransition("a photo that is kept is in another state")
            connection.execute(KEEP, [_kept(one) for one in claimed])
            _count(connection, Counter(one.job for one in claimed if one.job is not None), "kept")

    def unfinished(self, job: int) -> Unfinished:
        """Which photos of a job are not done yet; one that is filed is done once its line is durable."""
        of_job = {"of_job": job}
        with self._read() as connection:
            one = connection.execute(OPEN_OF_JOB, of_job).first()
            if one is None:
                is_owed = connection.execute(OWED_OF_JOB, of_job).first() is not None
                return Unfinished(any=is_owed, untried=False, trouble=None)
            is_untried = connection.execute(UNTRIED_OF_JOB, of_job).first() is not None
        return Unfinished(any=True, untried=is_untried, trouble=None if is_untried else one.trouble)

    def end(self, job: int, state: JobState, *, watched: Collection[str], now: float) -> bool:
        """End a job, unless photos of it are in hand; whether it is over.

        What still waits is left: to the watch, in inboxes that are watched, and else where it lies.

        Args:
            job: Its number.
            state: Done or cancelled.
            watched: The inboxes whose photos are sorted without a job.
            now: Unix seconds.
        """
        waits = (OF_JOB, images.c.state == State.WAITING.value)
        is_watched = images.c.root.in_(list(watched))
        with self._write() as connection:
            to_watch = connection.execute(
                update(images).where(*waits, is_watched).values(job=None), {"of_job": job}
            )
            to_nobody = connection.execute(delete(images).where(*waits), {"of_job": job})
            _count(connection, {job: to_watch.rowcount + to_nobody.rowcount}, "left")
            if connection.execute(OPEN_OF_JOB, {"of_job": job}).first() is not None:
                return False
            connection.execute(text("DELETE FROM kept WHERE job = :job"), {"job": job})
            _set(connection, self._one(connection, job), state, ended_at=now)
        return True

    @staticmethod
    def _of_key(connection: Connection, key: str) -> Any:
        query = text("SELECT * FROM jobs WHERE key = :key")
        return connection.execute(query, {"key": key}).first()

    @staticmethod
    def _one(connection: Connection, job: int) -> Job:
        found = connection.execute(ONE, {"id": job}).first()
        if found is None:
            raise NoSuchJob(f"there is no job {job}")
        return job_of(found)

    @staticmethod
    def _is_resumed(connection: Connection, job: int) -> bool:
        """Whether the process that sorts goes on with it, whichever that is."""
        query = text("SELECT request IS NOT NULL FROM jobs WHERE id = :id")
        return bool(connection.execute(query, {"id": job}).scalar_one())


def _set(connection: Connection, job: Job, state: JobState, **values: Any) -> None:
    require_step(job.state, state)
    _values(connection, job.id, state=state.value, **values)


def _values(connection: Connection, job: int, **values: Any) -> None:
    changes = ", ".join(f"{name} = :{name}" for name in values)
    connection.execute(text(f"UPDATE jobs SET {changes} WHERE id = :id"), {**values, "id": job})  # noqa: S608


def _count(connection: Connection, photos: Mapping[int, int], outcome: str) -> None:
    counted = [{"job": job, "outcome": outcome, "photos": count} for job, count in photos.items() if count]
    if counted:
        connection.execute(COUNT, counted)


def _kept(one: Claimed) -> dict[str, Any]:
    return {"job": one.job, "path": os.fsencode(one.path), "identity": rows.identity_text(one.identity)}


def _is_kept(connection: Connection, job: int, arrival: Arrival) -> bool:
    found = connection.scalar(KEPT, {"job": job, "path": os.fsencode(arrival.path)})
    return bool(found == rows.identity_text(arrival.identity))
