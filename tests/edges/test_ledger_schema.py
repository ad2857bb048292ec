"""The ledger's versions, its damage, and its indices."""

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from stages import IDENTITY, arrival, examined, filed, intent, release, relocation

from refundsorter.core.fault import LedgerRefused
from refundsorter.core.record import Checkpoint, Event, Key
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_rebuild import LedgerBuilder
from refundsorter.edges.ledger_schema import MIGRATIONS, Migration, migrate
from refundsorter.edges.ledger_tables import images

NEWEST = 1 + len(MIGRATIONS)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the ledger lies."""
    return str(tmp_path / "ledger.sqlite3")


def version_of(path: str) -> int:
    """The version that stands in the file."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def paths_in(path: str) -> list[str]:
    """The photos' paths."""
    with closing(sqlite3.connect(path)) as connection:
        return [os.fsdecode(row[0]) for row in connection.execute("SELECT path FROM images ORDER BY id")]


def make(path: str, count: int = 1) -> None:
    """A ledger of this version with that many photos."""
    with closing(Ledger(path, longest_wait_s=300.0)) as ledger:
        ledger.admit([arrival(f"/inbox/{number}.jpg") for number in range(count)])


class TestVersions:
    """Which ledgers are opened."""

    def test_a_new_ledger_has_the_newest_version(self, path: str) -> None:
        """What is made is what this program knows."""
        migrate(path)
        assert version_of(path) == NEWEST

    def test_a_ledger_is_durable(self, path: str) -> None:
        """Every connection writes ahead and waits for the disk at each commit."""
        with closing(Ledger(path, longest_wait_s=300.0)) as ledger, ledger._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2

    def test_opening_again_changes_nothing(self, path: str) -> None:
        """A ledger of this version keeps its rows, and no copy is made."""
        make(path)
        migrate(path)
        assert paths_in(path) == ["/inbox/0.jpg"]
        assert [name for name in os.listdir(os.path.dirname(path)) if "backup" in name] == []

    def test_a_newer_ledger_is_refused(self, path: str) -> None:
        """A ledger from a later version is left as it is; the message says both versions and what to do."""
        make(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
        with pytest.raises(LedgerRefused) as caught:
            Ledger(path, longest_wait_s=300.0)
        said = str(caught.value)
        assert f"ledger version {NEWEST + 1}; this one knows {NEWEST}" in said
        assert path in said
        assert "Install that version" in said
        assert version_of(path) == NEWEST + 1
        assert paths_in(path) == ["/inbox/0.jpg"]

    def test_an_older_ledger_is_migrated_after_a_copy(self, path: str) -> None:
        """Each missing step is taken in order, and the ledger as it was lies beside it."""
        make(path)
        migrate(path, [*MIGRATIONS, adding("one"), adding("two")])
        assert version_of(path) == NEWEST + 2
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT path, one, two FROM images").fetchall() == [
                (b"/inbox/0.jpg", None, None)
            ]
        backup = f"{path}.version-{NEWEST}.backup"
        assert version_of(backup) == NEWEST
        assert paths_in(backup) == ["/inbox/0.jpg"]

    def test_a_migration_starts_where_the_ledger_stands(self, path: str) -> None:
        """Steps that a ledger has behind it are not taken again."""
        make(path)
        migrate(path, [*MIGRATIONS, adding("one")])
        migrate(path, [*MIGRATIONS, adding("one"), adding("two")])
        assert version_of(path) == NEWEST + 2

    def test_a_migration_that_fails_changes_nothing(self, path: str) -> None:
        """All steps are one transaction; the next start begins them anew."""
        make(path)
        with pytest.raises(sqlite3.OperationalError):
            migrate(path, [*MIGRATIONS, adding("one"), adding("one")])
        assert version_of(path) == NEWEST
        migrate(path, [*MIGRATIONS, adding("one"), adding("two")])
        assert paths_in(path) == ["/inbox/0.jpg"]
        assert paths_in(f"{path}.version-{NEWEST}.backup") == ["/inbox/0.jpg"]


class TestToken:
    """What tells a ledger from every other one."""

    def test_each_ledger_has_its_own(self, path: str) -> None:
        """Two ledgers that are made have two tokens; one that is opened again keeps its own."""
        assert token_of(path) == token_of(path) != token_of(f"{path}.other")

    def test_a_ledger_of_version_1_gets_one(self, path: str) -> None:
        """The step to version 2 keeps the rows and draws a token, once."""
        make_older(path)
        with closing(sqlite3.connect(path)) as connection:
            made = connection.execute("PRAGMA table_info(token)").fetchall()
            connection.executescript("DROP TABLE token; PRAGMA user_version = 1")
        assert token_of(path) == token_of(path)
        assert version_of(path) == NEWEST
        assert paths_in(path) == paths_in(f"{path}.version-1.backup") == ["/inbox/0.jpg"]
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA table_info(token)").fetchall() == made

    def test_a_ledger_of_version_2_becomes_what_a_new_one_is(self, path: str) -> None:
        """The steps from version 2 on give the tables, columns and indices that a new ledger is made with."""
        make_older(path)
        migrate(path)
        migrate(f"{path}.new")
        assert schema_of(path) == schema_of(f"{path}.new")
        assert paths_in(path) == paths_in(f"{path}.version-2.backup") == ["/inbox/0.jpg"]

    def test_a_ledger_that_is_made_anew_has_one(self, path: str) -> None:
        """What stands in for a lost ledger goes by another token."""
        lost = token_of(path)
        builder = LedgerBuilder(path)
        builder.publish(highest_id=0, checkpoint=None, aside=f"{path}.aside")
        assert token_of(path) != lost == token_of(f"{path}.aside")


def token_of(path: str) -> str:
    """The token of the ledger at a path, made if it is missing."""
    with closing(Ledger(path, longest_wait_s=300.0)) as ledger:
        token = ledger.token()
    assert len(bytes.fromhex(token)) == 8
    return token


def make_older(path: str) -> None:
    """A ledger of version 2 with one photo."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parents[1] / "data" / "ledger-2.sql").read_text())
        connection.execute(
            "INSERT INTO images (state, path, root, identity, noticed_by, seen_at, not_before, attempts) "
            "VALUES ('waiting', ?, ?, '1:2:3:4', 'scan', 1, 0, 0)",
            (b"/inbox/0.jpg", b"/inbox"),
        )
        connection.commit()


def schema_of(path: str) -> dict[str, Any]:
    """The columns of each table and the statement of each index."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        return {
            name: connection.execute(f"PRAGMA table_info({name})").fetchall() if kind == "table" else sql
            for kind, name, sql in found
        }


def adding(column: str) -> Migration:
    """A step that adds a column."""

    def step(connection: sqlite3.Connection) -> None:
        connection.execute(f"ALTER TABLE images ADD COLUMN {column} TEXT")

    return step


class TestDamage:
    """What is no ledger."""

    @pytest.mark.parametrize("spoil", [lambda raw: b"x" * len(raw), lambda raw: raw[: len(raw) // 2 + 7]])
    def test_a_damaged_ledger_is_refused(self, path: str, spoil: Callable[[bytes], bytes]) -> None:
        """A file that is no database, or only half of one, is refused untouched with what to do."""
        make(path, count=200)
        spoiled = spoil(Path(path).read_bytes())
        Path(path).write_bytes(spoiled)
        with pytest.raises(LedgerRefused, match=r"no ledger, or it is damaged.*ledger rebuild"):
            Ledger(path, longest_wait_s=300.0)
        assert hashlib.sha256(Path(path).read_bytes()).digest() == hashlib.sha256(spoiled).digest()

    def test_an_empty_file_becomes_a_ledger(self, path: str) -> None:
        """A file that a crash left empty before anything was in it is filled."""
        Path(path).touch()
        make(path)
        assert paths_in(path) == ["/inbox/0.jpg"]


class TestIndices:
    """No statement of the daily work reads the history."""

    def test_every_statement_uses_an_index(self, path: str) -> None:
        """Each statement finds its rows through an index or the key; none scans the table."""
        with closing(Ledger(path, longest_wait_s=300.0)) as ledger:
            statements = recorded(ledger)
        assert len(statements) == 36
        plans = {statement: plan(path, statement, values) for statement, values in statements.items()}
        scans = {
            statement: steps
            for statement, steps in plans.items()
            if any(
                step.startswith(("SCAN images", "SCAN correction", "SCAN prediction")) and "USING" not in step
                for step in steps
            )
        }
        assert scans == {}

    @pytest.mark.parametrize("index", sorted(str(one.name) for one in images.indexes))
    def test_every_index_is_used(self, path: str, index: str) -> None:
        """No index is kept for nothing."""
        with closing(Ledger(path, longest_wait_s=300.0)) as ledger:
            statements = recorded(ledger)
        by_job = "SELECT state, count(*) FROM images WHERE job = ? GROUP BY state"
        used = [
            step
            for statement, values in [*statements.items(), (by_job, (1,))]
            for step in plan(path, statement, values)
        ]
        assert any(index in step for step in used)


def recorded(ledger: Ledger) -> dict[str, Any]:
    """Every statement on photos that the daily work sends, with parameters."""
    found: dict[str, Any] = {}

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        is_of_rows = any(table in statement for table in ("images", "correction", "prediction"))
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and is_of_rows:
            found[statement] = values[0] if isinstance(values, list) else values

    event.listen(ledger._engine, "before_cursor_execute", note)
    ledger.admit([arrival(f"/inbox/{number}.jpg") for number in range(4)])
    ledger.unknown([arrival("/inbox/0.jpg")])
    ledger.queue(limit=2, now=101.0)
    taken = ledger.claim(limit=3, now=101.0)
    ledger.known(["ab" * 32], model="m", taxonomy="t")
    ledger.classify([intent(examined(one)) for one in taken[:2]])
    ledger.pending()
    ledger.finish([filed(taken[0].id)])
    ledger.release([release(taken[1].id)])
    ledger.forget([taken[2].id])
    ledger.release_claims()
    ledger.unjournaled(10)
    checkpoint = Checkpoint(day="2026-01-31", offset=1, tip=None)
    ledger.predictions.unjournaled(10)
    ledger.mark_journaled([Key(event, taken[0].id) for event in Event], checkpoint)
    put_right(ledger, taken[0].id)
    return found


def put_right(ledger: Ledger, image: int) -> None:
    """Ask for a correction, do it, and find the photo elsewhere."""
    (number,) = ledger.corrections.ask([image], "GARDEN", by=None, now=1.0)
    (asked,) = ledger.corrections.requests(10, after=0)
    assert asked.photo is not None
    ledger.corrections.intend([relocation(asked, "/sorted/GARDEN/a.jpg")])
    (pending,) = ledger.corrections.pending(root="/sorted")
    ledger.corrections.finish([(pending, IDENTITY)], now=2.0)
    ledger.corrections.came_from("/inbox", 1)
    ledger.corrections.open_ones([number])
    ledger.corrections.verdicts([number])
    ledger.corrections.withdraw([number])
    ledger.corrections.unjournaled(10)
    (number,) = ledger.corrections.ask_back([image], by=None, now=3.0).values()
    (asked,) = ledger.corrections.requests(10, after=number - 1)
    ledger.corrections.intend([relocation(asked, "/inbox/a.jpg")])
    ledger.corrections.finish([(relocation(asked, "/inbox/a.jpg"), IDENTITY)], now=4.0)
    ledger.places.unknown(["/sorted/GARDEN/a.jpg"])
    ledger.places.of_file(IDENTITY)
    ledger.places.of_content("ab" * 32)
    ledger.places.holder("/sorted/GARDEN/a.jpg")


def plan(path: str, statement: str, values: Any) -> list[str]:
    """How SQLite would find the rows."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
