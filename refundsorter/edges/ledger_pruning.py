"""Rows of the ledger that are old enough to go, beside whoever writes it, and room that is unused.

Rows go a few hundred at a time, each time in a transaction of some milliseconds, so that the sorter waits no
longer for this than for itself.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from refundsorter.core.correction import Stage
from refundsorter.core.fault import LedgerRefused, PassingTrouble
from refundsorter.core.record import Checkpoint, day_of
from refundsorter.core.stability import FileIdentity
from refundsorter.edges import ledger_schema
from refundsorter.edges.ledger_rows import identity_of
from refundsorter.edges.ledger_statements import LINES
from refundsorter.edges.ledger_tables import IS_OPEN
from refundsorter.edges.ledger_trouble import translated

BUSY_TIMEOUT_S = 10.0  # how long whoever writes is waited for
AT_ONCE = 500  # rows in one transaction
LOOK_AT = 5000  # and those that are looked at for it
STEPS = 1000  # of SQLite's virtual machine between two looks at the clock
OWED_SINCE = "SELECT min({time}) FROM {table} WHERE {marked} = 0 AND {time} IS NOT NULL"
# The newest stays: by it the ledger knows that it was used.
OLD_PREDICTIONS = (
    "SELECT id FROM prediction WHERE answered_at < ? AND written = 1 "
    "AND id < (SELECT max(id) FROM prediction)"
)
OLD_SHADOWS = (
    "SELECT shadow.rowid FROM (SELECT rowid, image FROM shadow WHERE rowid > ? ORDER BY rowid LIMIT ?) "
    "AS shadow JOIN images ON images.id = shadow.image WHERE finished_at < ?"
)
LAST_SHADOW = "SELECT max(rowid) FROM (SELECT rowid FROM shadow WHERE rowid > ? ORDER BY rowid LIMIT ?)"
REJECTED = (
    "SELECT id, identity, finished_at FROM images WHERE destination = ? AND state = 'rejected' "
    "AND finished_at IS NOT NULL AND id NOT IN (SELECT image FROM correction WHERE stage IN (?, ?)) "
    "ORDER BY id DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A rejected photo."""

    id: int
    identity: FileIdentity
    finished_at: float  # unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How large the ledger's file is."""

    all_bytes: int
    free_bytes: int  # unused


class LedgerPruner:
    """Looks for old rows, and deletes them.

    Raises:
        LedgerRefused: The ledger is damaged, or not of this program's version: the daemon brings it there.
        PassingTrouble: It cannot be used now; so may every method.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        if not os.path.exists(path):
            raise PassingTrouble(f"the ledger {path!r} is not there")
        with translated(path):
            self._connection = ledger_schema.connect(path, timeout_s=BUSY_TIMEOUT_S)
            version, newest = self._one("PRAGMA user_version"), 1 + len(ledger_schema.MIGRATIONS)
        if version != newest:
            self.close()
            raise LedgerRefused(
                f"{path}: of ledger version {version}, and this refundsorter works on {newest}; "
                "start the daemon once with it"
            )

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def checkpoint(self) -> Checkpoint | None:
        """Up to where the journal is whole."""
        with translated(self._path):
            row = self._connection.execute("SELECT day, offset, tip FROM checkpoint").fetchone()
        return Checkpoint(day=row[0], offset=row[1], tip=row[2]) if row else None

    def owed_since(self) -> str | None:
        """The earliest day, YYYY-MM-DD, of which a line is still to be written; None where none is."""
        with translated(self._path):
            found = [
                self._one(OWED_SINCE.format(time=time.name, table=time.table.name, marked=marked.name))
                for time, marked in LINES.values()
            ]
        return min((day_of(one) for one in found if one is not None), default=None)

    def predictions(self, before: float, *, dry_run: bool) -> int:
        """Delete recorded predictions from before a time, unix seconds, whose lines are durable; how many."""
        with translated(self._path):
            if dry_run:
                return int(self._one(f"SELECT count(*) FROM ({OLD_PREDICTIONS})", before))  # noqa: S608 - constants
            deleted = 0
            while found := self._connection.execute(
                f"{OLD_PREDICTIONS} ORDER BY answered_at LIMIT ?", (before, AT_ONCE)
            ).fetchall():
                self._delete("DELETE FROM prediction WHERE id = ?", found)
                deleted += len(found)
            return deleted

    def shadows(self, before: float, *, dry_run: bool) -> int:
        """Delete what candidates said of photos that were filed before a time, unix seconds; how many."""
        last, deleted = 0, 0
        with translated(self._path):
            while (end := self._one(LAST_SHADOW, last, LOOK_AT)) is not None:
                found = self._connection.execute(OLD_SHADOWS, (last, LOOK_AT, before)).fetchall()
                deleted += len(found)
                for first in range(0, 0 if dry_run else len(found), AT_ONCE):
                    self._delete("DELETE FROM shadow WHERE rowid = ?", found[first : first + AT_ONCE])
                last = end
        return deleted

    def rejected(self, path: str) -> Rejected | None:
        """The rejected photo that lies at a path, as far as is known; None of one that is being moved."""
        with translated(self._path):
            parameters = (os.fsencode(path), Stage.ASKED.value, Stage.INTENDED.value)
            row = self._connection.execute(REJECTED, parameters).fetchone()
        return None if row is None else Rejected(id=row[0], identity=identity_of(row[1]), finished_at=row[2])

    def is_busy(self) -> bool:
        """Whether a photo is in work, or waits."""
        with translated(self._path):
            return bool(self._one(f"SELECT EXISTS (SELECT 1 FROM images WHERE {IS_OPEN})"))  # noqa: S608 - constants

    def room(self) -> Room:
        """How large its file is."""
        with translated(self._path):
            size, pages, free = (
                int(self._one(f"PRAGMA {name}")) for name in ("page_size", "page_count", "freelist_count")
            )
        return Room(all_bytes=size * pages, free_bytes=size * free)

    def vacuum(self, *, limit_s: float, clock: Callable[[], float] = time.monotonic) -> bool:
        """Write the file anew without its unused room; False where that takes too long, and nothing is done.

        Meanwhile nobody else can write.

        Args:
            limit_s: For how long, seconds.
            clock: Seconds that never go back.
        """
        deadline = clock() + limit_s
        self._connection.set_progress_handler(lambda: clock() > deadline, STEPS)
        try:
            with translated(self._path):
                self._connection.execute("VACUUM")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            return False
        finally:
            self._connection.set_progress_handler(None, 0)
        return True

    def _delete(self, statement: str, rows: list[tuple[int]]) -> None:
        with self._writing() as connection:
            connection.executemany(statement, rows)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            yield self._connection

    def _one(self, query: str, *parameters: object) -> Any:
        value: Any = self._connection.execute(query, parameters).fetchone()[0]
        return value
