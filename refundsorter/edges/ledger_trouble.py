"""What SQLite says of the ledger, as whose matter it is."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError

from refundsorter.core.fault import LedgerRefused, PassingTrouble

PRIMARY_CODE = 0xFF  # the low byte of SQLite's extended result codes
PASSING_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
    }
)
DAMAGE_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
REMEDY = "`refundsorter ledger rebuild` makes it anew from the journal."


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Say whose matter it is what SQLite answers about the ledger at `path`; what nobody expected stays loud.

    Raises:
        PassingTrouble: The disk is full, read-only, failing or busy.
        LedgerRefused: The file is damaged.
    """
    try:
        yield
    except DatabaseError as error:
        raise _told(error.orig or error, path) from error
    except sqlite3.DatabaseError as error:
        raise _told(error, path) from error


def damage(path: str, error: object) -> str:
    """What is found, in words for a person."""
    return f"{path}: this is no ledger, or it is damaged ({error})"


def _told(error: BaseException, path: str) -> BaseException:
    code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
    if code in PASSING_CODES:
        return PassingTrouble(f"the ledger: {error}")
    if code in DAMAGE_CODES:
        return LedgerRefused(f"{damage(path, error)}. {REMEDY}")
    return error
