"""The ledger's tables, those of jobs apart, and the steps from each version to the next.

The version stands in SQLite's `user_version`. A ledger from a newer version is refused; an older one is
copied beside itself and then migrated in one transaction. Paths are stored as the bytes of `os.fsencode`, so
that any name survives; times are unix seconds.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy import (
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from refundsorter.core.correction import Stage
from refundsorter.core.fault import LedgerRefused
from refundsorter.core.image import OPEN, State
from refundsorter.edges import ledger_schema_jobs, ledger_schema_reading
from refundsorter.edges.ledger_trouble import REMEDY, damage

FILE = "ledger.sqlite3"  # its name in `state_dir`

metadata = MetaData()


class Path(TypeDecorator[str]):
    """A path: text as `os.fsdecode` gives it in Python, its bytes in the database."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Encode."""
        return None if value is None else os.fsencode(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Decode."""
        return None if value is None else os.fsdecode(value)


images = Table(
    "images",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("path", Path, nullable=False),  # in the inbox
    Column("root", Path, nullable=False),  # the inbox
    Column("identity", Text, nullable=False),  # device:inode:size:mtime_ns
    Column("noticed_by", Text, nullable=False),  # event, scan, sweep or upload
    Column("seen_at", Float, nullable=False),
    Column("not_before", Float, nullable=False),  # not claimed before; 0 for one that met no trouble
    Column("attempts", Integer, nullable=False),  # times that passing trouble sent it back
    Column("trouble", Text),  # the last of them
    Column("job", Integer),
    Column("claimed_at", Float),
    # what was found and decided, from `classified` on
    Column("sha256", Text),
    Column("category", Text),
    Column("label", Text),
    Column("confidence", Float),
    Column("top_predictions", Text),  # JSON, as in the journal
    Column("width", Integer),
    Column("height", Integer),
    Column("duplicate_of", Integer),
    Column("decode_ms", Float),
    Column("infer_ms", Float),
    Column("model", Text),  # NAME/VERSION
    Column("taxonomy", Text),  # its digest
    Column("reason", Text),
    Column("detail", Text),  # what exactly was found in a rejected file
    Column("intended", Text),  # the terminal state that is meant
    Column("destination", Path),  # the path that is meant, and then the path that is
    # what was done, from the terminal states on
    Column("finished_at", Float),
    Column("move_ms", Float),
    Column("journaled", Integer, nullable=False, server_default="0"),  # 1: its line is durable
    Column("filed_as", Path),  # the destination that its line tells, once the photo lies elsewhere
    sqlite_autoincrement=True,  # an id is never given again: lines and duplicates name it for ever
)

correction = Table(
    "correction",  # what people put right: what is asked, what is being done, and what was
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("how", Text, nullable=False),  # command or moved
    Column("by_whom", Text),  # where it is known
    Column("asked_at", Float, nullable=False),
    Column("to_category", Text, nullable=False),  # a folder of the shelf
    # what is being done, from `intended` on
    Column("from_category", Text),  # likewise
    Column("from_destination", Path),
    Column("to_destination", Path),
    Column("identity", Text),  # the photo's file, as it was found
    Column("model", Text),  # whose answer it corrects
    Column("trouble", Text),  # what holds it back, or why it is refused
    # what was done
    Column("done_at", Float),
    Column("written", Integer, nullable=False, server_default="0"),  # 1: its line is durable
    sqlite_autoincrement=True,  # a line names the number for ever
)

checkpoint = Table(
    "checkpoint",  # up to where the journal is whole: one row
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", Text, nullable=False),
    Column("offset", Integer, nullable=False),
)

token = Table(
    "token",  # what tells this ledger from every other one: one row
    metadata,
    Column("id", Integer, primary_key=True),
    Column("token", Text, nullable=False),
)

shadow = Table(
    "shadow",  # what candidates said of photos that the active bundle decided
    metadata,
    Column("model", Text, primary_key=True),  # the candidate, NAME/VERSION
    Column("image", Integer, primary_key=True),  # the photo's id
    Column("category", Text),
    Column("label", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("filed", Integer, nullable=False),  # 1: it would have been filed
)

# Literal text, not parameters: SQLite uses a partial index only where it can prove that the query implies it.
IS_OPEN = text("state IN ({})".format(", ".join(f"'{state}'" for state in sorted(OPEN))))
IS_WAITING = text(f"state = '{State.WAITING}'")
IS_UNJOURNALED = text("journaled = 0 AND finished_at IS NOT NULL")
WAS_INFERRED = text("infer_ms IS NOT NULL")
IS_OPEN_CORRECTION = text(f"stage IN ('{Stage.ASKED}', '{Stage.INTENDED}')")
IS_UNWRITTEN = text("written = 0 AND done_at IS NOT NULL")

# Partial indices: their size follows the work in hand, not the history, but for those by which a photo is
# found again: by content, by the place where it lies, and by its file.
ONE_OPEN_PER_PATH = Index("one_open_per_path", images.c.path, unique=True, sqlite_where=IS_OPEN)
Index("next_to_claim", images.c.not_before, images.c.id, sqlite_where=IS_WAITING)
Index("unjournaled", images.c.id, sqlite_where=IS_UNJOURNALED)
Index("contents", images.c.sha256, sqlite_where=text("sha256 IS NOT NULL"))
Index("by_job", images.c.job, images.c.state, sqlite_where=text("job IS NOT NULL"))
Index("by_destination", images.c.destination, sqlite_where=text("destination IS NOT NULL"))
Index("by_file", images.c.identity, sqlite_where=text("finished_at IS NOT NULL"))
Index("corrections_open", correction.c.id, sqlite_where=IS_OPEN_CORRECTION)
Index("corrections_unwritten", correction.c.id, sqlite_where=IS_UNWRITTEN)
Index("corrections_of", correction.c.image)


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


# The first leads from version 1 to 2.
MIGRATIONS: Sequence[Migration] = (_add_token, _learn, _serve)


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
