"""A ledger that is older than the journal, as a backup of `state_dir` is: it would give ids a second time."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from faults import account
from support import Shop, photo
from workbench import AT_ONCE, opened, rows, sort_all, take_in

from refundsorter.assembly import LEDGER_FILE
from refundsorter.core.fault import LedgerRefused
from refundsorter.core.record import Checkpoint, Event, Key
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal_files import TAIL_BYTES
from refundsorter.edges.journal_history import History


def fill(shop: Shop, first: int, count: int) -> None:
    """Drop some photos, each another one."""
    for number in range(first, first + count):
        shop.drop(f"{number}.png", photo("red", form="PNG", seed=number + 1))


def sort(shop: Shop) -> None:
    """One sweep."""
    with opened(shop) as workshop:
        sort_all(workshop)


@pytest.fixture
def used(shop: Shop) -> Shop:
    """A shop that has sorted three photos."""
    shop.config.write_text(AT_ONCE)
    fill(shop, 0, 3)
    sort(shop)
    return shop


def put_back(shop: Shop, meanwhile: Callable[[], None]) -> None:
    """Let something happen between a backup of the state's folder and its restoration."""
    backup = shop.base / "backup"
    shutil.copytree(shop.state, backup)
    meanwhile()
    shutil.rmtree(shop.state)
    backup.rename(shop.state)


@pytest.mark.parametrize("command", ["sweep", "run"])
def test_a_ledger_older_than_the_journal_is_refused(used: Shop, command: str) -> None:
    """Nothing is sorted, the doctor tells it, and the rebuild that both name makes each id one photo's."""

    def sort_more() -> None:
        fill(used, 10, 2)
        sort(used)

    put_back(used, sort_more)
    fill(used, 20, 2)
    before = used.photos()
    refused = used.run(command, check=False)
    assert refused.returncode == 78
    assert "older than the journal" in refused.stderr
    assert "refundsorter ledger rebuild --force" in refused.stderr
    doctor = used.run("doctor", "--json", check=False)
    assert ("journal", "failed", "refundsorter ledger rebuild --force") in {
        (one["name"], one["verdict"], one["todo"]) for one in json.loads(doctor.stdout)
    }
    used.run("ledger", "rebuild", "--force")
    used.run("sweep")
    assert account.take(used, before).lines == 7
    assert "failed" not in used.run("doctor").stdout


def test_a_backup_with_photos_in_work_is_refused(used: Shop) -> None:
    """The ids of the lines were drawn when the backup was made, but it does not know what became of them."""
    fill(used, 10, 2)
    with opened(used) as workshop:
        take_in(workshop)
    put_back(used, lambda: sort(used))
    with pytest.raises(LedgerRefused, match="such as that of photo 5"), opened(used):
        pass


def test_lines_of_a_later_day_are_seen(used: Shop) -> None:
    """However many days ago the backup was made; lines that cannot be read tell nothing."""
    journal = used.sorted / "_journal"
    (today,) = journal.glob("*.jsonl")
    later = [json.dumps(line | {"id": 90 + line["id"]}, separators=(",", ":")) for line in used.lines()]
    (journal / "9999-01-01.jsonl").write_text("\n".join([*later, '{"id":', "words", '{"id":500}', '{"id"']))
    with pytest.raises(LedgerRefused, match="such as that of photo 93"), opened(used):
        pass
    (journal / "9999-01-01.jsonl").rename(journal / "2000-01-01.jsonl")
    sort(used)  # files of before the checkpoint may be put back at any time
    assert today.exists()


def test_lines_that_a_crash_left_unmarked_are_no_sign(used: Shop) -> None:
    """The ledger knows that their photos are filed: recovery marks them, and each has its one line."""
    with closing(sqlite3.connect(used.state / LEDGER_FILE)) as connection:
        connection.execute("UPDATE images SET journaled = 0")
        connection.execute("DELETE FROM checkpoint")
        connection.commit()
    before = used.photos()
    sort(used)
    assert account.take(used, before).lines == 3
    assert all(row["journaled"] for row in rows(used))


def test_a_long_journal_costs_one_look(used: Shop) -> None:
    """Of a file of any size the end is read, not more."""
    (path,) = (used.sorted / "_journal").glob("*.jsonl")
    line = path.read_bytes().splitlines(keepends=True)[0]
    Path(path).write_bytes(line * (5 * TAIL_BYTES // len(line)))
    read: list[str] = []
    files = FileSystem(lambda operation, _path: read.append(operation) if operation == "read" else None)
    found = History(str(path.parent), files).last_keys(Checkpoint(day=path.stem, offset=0, tip=None))
    assert list(found) == [Key(Event.FILED, json.loads(line)["id"])]
    assert len(read) == 2
