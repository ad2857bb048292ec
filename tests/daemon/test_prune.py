"""`refundsorter prune`: what is old is put away, and nothing else."""

import gzip
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from old_journal import (
    A_DAY,
    folder_of,
    lines,
    listed,
    name,
    noon,
    put_away,
    rebuilt,
    settings_of,
    traced,
    write_days,
)
from stages import record
from support import Shop, make_shop, photo
from workbench import rows

from refundsorter.core.record import Event, Key
from refundsorter.core.retention import is_vacuum_worthwhile
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal import Journal
from refundsorter.edges.ledger_pruning import LedgerPruner
from refundsorter.edges.ledger_report import LedgerReport
from refundsorter.exits import ExitCode


@contextmanager
def ledger(shop: Shop) -> Iterator[sqlite3.Connection]:
    """The ledger's file, to be changed."""
    with closing(sqlite3.connect(shop.state / "ledger.sqlite3")) as connection, connection:
        yield connection


def test_old_files_are_compressed_and_read_as_before(shop: Shop) -> None:
    """The lines of compressed files are verified, and a ledger is made of them again; the newest stay."""
    write_days(shop, 6)
    before = lines(shop)
    found = put_away(settings_of(shop, compress_days=2), today=5)
    assert found.compressed == [name(day) for day in range(3)]
    assert listed(shop) == [name(0, ".jsonl.gz"), name(1, ".jsonl.gz"), name(2, ".jsonl.gz")] + [
        name(day) for day in range(3, 6)
    ]
    assert (lines(shop), traced(shop).flaws, traced(shop).lines) == (before, [], 6 * A_DAY)
    assert rebuilt(shop).sorted == 6 * A_DAY
    assert put_away(settings_of(shop, compress_days=2), today=5).compressed == []


def test_a_rehearsal_changes_nothing(shop: Shop) -> None:
    """What it names is what is put away then."""
    write_days(shop, 6)
    before, settings = listed(shop), settings_of(shop, compress_days=1, journal_days=3)
    told = put_away(settings, today=5, dry_run=True)
    assert (listed(shop), told.dry_run) == (before, True)
    done = put_away(settings, today=5)
    assert (told.compressed, told.removed) == (done.compressed, done.removed)
    assert done.removed == [name(0), name(1)]


def test_the_chain_goes_on_behind_removed_files(shop: Shop) -> None:
    """What was removed is no flaw; what somebody else removes is; numbers are not given again."""
    write_days(shop, 6)
    put_away(settings_of(shop, compress_days=1), today=5)
    put_away(settings_of(shop, journal_days=3), today=5)
    assert listed(shop)[0] == name(2, ".jsonl.gz")
    found = traced(shop)
    assert (found.flaws, found.removed, found.lines) == ([], 2, 4 * A_DAY)
    (folder_of(shop) / name(3, ".jsonl.gz")).unlink()
    (flaw,) = traced(shop).flaws
    assert flaw.file.endswith(name(2, ".jsonl.gz"))
    for path in folder_of(shop).glob("*.jsonl*"):
        path.unlink()
    rebuilt(shop)
    assert rows(shop, "SELECT seq FROM sqlite_sequence WHERE name = 'images'") == [{"seq": 2 * A_DAY}]


def test_a_flipped_byte_in_a_compressed_file_is_found(shop: Shop) -> None:
    """Damage to what is compressed is told with its file; such a file is neither removed nor lost."""
    write_days(shop, 4)
    put_away(settings_of(shop, compress_days=1), today=3)
    path = folder_of(shop) / name(1, ".jsonl.gz")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert {flaw.file for flaw in traced(shop).flaws} == {str(path)}
    found = put_away(settings_of(shop, journal_days=1), today=3)
    assert (found.removed, path.exists()) == ([name(0, ".jsonl.gz")], True)
    assert "is damaged" in found.trouble[0]


def test_what_the_ledger_is_not_through_with_is_left_alone(shop: Shop) -> None:
    """From the checkpoint's day on, and from that of an owed line on, nothing is touched, however old."""
    write_days(shop, 6)
    settings = settings_of(shop, compress_days=1, journal_days=3)
    with ledger(shop) as connection:
        connection.execute("UPDATE images SET journaled = 0 WHERE id = ?", (1 + A_DAY,))
    assert put_away(settings, today=300).removed == [name(0)]
    with ledger(shop) as connection:
        connection.execute("UPDATE images SET journaled = 1")
        connection.execute("UPDATE checkpoint SET day = '2026-01-03'")
    assert put_away(settings, today=300).removed == [name(1)]
    with ledger(shop) as connection:
        connection.execute("DELETE FROM checkpoint")
    assert put_away(settings, today=300).removed == []


def test_a_clock_that_was_set_back_loses_no_line(shop: Shop) -> None:
    """A line of a day that is compressed is read behind the others of it, and compressed with them."""
    write_days(shop, 4)
    put_away(settings_of(shop, compress_days=1), today=3)
    late = record(99, at=noon(0))
    Journal(str(folder_of(shop)), FileSystem()).append([late])
    with ledger(shop) as connection:
        connection.execute("UPDATE checkpoint SET tip = NULL")
    before = lines(shop)
    assert (traced(shop).flaws, traced(shop).lines) == ([], 4 * A_DAY + 1)
    assert put_away(settings_of(shop, compress_days=1), today=3).compressed == [name(0)]
    assert (lines(shop), traced(shop).flaws) == (before, [])
    put_away(settings_of(shop, journal_days=2), today=3)
    assert traced(shop).flaws == []


@pytest.mark.parametrize("ages", [{"compress_days": 1}, {"journal_days": 2}])
def test_a_kill_at_any_call_loses_nothing(ages: dict[str, int], tmp_path: Path) -> None:
    """Whichever call a SIGKILL comes before, the chain is whole, and the next run does the rest."""
    whole = make_shop(tmp_path / "whole")
    write_days(whole, 4)
    for call in count(1):
        shop = Shop(Path(shutil.copytree(whole.base, tmp_path / str(call))))
        all_lines, kept = set(lines(shop)), settings_of(shop, **ages)
        was_killed = _killed_at(call, kept)
        assert traced(shop).flaws == []
        assert rebuilt(shop, dry_run=True).damaged == 0
        if "journal_days" not in ages:
            assert set(lines(shop)) == all_lines
        put_away(kept, today=3)
        assert set(lines(shop).values()) == {1}
        assert not any(one.endswith(".part") for one in listed(shop))
        assert traced(shop).flaws == []
        if not was_killed:
            break
    assert call > 10, "the calls were not counted"


def _killed_at(call: int, settings: object) -> bool:
    """Put away in a process that is killed before its n-th call; whether it lived that long."""
    pid = os.fork()
    if not pid:
        calls = count(1)

        def before(_operation: str, _path: str) -> None:
            if next(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)

        put_away(settings, today=3, files=FileSystem(before))  # type: ignore[arg-type]
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def test_a_full_disk_leaves_the_file_as_it_is(shop: Shop) -> None:
    """What cannot be written is told, nothing half-written stays, and the other files are done."""
    write_days(shop, 4)
    fails = iter([True])

    def before(operation: str, path: str) -> None:
        if operation == "write" and path.endswith(".part") and next(fails, False):
            raise OSError(28, "No space left on device")

    found = put_away(settings_of(shop, compress_days=1), today=3, files=FileSystem(before))
    assert (found.compressed, len(found.trouble), found.is_complete) == ([name(1)], 1, False)
    assert listed(shop) == [name(0), name(1, ".jsonl.gz"), name(2), name(3)]


def test_rejected_photos_are_deleted_only_where_that_is_asked_for(shop: Shop) -> None:
    """Only such as lie in `_rejected`, as the ledger knows them, and are old; their rows stay."""
    for number in range(3):
        shop.drop(f"{number}.jpg", b"no photo" * (number + 1))
    shop.drop("red.jpg", photo("red"))
    shop.run("sweep")
    stranger = shop.sorted / "_rejected" / "not_an_image" / "stranger.jpg"
    stranger.write_bytes(b"put here by hand")
    (shop.sorted / "_rejected" / "not_an_image" / "1.jpg").write_bytes(b"another one by now")
    with ledger(shop) as connection:
        connection.execute(
            "UPDATE images SET finished_at = ? WHERE CAST(path AS TEXT) NOT LIKE '%/2.jpg'", (noon(0),)
        )
    before = shop.photos()
    assert put_away(settings_of(shop), today=3000).rejected == []
    found = put_away(settings_of(shop, rejected_days=30), today=40)
    assert found.rejected == [str(shop.sorted / "_rejected" / "not_an_image" / "0.jpg")]
    assert sum((before - shop.photos()).values()) == 1
    assert rows(shop, "SELECT count(*) AS n FROM images") == [{"n": 4}]
    assert json.loads(shop.run("journal", "verify", "--json").stdout)["whole"]


def test_reports_go_by_the_date_in_their_names(shop: Shop) -> None:
    """All files of an old day go; what has another name stays."""
    write_days(shop, 1)
    reports = shop.sorted / "_reports"
    reports.mkdir()
    for one in ("2026-01-01.html", "2026-01-01.csv", "2026-02-09.json", "2026-01-01.txt", "notes.html"):
        (reports / one).write_text("")
    found = put_away(settings_of(shop, report_days=30), today=40)
    assert found.reports == ["2026-01-01.csv", "2026-01-01.html"]
    assert len(list(reports.iterdir())) == 3


def test_old_rows_leave_the_ledger_and_room_is_given_back(shop: Shop) -> None:
    """Candidates' answers of old photos go, those of new ones stay; the file shrinks by what they took."""
    write_days(shop, 4)
    with ledger(shop) as connection:
        images = [row[0] for row in connection.execute("SELECT id FROM images")]
        connection.executemany(
            "INSERT INTO shadow VALUES (?, ?, 'TOYS', 'teddy', 0.5, 1)",
            [("tiny/2.0.0", image) for image in images],
        )
        connection.execute("CREATE TABLE ballast (filling BLOB)")
        connection.executemany("INSERT INTO ballast VALUES (zeroblob(?))", [(500,)] * 4000)
        connection.execute("CREATE TABLE other (filling BLOB)")
        connection.executemany("INSERT INTO other VALUES (zeroblob(?))", [(5,)] * 4000)
        connection.execute("DROP TABLE ballast")
    settings = settings_of(shop, shadow_days=2)
    assert put_away(settings, today=4, dry_run=True).shadows == 2 * A_DAY
    assert put_away(settings, today=4).shadows == 2 * A_DAY
    assert rows(shop, "SELECT min(image) AS first FROM shadow") == [{"first": 2 * A_DAY + 1}]
    with closing(LedgerPruner(str(shop.state / "ledger.sqlite3"))) as pruner:
        room = pruner.room()
        assert not is_vacuum_worthwhile(free_bytes=room.free_bytes, all_bytes=room.all_bytes)
        assert pruner.vacuum(limit_s=-1.0, clock=iter(range(1_000_000)).__next__) is False
        assert pruner.room() == room
        assert pruner.vacuum(limit_s=60.0) is True
        assert pruner.room().all_bytes < room.all_bytes - 1_900_000


def test_old_predictions_leave_the_ledger_and_are_known_all_the_same(shop: Shop) -> None:
    """Those whose lines are durable go; the newest stays, and no number is taken for one never given."""
    write_days(shop, 4)
    with ledger(shop) as connection:
        for number, (day, written) in enumerate([(0, 1), (0, 0), (1, 1), (1, 1)], start=1):
            connection.execute(
                "INSERT INTO prediction VALUES (?, ?, NULL, NULL, 'sorted', 'TOYS', 'teddy', 0.9, '[]', "
                "NULL, 'tiny/1.0.0', 'abc', 'def', 3, 40, 30, 1.0, 1.0, 0, ?)",
                (number, noon(day), written),
            )
    settings = settings_of(shop, prediction_days=1)
    assert put_away(settings, today=300).predictions == 0  # from the day of the owed line on
    with ledger(shop) as connection:
        connection.execute("UPDATE prediction SET written = 1")
    assert put_away(settings, today=300, dry_run=True).predictions == 3
    assert put_away(settings, today=300).predictions == 3
    assert rows(shop, "SELECT id FROM prediction") == [{"id": 4}]
    with closing(LedgerReport(str(shop.state / "ledger.sqlite3"))) as report:
        assert report.has_line(Key(Event.PREDICTED, 1))
        assert not report.has_line(Key(Event.PREDICTED, 5))


def test_the_command_says_what_it_did(shop: Shop) -> None:
    """For a person and for a program; without a ledger it says so, and ends with 75."""
    assert shop.run("prune", check=False).returncode == ExitCode.TEMPORARY
    write_days(shop, 4)
    shop.config.write_text("retention: {compress_days: 1}\n")
    told = shop.run("prune", "--dry-run").stdout
    assert "files of the journal compressed 3" in " ".join(told.split())
    assert json.loads(shop.run("prune", "--json").stdout)["compressed"] == [name(day) for day in range(3)]
    assert "Nothing is old enough" in shop.run("prune").stdout
    (folder_of(shop) / name(2, ".jsonl.gz")).write_bytes(gzip.compress(b"no line")[:-3])
    shop.config.write_text("retention: {journal_days: 1}\n")
    kept = shop.run("prune", check=False)
    assert (kept.returncode, "This was kept: " in kept.stdout) == (ExitCode.LEFT, True)
