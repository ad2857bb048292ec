"""A ledger that is made anew from outcomes: it grows under another name and takes its place whole."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from refundsorter.core.correction import Correction
from refundsorter.core.fault import PassingTrouble, translate
from refundsorter.core.job import JobState, Kind
from refundsorter.core.prediction import Prediction
from refundsorter.core.record import Checkpoint, Record
from refundsorter.core.stability import FileIdentity
from refundsorter.edges import ledger_rows as rows
from refundsorter.edges import ledger_schema as schema
from refundsorter.edges import ledger_schema_jobs
from refundsorter.edges.ledger_predictions import INSERT_PREDICTION, values

PARTS = ("", "-wal", "-shm")  # the files of one SQLite database, beside each other


class LedgerBuilder:
    """A ledger in the making, beside `path`; used under the lock of its folder.

    Raises:
        PassingTrouble: The disk does not allow it now; so may every method.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._making = f"{path}.rebuilding"
        self.discard()
        with _translated(self._making):
            schema.migrate(self._making)
            self._connection = schema.connect(self._making, timeout_s=0.0)
            self._connection.execute("BEGIN")

    def add(self, record: Record, *, root: str, identity: FileIdentity) -> None:
        """Enter an outcome whose line is in the journal.

        Args:
            record: What the line says; its id is entered once.
            root: The inbox it came in by.
            identity: The photo's file.
        """
        with _translated(self._making):
            self._connection.execute(rows.INSERT_FILED, rows.filed_values(record, root, identity))

    def correct(self, correction: Correction, *, identity: FileIdentity) -> None:
        """Enter a correction whose line is in the journal.

        Args:
            correction: What the line says; its number is entered once.
            identity: The photo's file, where it lay then.
        """
        with _translated(self._making):
            self._connection.execute(rows.INSERT_CORRECTED, rows.corrected_values(correction, identity))

    def predict(self, prediction: Prediction) -> None:
        """Enter a prediction whose line is in the journal; its number is entered once."""
        with _translated(self._making):
            self._connection.execute(INSERT_PREDICTION, values(prediction, written=1))

    def publish(self, *, highest_id: int, checkpoint: Checkpoint | None, aside: str) -> bool:
        """Take the place of the ledger, durably.

        Args:
            highest_id: The highest id that any line names; the next photo gets a higher one.
            checkpoint: Up to where the journal is whole.
            aside: The name under which the old ledger is kept, if there is one.

        Returns:
            Whether there was one.
        """
        with _translated(self._making):
            self._complete(highest_id, checkpoint)
        folder = os.path.dirname(self._path)
        try:
            _sync(self._making, os.O_RDWR)
            was_there = os.path.lexists(self._path)
            # A write-ahead log that stayed behind would be played into the new file.
            for part in PARTS:
                with suppress(FileNotFoundError):
                    os.rename(self._path + part, aside + part)
            os.rename(self._making, self._path)
            _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise translate(error, f"making {self._path!r}") from error
        return was_there

    def discard(self) -> None:
        """Remove what was made, also by an earlier try that was cut short."""
        if hasattr(self, "_connection"):
            self._connection.close()
        try:
            for part in PARTS:
                with suppress(FileNotFoundError):
                    os.unlink(self._making + part)
        except OSError as error:
            raise translate(error, f"removing {self._making!r}") from error

    def _complete(self, highest_id: int, checkpoint: Checkpoint | None) -> None:
        run = self._connection.execute
        run(
            "INSERT INTO jobs (id, kind, state, asked_at, started_at, ended_at) "
            "SELECT job, ?, ?, min(seen_at), min(seen_at), max(finished_at) FROM images "
            "WHERE job IS NOT NULL GROUP BY job",
            (Kind.SWEEP.value, JobState.DONE.value),
        )
        ledger_schema_jobs.recount(run)
        run(rows.PUT_CORRECTED)
        run("DELETE FROM sqlite_sequence WHERE name = 'images'")
        run("INSERT INTO sqlite_sequence (name, seq) VALUES ('images', ?)", (highest_id,))
        if checkpoint is not None:
            run("INSERT INTO checkpoint VALUES (1, :day, :offset, :tip)", rows.kept(checkpoint))
        run("COMMIT")
        self._connection.close()  # folds the write-ahead log into the file


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """Of a file that nobody else knows, whatever SQLite says is the disk's matter."""
    try:
        yield
    except sqlite3.Error as error:
        free = shutil.disk_usage(os.path.dirname(path)).free
        raise PassingTrouble(f"making {path!r}: {error}; {free} bytes are free there") from error


def _sync(path: str, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
