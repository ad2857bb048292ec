"""The ledger: SQLite is the truth about every photo.

Each method is one transaction, durable when it returns (WAL, `synchronous=FULL`); it raises `PassingTrouble`
where the disk does not allow it now, and `LedgerRefused` where the file turns out to be damaged. Writers in
this process take turns by a lock, so that none sleeps in SQLite's busy handler. Every change of state names
the states it may start from; where a row is in another one, the whole transaction is rolled back and
`IllegalTransition` is raised.
"""

import os
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, Update, bindparam, create_engine, delete, event, func, select
from sqlalchemy.pool import QueuePool

from refundsorter.core.image import Claimed, Filed, IllegalTransition, Intent, Release, State
from refundsorter.core.port import Known, Pending, Queue
from refundsorter.core.record import Checkpoint, Entry, Event, Key, Record, day_of
from refundsorter.core.shadow import ShadowAnswer
from refundsorter.core.stability import Arrival
from refundsorter.edges import ledger_rows as rows
from refundsorter.edges import ledger_schema as schema
from refundsorter.edges import ledger_statements as statements
from refundsorter.edges import ledger_tables as tables
from refundsorter.edges.ledger_corrections import CorrectionRows
from refundsorter.edges.ledger_jobs import JobRows
from refundsorter.edges.ledger_nights import NightRows
from refundsorter.edges.ledger_places import PlaceRows
from refundsorter.edges.ledger_predictions import PredictionRows
from refundsorter.edges.ledger_returned import entering, not_returned
from refundsorter.edges.ledger_tables import images
from refundsorter.edges.ledger_trouble import translated

BUSY_TIMEOUT_S = 10.0  # how long another process may hold the ledger before that counts as trouble


class Ledger:
    """The ledger's file at `path`; made, or migrated after a backup, when it is opened.

    `longest_wait_s` is the longest time that passing trouble holds a photo back, in seconds.

    Raises:
        LedgerRefused: It is of a newer version, or damaged.
        PassingTrouble: It cannot be opened now.
    """

    def __init__(self, path: str, *, longest_wait_s: float) -> None:
        self._longest_wait_s = longest_wait_s
        self._path = path
        with translated(path):
            schema.migrate(path)
        self._file = _file_at(path)
        self._engine = _engine(path)
        self._writing = threading.Lock()
        self.corrections = CorrectionRows(self._read, self._write)
        self.places = PlaceRows(self._read, self._write)
        self.jobs = JobRows(self._read, self._write)
        self.predictions = PredictionRows(self._read, self._write)
        self.nights = NightRows(self._read, self.jobs)

    def close(self) -> None:
        """Close every connection; the write-ahead log is folded into the file."""
        self._engine.dispose()

    def is_in_place(self) -> bool:
        """Whether the file that was opened still lies at its path; yes, while that cannot be told."""
        try:
            return _file_at(self._path) == self._file
        except OSError:
            return True

    def token(self) -> str:
        """What tells this ledger from that of every other machine: 16 random hex digits."""
        with self._read() as connection:
            return str(connection.execute(select(tables.token.c.token)).scalar_one())

    def admit(self, arrivals: Sequence[Arrival], *, job: int | None = None, undone: bool = False) -> None:
        """Enter complete files as waiting; not twice, nor, unless `undone`, what was put back."""
        if arrivals:
            with self._write() as connection:
                wanted = entering(connection, arrivals, undone=undone)
                if wanted:
                    entered = [rows.admission(one, job=job) for one in wanted]
                    connection.execute(statements.ADMIT_OR_RENEW, entered)

    def enter(self, arrival: Arrival) -> int | None:
        """As `admit`, unless the file has entered otherwise, or was filed even; its number, if any."""
        row = rows.admission(arrival, job=None)
        file = {"path": row["path"], "identity": row["identity"]}
        with self._write() as connection:
            if connection.scalar(statements.ENTERED, file) is None:
                connection.execute(statements.ADMIT_OR_RENEW, row)
            number: int | None = connection.scalar(statements.ENTERED, file)
        return number

    def unknown(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Those that no unfinished row holds with the same identity, and that were not put back."""
        query = select(images.c.path, images.c.identity).where(
            images.c.path.in_([arrival.path for arrival in arrivals]), tables.IS_OPEN
        )
        with self._read() as connection:
            known = {(row.path, row.identity) for row in connection.execute(query)}
            others = not_returned(connection, arrivals)
        return [one for one in others if (one.path, rows.identity_text(one.identity)) not in known]

    def queue(self, *, limit: int, now: float) -> Queue:
        """What waits to be claimed; counts at most `limit`."""
        due = select(images.c.seen_at).where(tables.IS_WAITING, statements.DUE)
        due = due.order_by(images.c.not_before, images.c.id).limit(limit)
        held_back = select(func.min(images.c.not_before)).where(
            tables.IS_WAITING, images.c.not_before > bindparam("now")
        )
        times = {"now": now, "horizon": now + self._longest_wait_s}
        with self._read() as connection:
            seen = connection.scalars(due, times).all()
            next_due = connection.scalar(held_back, {"now": now})
        return Queue(due=len(seen), oldest_seen=min(seen, default=None), next_due=next_due)

    def claim(self, *, limit: int, now: float) -> list[Claimed]:
        """Take at most `limit` photos, those that have waited longest."""
        times = {"now": now, "horizon": now + self._longest_wait_s}
        with self._write() as connection:
            taken = connection.execute(statements.CLAIM, {**times, "limit": limit}).mappings().all()
        return sorted((rows.claimed(row) for row in taken), key=lambda one: one.id)

    def classify(self, intents: Sequence[Intent]) -> None:
        """Write down answers and intended destinations, before any photo is touched."""
        self._step(statements.CLASSIFY, [rows.classified(one) for one in intents])

    def finish(self, filed: Sequence[Filed]) -> None:
        """Write down that photos lie at their destinations."""
        self._step(statements.FINISH, [rows.finished(one) for one in filed])

    def release(self, releases: Sequence[Release]) -> None:
        """Give photos back to waiting."""
        self._step(statements.RELEASE, [rows.released(one) for one in releases])

    def hasten(self, image_id: int) -> bool:
        """Hold a waiting photo back no longer; False if it does not wait."""
        with self._write() as connection:
            return connection.execute(statements.HASTEN, {"b_id": image_id}).rowcount == 1

    def forget(self, ids: Collection[int]) -> None:
        """Drop the rows of unfinished photos that their owners took away."""
        if ids:
            with self._write() as connection:
                connection.execute(delete(images).where(images.c.id.in_(list(ids)), tables.IS_OPEN))

    def release_claims(self) -> int:
        """Give back what an earlier process had claimed; how many there were."""
        with self._write() as connection:
            return connection.execute(statements.RELEASE_CLAIMS).rowcount

    def pending(self) -> list[Pending]:
        """Moves that were written down and not confirmed."""
        query = select(images).where(images.c.state == State.CLASSIFIED.value, tables.IS_OPEN)
        with self._read() as connection:
            return [rows.pending(row) for row in connection.execute(query).mappings()]

    def hold(self, image_id: int, trouble: str) -> None:
        """Write down why such a move cannot be told yet."""
        with self._write() as connection:
            connection.execute(statements.HOLD.values(trouble=trouble), {"b_id": image_id})

    def known(self, contents: Collection[str], *, model: str, taxonomy: str) -> dict[str, Known]:
        """What is known of contents, by sha256: the first photo that is filed, and this model's answer."""
        query = (
            select(*rows.ANSWER_COLUMNS)
            .where(images.c.sha256.in_(list(contents)), tables.WAS_INFERRED)
            .where(images.c.finished_at.is_not(None), images.c.state != State.UNDONE.value)
            .order_by(images.c.id)
        )
        found: dict[str, Known] = {}
        with self._read() as connection:
            for row in connection.execute(query).mappings():
                first = found.get(row["sha256"])
                same = row["model"] == model and row["taxonomy"] == taxonomy
                found[row["sha256"]] = Known(
                    first_id=first.first_id if first else row["id"],
                    answer=rows.answer(row) if same else first.answer if first else None,
                )
        return found

    def finished(self, ids: Collection[int]) -> set[int]:
        """Those of some photos that have reached a destination."""
        query = select(images.c.id).where(images.c.id.in_(list(ids)), images.c.finished_at.is_not(None))
        with self._read() as connection:
            return set(connection.execute(query).scalars())

    def unjournaled(self, limit: int) -> list[Record]:
        """Outcomes whose lines are not marked as durable, oldest first."""
        query = select(*rows.RECORD_COLUMNS).where(tables.IS_UNJOURNALED).order_by(images.c.id).limit(limit)
        with self._read() as connection:
            return [rows.record(row) for row in connection.execute(query).mappings()]

    def owed(self, limit: int) -> Sequence[Entry]:
        """What has no durable line; each photo's own line comes before that of its correction."""
        owed: list[Entry] = []
        for unjournaled in (self.unjournaled, self.corrections.unjournaled, self.predictions.unjournaled):
            if len(owed) < limit:
                owed += unjournaled(limit - len(owed))
        return sorted(owed, key=lambda one: one.day)

    def checkpoint(self) -> Checkpoint | None:
        """The journal's last checkpoint."""
        with self._read() as connection:
            row = connection.execute(select(tables.checkpoint)).first()
        return None if row is None else Checkpoint(day=row.day, offset=row.offset, tip=row.tip)

    def is_new(self) -> bool:
        """Whether no photo was ever about to be moved to the shelf, and no prediction was recorded."""
        with self._read() as connection:
            return connection.scalar(statements.USED) is None

    def mark_journaled(self, keys: Collection[Key], checkpoint: Checkpoint) -> None:
        """Write down that lines are durable, by their keys, and up to where the journal is whole."""
        with self._write() as connection:
            for statement in statements.mark(keys, journaled=1):
                connection.execute(statement)
            connection.execute(statements.KEEP_CHECKPOINT, rows.kept(checkpoint))

    def owe_again(self, day: str, held: Collection[Key]) -> int:
        """Owe the journal the marked lines of a day that its file does not hold; how many.

        The day's file is then read from its beginning.
        """
        with self._write() as connection:
            marked = connection.execute(statements.MARKED_ABOUT, rows.about(day))
            on_day = {Key(Event(row.event), row.number) for row in marked if day_of(row.time) == day}
            missing = on_day.difference(held)
            for statement in statements.mark(missing, journaled=0):
                connection.execute(statement)
            connection.execute(statements.KEEP_CHECKPOINT, rows.kept(Checkpoint(day=day, offset=0, tip=None)))
        return len(missing)

    def keep_shadows(self, answers: Sequence[ShadowAnswer]) -> None:
        """Write down what a candidate says of photos that are filed; of the others nothing is kept."""
        if answers:
            with self._write() as connection:
                connection.execute(statements.KEEP_SHADOW, [asdict(one) for one in answers])

    def _step(self, statement: Update, parameters: list[dict[str, Any]]) -> None:
        if not parameters:
            return
        with self._write() as connection:
            changed = connection.execute(statement, parameters).rowcount
            if changed != len(parameters):
                refused = len(parameters) - changed
                raise IllegalTransition(f"{refused} of {len(parameters)} photos are in another state")

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._writing, translated(self._path), self._engine.connect() as connection:
            connection = connection.execution_options(immediate=True)  # noqa: PLW2901 - the same connection
            with connection.begin():
                yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with translated(self._path), self._engine.connect() as connection:
            yield connection


def _file_at(path: str) -> tuple[int, int] | None:
    """Which file lies there; None when none does."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _engine(path: str) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: schema.connect(path, timeout_s=BUSY_TIMEOUT_S),
        poolclass=QueuePool,
        hide_parameters=True,  # an error is about a statement; thousands of rows would drown it
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes the write lock first: one that upgraded a read could be refused without a wait.
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
