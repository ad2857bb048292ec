"""`refundsorter correct`: alone, and beside a daemon that sorts."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from faults.account import take
from support import Shop, eventually, photo
from workbench import rows

from refundsorter import asking
from refundsorter import settings as configuration
from refundsorter.core.correction import Stage
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_schema import FILE


def sort(shop: Shop, **colours: str) -> dict[str, int]:
    """Sort photos of one colour each; their numbers by their names."""
    for seed, (name, colour) in enumerate(colours.items(), start=1):
        shop.drop(f"{name}.jpg", photo(colour, seed=seed))
    shop.run("sweep")
    return {Path(row["path"]).stem: row["id"] for row in rows(shop)}


def correct(shop: Shop, *arguments: object) -> tuple[int, dict[str, Any]]:
    """Run the command; the exit status and the account."""
    ended = shop.run("correct", *map(str, arguments), "--json", check=False)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def corrected(shop: Shop) -> list[dict[str, Any]]:
    """The journal's lines of corrections."""
    return [line for line in shop.lines() if line["event"] == "corrected"]


def test_a_photo_is_put_right_without_a_daemon(shop: Shop) -> None:
    """The command moves it; ledger and journal say from where to where, by whom, and whose answer it was."""
    number = sort(shop, apple="red")["apple"]
    before = shop.photos()
    status, account = correct(shop, number, "COLD", "--by", "Anna Ångström")
    assert status == 0
    (photo_moved,) = account["photos"]
    assert photo_moved["destination"] == str(shop.sorted / "COLD" / "apple.jpg")
    (line,) = corrected(shop)
    assert [line[name] for name in ("id", "from", "to", "by", "how", "model")] == [
        number, "WARM", "COLD", "Anna Ångström", "command", "tiny/1.0.0",
    ]  # fmt: skip
    assert take(shop, before).corrections == 1


def test_beside_a_daemon_the_daemon_does_it(shop: Shop) -> None:
    """A daemon takes the request up, while it sorts, and the command tells what became of each photo."""
    numbers = sort(shop, apple="red", pea="green")
    (shop.sorted / "COLD" / "pea.jpg").unlink()
    with shop.daemon() as daemon:
        shop.drop("new.jpg", photo("white", seed=8))
        status, account = correct(shop, numbers["apple"], numbers["pea"], 999, "PLAIN")
        told = {one["id"]: one["reason"] for one in account["photos"]}
        eventually(lambda: len(shop.lines()) == 4, "the new photo's line")
        assert daemon.stop() == 0
    assert status == 3
    assert told[numbers["apple"]] is None
    assert told[numbers["pea"]].startswith("it lies no longer at")
    assert told[999] == "no photo 999 was filed"
    assert [line["id"] for line in corrected(shop)] == [numbers["apple"]]
    assert rows(shop, "SELECT * FROM correction WHERE stage != 'done'") == []


@pytest.mark.parametrize("refusal", [None, "no photo 1 was filed"])
def test_what_nobody_takes_up_any_more_is_withdrawn(shop: Shop, refusal: str | None) -> None:
    """A process that is gone before it is looked at leaves a refusal, or nothing; either way it is told."""
    number = sort(shop, apple="red")["apple"]
    settings = configuration.load(shop.config, environment={}, overrides={})
    with closing(Ledger(str(shop.state / FILE), longest_wait_s=1.0)) as ledger:
        numbers = ledger.corrections.ask([number], "COLD", by=None, now=1.0)
        if refusal:
            ledger.corrections.refuse(numbers[0], refusal)
        verdicts = asking._await(settings, ledger.corrections, numbers, lambda *_: None)
    (verdict,) = verdicts.values()
    assert (verdict.stage, verdict.trouble) == (Stage.REFUSED if refusal else Stage.ASKED, refusal)
    assert rows(shop, "SELECT * FROM correction") == []


def test_a_name_that_is_taken_is_not_overwritten(shop: Shop) -> None:
    """In a folder that has a photo of that name the corrected one gets a number."""
    numbers = sort(shop, apple="red")
    (shop.sorted / "COLD").mkdir()
    (shop.sorted / "COLD" / "apple.jpg").write_bytes(b"somebody's")
    _, account = correct(shop, numbers["apple"], "COLD")
    assert account["photos"][0]["destination"].endswith("COLD/apple (2).jpg")
    assert (shop.sorted / "COLD" / "apple.jpg").read_bytes() == b"somebody's"


def test_a_rejected_photo_can_be_put_right(shop: Shop) -> None:
    """What the program cannot read a person can; it is no sample to learn from."""
    shop.drop("odd.jpg", b"no photo")
    shop.run("sweep")
    status, _ = correct(shop, 1, "WARM")
    assert status == 0
    assert (shop.sorted / "WARM" / "odd.jpg").read_bytes() == b"no photo"
    assert corrected(shop)[0]["from"] == "_rejected"


def test_a_rehearsal_moves_nothing(shop: Shop) -> None:
    """--dry-run says what would be done; the ledger and the shelf stay."""
    numbers = sort(shop, apple="red")
    before = rows(shop), shop.photos()
    status, account = correct(shop, numbers["apple"], "COLD", "--dry-run")
    assert (status, account["dry_run"]) == (0, True)
    assert account["photos"][0]["destination"] == str(shop.sorted / "COLD")
    status, _ = correct(shop, numbers["apple"], "WARM", "--dry-run")
    assert status == 3
    assert (rows(shop), shop.photos()) == before


@pytest.mark.parametrize(
    ("category", "options", "told"),
    [
        ("TOYS", [], "no category 'TOYS', only COLD, PLAIN, WARM; --new-category, over HTTP"),
        ("_review", ["--new-category"], "starts with '_', which is reserved"),
        ("../inbox", ["--new-category"], "starts with '.', which is reserved"),
        ("Warm", ["--new-category"], "differs from 'WARM' only by case"),
    ],
)
def test_what_is_no_category_is_refused(shop: Shop, category: str, options: list[str], told: str) -> None:
    """A category that is unknown, or whose name none can have, is refused with what there is."""
    numbers = sort(shop, apple="red")
    ended = shop.run("correct", str(numbers["apple"]), category, *options, check=False)
    assert ended.returncode == 2
    assert told in " ".join(ended.stderr.split())
    assert corrected(shop) == []


def test_a_new_category_gets_its_folder(shop: Shop) -> None:
    """With --new-category the folder is made, and nothing else is asked of the taxonomy."""
    numbers = sort(shop, apple="red")
    status, _ = correct(shop, numbers["apple"], "TOYS", "--new-category")
    assert status == 0
    assert (shop.sorted / "TOYS" / "apple.jpg").exists()


def test_each_photo_is_told_about_once(shop: Shop) -> None:
    """A number that is named twice is one photo; what is no number is a slip on the command line."""
    numbers = sort(shop, apple="red")
    _, account = correct(shop, numbers["apple"], numbers["apple"], "COLD")
    assert len(account["photos"]) == 1
    assert shop.run("correct", "0", "COLD", check=False).returncode == 2
    assert shop.run("correct", "apple.jpg", "COLD", check=False).returncode == 2


def test_without_a_ledger_there_is_nothing_to_correct(shop: Shop) -> None:
    """The command makes no ledger, and says what to look at."""
    ended = shop.run("correct", "1", "WARM", check=False)
    assert ended.returncode == 78
    assert "is `state_dir` right?" in ended.stderr
    assert not shop.state.exists()


def test_a_daemon_that_knows_no_corrections_is_left_alone(shop: Shop) -> None:
    """An older ledger is not migrated under the process that uses it; the command says what to do."""
    numbers = sort(shop, apple="red")
    with shop.daemon():
        with closing(sqlite3.connect(shop.state / "ledger.sqlite3")) as connection:
            connection.execute("PRAGMA user_version = 2")
        ended = shop.run("correct", str(numbers["apple"]), "COLD", check=False)
    assert ended.returncode == 75
    assert "restart it first" in ended.stderr


def test_a_daemon_finds_what_was_moved_by_hand(shop: Shop) -> None:
    """At its start, and then every `corrections.scan_s`, a daemon finds what lies elsewhere."""
    shop.config.write_text(shop.config.read_text() + "corrections: {scan_s: 1}\n")
    sort(shop, apple="red", pea="green")
    before = shop.photos()
    os.rename(shop.sorted / "WARM" / "apple.jpg", shop.sorted / "COLD" / "apple.jpg")
    with shop.daemon() as daemon:
        daemon.wait_for("photo.corrected", origin="WARM", category="COLD")
        (shop.sorted / "GARDEN").mkdir()
        os.rename(shop.sorted / "COLD" / "pea.jpg", shop.sorted / "GARDEN" / "pea.jpg")
        daemon.wait_for("photo.corrected", origin="COLD", category="GARDEN")
        assert daemon.stop() == 0
    assert take(shop, before).corrections == 2


def test_a_sweep_finds_what_was_moved_by_hand(shop: Shop) -> None:
    """Where no daemon runs, each sweep looks through the shelf first."""
    sort(shop, apple="red")
    os.rename(shop.sorted / "WARM" / "apple.jpg", shop.sorted / "apple.jpg")
    shop.run("sweep")
    assert corrected(shop) == []
    (shop.sorted / "COLD").mkdir()
    os.rename(shop.sorted / "apple.jpg", shop.sorted / "COLD" / "apple.jpg")
    shop.run("sweep")
    assert [line["to"] for line in corrected(shop)] == ["COLD"]
