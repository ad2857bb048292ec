"""The ledger is lost and made anew from the journal and the shelf."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from faults import account
from faults.lost import busy_shop, fill, lose, rebuild, that_matter
from stages import chained, record
from support import COMMAND, Running, Shop, photo
from terminal import run_on_terminal
from workbench import rows

from refundsorter import settings as configuration
from refundsorter.assembly import LEDGER_FILE
from refundsorter.core.chain import without_link
from refundsorter.edges.lock import FolderLock
from refundsorter.rebuild import rebuild as make_anew


@pytest.fixture
def busy(tmp_path: Path) -> Shop:
    """A shop that has sorted photos of every kind."""
    return busy_shop(tmp_path)


def finished(daemon: Running, count: int) -> None:
    """Wait until a daemon has filed that many photos."""
    while sum(event["event"].startswith("photo.") for event in daemon.events) < count:
        assert daemon.process.stderr is not None
        daemon.events.append(json.loads(daemon.process.stderr.readline()))


def test_the_rebuilt_ledger_is_the_lost_one(busy: Shop) -> None:
    """Row by row and in all that matters: also the checkpoint, the jobs, and the id that comes next."""

    def all_of_it() -> tuple[Any, ...]:
        return (
            that_matter(busy),
            rows(busy, "SELECT * FROM checkpoint"),
            rows(busy, "SELECT id, kind, state FROM jobs"),
            rows(busy, "SELECT * FROM job_tally"),
            rows(busy, "SELECT seq FROM sqlite_sequence WHERE name = 'images'"),
        )

    with busy.daemon() as daemon:
        fill(busy, 200)
        finished(daemon, 14)
        assert daemon.stop() == 0
    lost, before = all_of_it(), busy.photos()
    states = {row["state"] for row in lost[0]}
    assert states == {"sorted", "review", "rejected"}
    assert any(row["duplicate_of"] for row in lost[0])
    lose(busy)
    found = rebuild(busy)
    assert all_of_it() == lost
    assert found["lines"] == found["on_shelf"] == found["with_line"] == len(lost[0]) == 42
    assert account.take(busy, before).lines == 42


def test_the_rebuilt_rows_give_the_lines_they_were_made_from(busy: Shop) -> None:
    """Written once more from the rebuilt ledger, each line is the same, but for the one that it follows."""
    files = {path: path.read_bytes() for path in (busy.sorted / "_journal").glob("*.jsonl")}
    lose(busy)
    rebuild(busy)
    for path in files:
        path.unlink()
    with closing(sqlite3.connect(busy.state / LEDGER_FILE)) as connection:
        connection.execute("UPDATE images SET journaled = 0")
        connection.execute("DELETE FROM checkpoint")
        connection.commit()
    busy.run("sweep")
    written = b"".join(path.read_bytes() for path in sorted((busy.sorted / "_journal").glob("*.jsonl")))
    before = b"".join(files.values()).splitlines(keepends=True)
    assert sorted(map(without_link, written.splitlines(keepends=True))) == sorted(map(without_link, before))


def test_sorting_goes_on_after_a_rebuild(busy: Shop) -> None:
    """Ids go on, a copy of an old photo is known without an inference, each photo and line is there once."""
    copy = photo("red", seed=1)
    first = min(line["id"] for line in busy.lines() if line["sha256"] == hashlib.sha256(copy).hexdigest())
    lose(busy)
    rebuild(busy)
    before = busy.photos()
    busy.drop("again.jpg", copy)
    busy.drop("new.jpg", photo("green", seed=999))
    before.update(busy.photos() - before)
    with busy.daemon() as daemon:
        finished(daemon, 2)
        assert daemon.stop() == 0
    account.take(busy, busy.photos())
    *_, one, two = busy.lines()
    again = one if one["file"] == "again.jpg" else two
    assert {one["id"], two["id"]} == {29, 30}
    assert (again["duplicate_of"], again["infer_ms"]) == (first, None)
    assert busy.photos() == before
    assert rebuild(busy, "--force")["lines"] == 30


def test_a_torn_line_is_cut_and_its_photo_is_told(busy: Shop) -> None:
    """A photo whose line was torn by the crash is named; moved into the inbox it gets its one line."""
    before = busy.photos()
    journal = max((busy.sorted / "_journal").glob("*.jsonl"))
    *whole, last = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(whole) + last[:-20])
    lose(busy)
    found = rebuild(busy, status=3)
    assert (found["torn"], found["lines"]) == (1, 28)
    destination = json.loads(last)["destination"]
    assert found["without_line"] == [destination]
    assert journal.read_bytes() == b"".join(whole)
    shutil.move(destination, busy.inbox / "found.jpg")
    busy.run("sweep")
    assert account.take(busy, before).lines == 28


def test_bad_lines_are_counted_and_passed_over(busy: Shop) -> None:
    """Lines of another schema, damaged, repeated or with a taken id end nothing; the account adds up."""
    journal = max((busy.sorted / "_journal").glob("*.jsonl"))
    lines = journal.read_bytes().splitlines(keepends=True)
    newer = json.dumps(json.loads(lines[0]) | {"schema": 2, "id": 900}).encode() + b"\n"
    clash = lines[1].replace(b'"model":"tiny/1.0.0"', b'"model":"tiny/2.0.0"')
    journal.write_bytes(
        b"".join([b"\0\0\n", newer, clash, *lines, lines[5], b'{"event":"filed","schema":1}\n'])
    )
    lose(busy)
    found = rebuild(busy, status=3)
    parts = ("sorted", "review", "rejected", "repeated", "clashing", "foreign", "damaged", "torn")
    assert found["lines"] == sum(found[part] for part in parts) == 33
    assert [found[part] for part in parts[3:]] == [1, 1, 1, 2, 0]
    assert found["on_shelf"] == found["with_line"] == 28
    busy.drop("next.jpg", photo("red", seed=777))
    busy.run("sweep")
    assert json.loads(journal.read_bytes().splitlines()[-1])["id"] == 901


def test_photos_that_people_moved_or_took_are_not_told_as_lost(busy: Shop) -> None:
    """One that was put elsewhere on the shelf is known by its content; one that was taken is no trouble."""
    moved, taken = (Path(line["destination"]) for line in busy.lines()[:2])
    moved.rename(busy.sorted / "by hand.jpg")
    taken.unlink()
    (busy.sorted / "WARM" / ".refundsorter-7.part").write_bytes(b"half")
    lose(busy)
    found = rebuild(busy)
    assert (found["on_shelf"], found["with_line"], found["moved"], found["without_line"]) == (27, 26, 1, [])


def test_a_readable_ledger_is_kept(busy: Shop) -> None:
    """It is refused with 78; with --force the old one is kept aside, whole."""
    done = busy.run("ledger", "rebuild", check=False)
    assert done.returncode == 78
    assert "--force" in done.stderr
    found = rebuild(busy, "--force")
    with closing(sqlite3.connect(found["kept_as"])) as connection:
        assert connection.execute("SELECT count(*) FROM images").fetchone() == (28,)
    assert len(rows(busy)) == 28


@pytest.mark.parametrize("damage", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_damaged_ledger_is_replaced_and_kept_aside(busy: Shop, damage: bytes) -> None:
    """The daemon refuses it and names this command, which needs no --force; its -wal goes aside with it."""
    ledger = busy.state / LEDGER_FILE
    ledger.write_bytes(damage)
    Path(f"{ledger}-wal").write_bytes(b"stale")
    refused = busy.run("sweep", check=False)
    assert refused.returncode == 78
    assert "refundsorter ledger rebuild" in refused.stderr
    Path(f"{ledger}-wal").write_bytes(b"stale")
    kept = rebuild(busy)["kept_as"]
    assert Path(kept).read_bytes() == damage
    assert Path(f"{kept}-wal").read_bytes() == b"stale"
    assert len(rows(busy)) == 28


def test_a_damaged_page_is_damage(busy: Shop) -> None:
    """A ledger that opens but whose pages contradict each other counts as lost."""
    ledger = busy.state / LEDGER_FILE
    content = bytearray(ledger.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    ledger.write_bytes(content)
    assert rebuild(busy)["sorted"] > 0


def test_a_rehearsal_changes_nothing(busy: Shop) -> None:
    """--dry-run gives the same account and writes nowhere."""
    lose(busy)
    journal = max((busy.sorted / "_journal").glob("*.jsonl"))
    journal.write_bytes(journal.read_bytes()[:-5])
    before = journal.read_bytes()
    rehearsed = rebuild(busy, "--dry-run", status=3)
    assert not busy.state.exists()
    assert journal.read_bytes() == before
    assert rebuild(busy, status=3) == rehearsed | {"dry_run": False}


@pytest.mark.parametrize("options", [[], ["--force"], ["--dry-run"]])
def test_nothing_is_rebuilt_under_a_daemon(shop: Shop, options: list[str]) -> None:
    """While another process holds the state directory the command ends with 75."""
    shop.run("sweep")
    lock = FolderLock(str(shop.state))
    try:
        done = shop.run("ledger", "rebuild", *options, check=False)
    finally:
        lock.release()
    assert done.returncode == 75, done.stderr
    assert "another refundsorter" in done.stderr


def test_a_shelf_that_is_not_there_is_waited_for(busy: Shop) -> None:
    """Without the journal's folder nothing is made: the shelf may not be mounted."""
    lose(busy)
    busy.sorted.rename(busy.base / "unmounted")
    busy.sorted.mkdir()
    done = busy.run("ledger", "rebuild", check=False)
    assert done.returncode == 75
    assert "mounted" in done.stderr
    assert not busy.state.exists()


@pytest.mark.parametrize("command", ["sweep", "run"])
def test_a_lost_ledger_is_not_begun_anew(busy: Shop, command: str) -> None:
    """Where the journal has lines and the ledger knows none, nothing is sorted: ids would be given twice."""
    lose(busy)
    busy.drop("waits.jpg", photo("red", seed=5000))
    refused = busy.run(command, check=False)
    assert refused.returncode == 78
    assert "refundsorter ledger rebuild" in refused.stderr
    doctor = busy.run("doctor", "--json", check=False)
    assert ("ledger", "failed", "refundsorter ledger rebuild") in {
        (one["name"], one["verdict"], one["todo"]) for one in json.loads(doctor.stdout)
    }
    rebuild(busy)
    busy.run("sweep")
    assert busy.lines()[-1]["id"] == 29


def test_what_an_earlier_try_left_is_swept_away(busy: Shop) -> None:
    """A rebuild that was killed leaves nothing that the next one stumbles over."""
    lose(busy)
    busy.state.mkdir()
    for part in ("", "-wal", "-shm"):
        (busy.state / f"{LEDGER_FILE}.rebuilding{part}").write_bytes(b"half")
    rebuild(busy)
    assert {path.name for path in busy.state.iterdir()} == {LEDGER_FILE, "lock"}


def test_a_person_reads_what_was_found(busy: Shop) -> None:
    """On a terminal the account is two tables and the names of what is left, harmless to the terminal."""
    (busy.sorted / "WARM" / "lost\x1b[2J.jpg").write_bytes(b"no line")
    lose(busy)
    status, sent = run_on_terminal([*COMMAND, "ledger", "rebuild", "--config", str(busy.config)])
    assert status == 3
    assert "without a line" in sent
    assert r"lost\x1b[2J.jpg" in sent


def test_a_long_journal_shows_how_far_it_is(shop: Shop) -> None:
    """While thousands of lines are read it is told how many of about how many; each line is entered."""
    folder = shop.sorted / "_journal"
    folder.mkdir()
    for day in (1, 2):
        first = 3000 * day
        at = 1_769_851_800.0 + 86400 * day
        lines = chained([record(number, at=at) for number in range(first, first + 3000)])
        (folder / f"{record(1, at=at).day}.jsonl").write_bytes(b"".join(lines))
    settings = configuration.load(shop.config, environment={}, overrides={})
    told: list[tuple[int, int]] = []
    found = make_anew(
        settings, dry_run=False, force=False, now=0.0, on_progress=lambda *far: told.append(far)
    )
    assert found.lines == len(rows(shop)) == 6000
    assert len(told) > 5
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert all(abs(about - 6000) < 60 for _, about in told)
