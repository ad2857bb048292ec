"""The ledger's file: how it is made, and the steps from each version of it to the next.

The version stands in SQLite's `user_version`. A ledger from a newer version is refused; an older one is
copied beside itself and then migrated in one transaction.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from refundsorter.core.fault import LedgerRefused
from refundsorter.edges import ledger_schema_jobs, ledger_schema_reading
from refundsorter.edges.ledger_tables import correction, images, metadata, prediction, shadow
from refundsorter.edges.ledger_trouble import REMEDY, damage

FILE = "ledger.sqlite3"  # its name in `state_dir`

Migration = Callable[[sqlite3.Connection], None]
TOKEN_BYTES = 8  # random, so two ledgers never draw the same


def _draw_token(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO token VALUES (1, ?)", (secrets.token_hex(TOKEN_BYTES),))


def _add_token(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE token (id INTEGER NOT NULL PRIMARY KEY, token TEXT NOT NULL)")
    _draw_token(connection)


def _add_correction(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE images ADD COLUMN filed_as BLOB")
    connection.execute("DROP INDEX answers")
    _make_table(connection, correction)
    for index in images.indexes:
        if index.name in ("by_destination", "by_file", "contents"):
            connection.execute(_sql(CreateIndex(index)))


def _add_shadow(connection: sqlite3.Connection) -> None:
    _make_table(connection, shadow)


def _learn(connection: sqlite3.Connection) -> None:
    _add_correction(connection)
    _add_shadow(connection)


def _serve(connection: sqlite3.Connection) -> None:
    ledger_schema_jobs.upgrade(connection.execute)
    ledger_schema_reading.make(connection.execute)


def _record(connection: sqlite3.Connection) -> None:
    _make_table(connection, prediction)
    connection.execute("ALTER TABLE checkpoint ADD COLUMN tip TEXT")
    ledger_schema_reading.count_undone(connection.execute)
    ledger_schema_jobs.count_undone(connection.execute)


# The first leads from version 1 to 2.
MIGRATIONS: Sequence[Migration] = (_add_token, _learn, _serve, _record)


def connect(path: str, *, timeout_s: float) -> sqlite3.Connection:
    """A connection as the ledger needs it: durable at every commit, transactions begun by hand."""
    _make_private(path)
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        connection.close()  # an open file would keep its file system from being unmounted
        raise
    return connection


def migrate(path: str, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the ledger at `path` to the version of this program, making it if it is missing.

    Raises:
        LedgerRefused: It was written by a newer version, or is no ledger.
        sqlite3.OperationalError: The disk does not allow it now.
    """
    try:
        connection = connect(path, timeout_s=10.0)
        try:
            _migrate(connection, path, migrations)
        finally:
            connection.close()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise LedgerRefused(f"{damage(path, error)}. {REMEDY}") from error


def _migrate(connection: sqlite3.Connection, path: str, migrations: Sequence[Migration]) -> None:
    newest = 1 + len(migrations)
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == newest:
        return
    if version > newest:
        raise LedgerRefused(
            f"{path}: written by a newer refundsorter (ledger version {version}; this one knows {newest}). "
            "Install that version, or move the file away to begin a new ledger."
        )
    if version:
        _back_up(connection, f"{path}.version-{version}.backup")
    connection.execute("BEGIN IMMEDIATE")
    for step in migrations[version - 1 :] if version else (_create,):
        step(connection)
    connection.execute(f"PRAGMA user_version = {newest}")
    connection.execute("COMMIT")


def _create(connection: sqlite3.Connection) -> None:
    for table in metadata.sorted_tables:
        _make_table(connection, table)
    ledger_schema_jobs.make(connection.execute)
    ledger_schema_reading.make(connection.execute)
    _draw_token(connection)


def _make_table(connection: sqlite3.Connection, table: Table) -> None:
    connection.execute(_sql(CreateTable(table)))
    for index in sorted(table.indexes, key=lambda one: str(one.name)):
        connection.execute(_sql(CreateIndex(index)))


def _sql(statement: CreateTable | CreateIndex) -> str:
    return str(statement.compile(dialect=sqlite.dialect()))


def _back_up(connection: sqlite3.Connection, path: str) -> None:
    """Copy the whole ledger; a copy that an earlier try left is replaced."""
    if os.path.exists(path):
        os.unlink(path)
    _make_private(path)
    connection.execute("VACUUM INTO ?", (path,))


def _make_private(path: str) -> None:
    """Make a missing file that others cannot read; SQLite gives its companions the same mode.

    One that is there is not opened: closing it again would drop the locks of every connection to it. Where it
    cannot be made, SQLite says why.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))
