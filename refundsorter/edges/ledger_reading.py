"""Reading the ledger beside the sorter: by connections that can write nothing and hold up nobody."""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import Any
from urllib.parse import quote

from refundsorter.core.fault import LedgerRefused, PassingTrouble
from refundsorter.edges.ledger_trouble import REMEDY, damage

Row = Mapping[str, Any]
Parameters = Sequence[object] | dict[str, Any]

CACHE_KIB = 512  # of each connection; the kernel keeps the rest


class Reader:
    """Read-only queries on the ledger at `path`, from any thread.

    Connections are opened when they are needed, and kept; one serves one query at a time.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()

    def run(self, query: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query, by the names of their columns.

        Raises:
            PassingTrouble: It cannot be read now.
            LedgerRefused: It is damaged.
        """
        with self._translated(), self._connection() as connection:
            return list(_rows(connection, query, parameters))

    @contextmanager
    def at_once(self) -> Iterator["Snapshot"]:
        """Queries that all see the ledger as it is at the first of them.

        Not to be held for long: what the daemon writes meanwhile stays in the write-ahead log. Raises
        as `run` does.
        """
        with self._translated(), self._connection() as connection:
            connection.execute("BEGIN")
            yield Snapshot(connection)
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connections that are idle; one that is in use is closed after it."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise PassingTrouble(f"the ledger {self._path!r}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise LedgerRefused(f"{damage(self._path, error)}. {REMEDY}") from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._open()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)

    def _open(self) -> sqlite3.Connection:
        place = f"file:{quote(os.fsencode(self._path))}?mode=ro"
        connection = sqlite3.connect(place, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return connection


class Snapshot:
    """The ledger at one moment; see `Reader.at_once`. What SQLite raises its reader translates."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, query: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query."""
        return list(_rows(self._connection, query, parameters))

    def each(self, query: str, parameters: Parameters = ()) -> Iterator[Row]:
        """The rows of a query, one after another: any number of them."""
        return _rows(self._connection, query, parameters)


def _rows(connection: sqlite3.Connection, query: str, parameters: Parameters) -> Iterator[Row]:
    found = connection.execute(query, parameters)
    names = [column[0] for column in found.description or ()]
    # Not sqlite3.Row, which looks through all names for each value that is asked for.
    return (dict(zip(names, row, strict=True)) for row in found)
