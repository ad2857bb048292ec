"""`refundsorter undo`: alone, and beside a daemon that sorts."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from faults.account import take
from http_face import served
from support import Shop, eventually, photo
from workbench import rows

from refundsorter import settings as configuration
from refundsorter.cli_undo import MOST_UNASKED
from refundsorter.core.undoing import Selection
from refundsorter.undo import choose


def sort(shop: Shop, **colours: str) -> dict[str, int]:
    """Sort photos of one colour each; their numbers by their names."""
    for seed, (name, colour) in enumerate(colours.items(), start=1):
        shop.drop(f"{name}.jpg", photo(colour, seed=seed))
    shop.run("sweep")
    return {Path(row["path"]).stem: row["id"] for row in rows(shop)}


def undo(shop: Shop, *arguments: object) -> tuple[int, dict[str, Any]]:
    """Run the command; the exit status and the account."""
    ended = shop.run("undo", *map(str, arguments), "--json", check=False)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def states(shop: Shop) -> dict[str, str]:
    """How the photos stand, by their names."""
    return {Path(row["path"]).stem: row["state"] for row in rows(shop)}


def test_a_photo_is_put_back_without_a_daemon(shop: Shop) -> None:
    """It lies where it came from; ledger and journal say from where, by whom; once more changes nothing."""
    number = sort(shop, apple="red")["apple"]
    before = shop.photos()
    status, account = undo(shop, number, "--by", "Anna Ångström")
    assert (status, account["undone"], account["left"], account["categories"]) == (0, 1, 0, {"WARM": 1})
    assert (shop.inbox / "apple.jpg").read_bytes() == photo("red", seed=1)
    line = shop.lines()[-1]
    assert [line[name] for name in ("event", "id", "from", "to", "by", "model")] == [
        "undone", number, "WARM", None, "Anna Ångström", "tiny/1.0.0",
    ]  # fmt: skip
    status, account = undo(shop, number)
    assert (status, account["photos"][0]["done"], account["photos"][0]["correction"]) == (0, True, None)
    assert take(shop, before).undone == 1


def test_beside_a_daemon_the_daemon_does_it(shop: Shop) -> None:
    """The daemon puts them back, its watch leaves them there, and the command tells what could not be."""
    numbers = sort(shop, apple="red", pea="green", plum="blue")
    (shop.sorted / "COLD" / "pea.jpg").unlink()
    with shop.daemon() as daemon:
        status, account = undo(shop, *numbers.values(), 999)
        told = {one["id"]: one["reason"] for one in account["photos"]}
        shop.drop("new.jpg", photo("white", seed=8))
        eventually(lambda: states(shop).get("new") == "sorted", "the new photo is sorted")
        assert daemon.stop() == 0
    assert (status, account["undone"], account["left"]) == (3, 2, 2)
    assert told[numbers["apple"]] is None
    assert told[numbers["pea"]].startswith("it lies no longer at")
    assert told[999] == "no photo 999 was filed"
    assert states(shop) == {"apple": "undone", "pea": "sorted", "plum": "undone", "new": "sorted"}
    assert rows(shop, "SELECT * FROM correction WHERE stage != 'done'") == []


def test_every_selector_has_to_fit(shop: Shop) -> None:
    """A job, a time, a folder of the shelf and numbers narrow each other down."""
    sort(shop, apple="red", pea="green")
    later = datetime.now(UTC).timestamp()
    numbers = sort(shop, cherry="red", plum="blue")
    shop.run("correct", str(numbers["plum"]), "WARM")
    names = {number: name for name, number in numbers.items()}
    settings = configuration.load(shop.config, environment={}, overrides={})

    def chosen(**selection: Any) -> set[str]:
        return {names[one.id] for one in choose(settings, Selection(**selection))}

    assert chosen(job=1) == {"apple", "pea"}
    assert chosen(since=later) == {"cherry", "plum"}
    assert chosen(since=0.0, folder="WARM") == {"apple", "cherry", "plum"}
    assert chosen(job=2, folder="COLD") == set()
    assert chosen(ids=(numbers["apple"], numbers["plum"]), job=2) == {"plum"}
    status, account = undo(shop, "--since", "2020-01-01", "--category", "WARM", "--dry-run")
    assert (status, account["undone"], account["categories"]) == (0, 3, {"WARM": 3})
    assert set(states(shop).values()) == {"sorted"}


def test_a_job_that_was_put_back_says_so(shop: Shop) -> None:
    """Status, the job and statistics count a photo where it is; what was filed stays counted as filed."""
    sort(shop, apple="red", pea="green")
    with served(shop) as face:
        undo(shop, "--job", 1, "--category", "WARM")
        job = face.client.get("/v1/jobs/1")
        counted = ("found", "done", "sorted", "undone", "left")
        assert [job[name] for name in counted] == [2, 2, 1, 1, 0]
        assert job["categories"] == {"COLD": 1}
        totals = face.client.get("/v1/stats")["totals"]
        assert (totals["sorted"], totals["undone"]) == (1, 1)
        (listed,) = face.client.get("/v1/images?state=undone")["images"]
        assert (listed["file"], listed["destination"]) == ("apple.jpg", str(shop.inbox / "apple.jpg"))
        metrics = face.client.ask("/metrics").body.decode()
        assert 'refundsorter_files_total{category="WARM",outcome="sorted"} 1.0' in metrics
        assert 'refundsorter_undone_files_total{category="WARM",outcome="sorted"} 1.0' in metrics
    photos = json.loads(shop.run("status", "--json").stdout)["photos"]
    assert (photos["sorted"], photos["undone"]) == (1, 1)


def test_only_a_sweep_that_is_told_so_takes_them(shop: Shop) -> None:
    """`sweep` and its rehearsal leave them where they are, and with `--undone` both take them."""
    sort(shop, apple="red")
    undo(shop, 1)
    assert json.loads(shop.run("sweep", "--dry-run", "--json").stdout)["found"] == 0
    assert json.loads(shop.run("sweep", "--dry-run", "--undone", "--json").stdout)["sorted"] == 1
    assert json.loads(shop.run("sweep", "--undone", "--json").stdout)["sorted"] == 1
    assert (shop.sorted / "WARM" / "apple.jpg").exists()


def test_a_job_that_is_told_so_takes_them(shop: Shop) -> None:
    """`jobs start` leaves them where they are, and with `--undone` sorts them."""
    sort(shop, apple="red")
    undo(shop, 1)
    with shop.daemon():
        assert json.loads(shop.run("jobs", "start", "--wait", "--json").stdout)["found"] == 0
        assert json.loads(shop.run("jobs", "start", "--undone", "--wait", "--json").stdout)["sorted"] == 1


def test_many_are_not_put_back_by_a_slip(shop: Shop) -> None:
    """More than a hundred need `--yes`; a rehearsal of them does not, and tells the first and the counts."""
    for number in range(MOST_UNASKED + 1):
        shop.drop(f"{number}.jpg", b"no photo %d" % number)
    sort(shop, apple="red")
    refused = shop.run("undo", "--job", "1", check=False)
    assert refused.returncode == 2
    assert "102 photos would be put back" in " ".join(refused.stderr.split())
    told = shop.run("undo", "--job", "1", "--dry-run").stdout
    assert "… and 92 more" in told
    assert [line.split() for line in told.splitlines() if line.startswith("  ")] == [
        ["WARM", "1"], ["_rejected", "101"]
    ]  # fmt: skip
    assert "Nothing was moved. Would be put back: 102 of 102." in told
    assert "Put back into the inbox: 102 of 102." in shop.run("undo", "--job", "1", "--yes").stdout
    assert set(states(shop).values()) == {"undone"}
    assert shop.run("undo", "--job", "1").stdout == "No filed photo fits.\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "which photos?"),
        (["--since", "yesterday"], "'yesterday' is no time"),
        (["--category", "../inbox"], "no folder of the shelf"),
        (["0"], "greater than or equal to 1"),
    ],
)
def test_a_slip_is_told(shop: Shop, arguments: list[str], told: str) -> None:
    """What names no photos, no time or no folder is refused before anything is looked at."""
    ended = shop.run("undo", *arguments, check=False)
    assert ended.returncode == 2
    assert told in " ".join(ended.stderr.split())


def test_without_a_ledger_there_is_nothing_to_put_back(shop: Shop) -> None:
    """The command makes no ledger, and says what to look at."""
    ended = shop.run("undo", "1", check=False)
    assert ended.returncode == 78
    assert "is `state_dir` right?" in ended.stderr
    assert not shop.state.exists()
