"""`images` and `images show` as a person and as a program meet them, read from the ledger."""

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from support import COMMAND, DATA, PATIENCE_S, Shop, environment, make_shop, photo
from workbench import AT_ONCE, opened, sort_all

HOSTILE = os.fsdecode(b"\x1b[2Jcaf\xe9.png")


@pytest.fixture(scope="module")
def sorted_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop that has sorted three photos, one of them corrected, and rejected one."""
    shop = make_shop(tmp_path_factory.mktemp("images"))
    shop.config.write_text(AT_ONCE)
    photos = (
        ("IMG_1.png", photo("red", form="PNG")),
        ("IMG_2.png", photo("green", form="PNG")),
        (HOSTILE, photo("red", form="PNG", seed=1)),
        ("torn.png", photo("red", form="PNG", seed=2)[:60]),
    )
    for name, content in photos:
        shop.drop(name, content)
        with opened(shop) as workshop:
            sort_all(workshop)
    shop.run("correct", "1", "COLD", "--by", "Anna")
    return shop


def run(shop: Shop, *arguments: str, zone: str = "UTC") -> "subprocess.CompletedProcess[str]":
    """Run `images`; where the shop stands decides what time it is there."""
    return subprocess.run(
        [*COMMAND, "images", *arguments, "--config", str(shop.config)],
        env=environment() | {"TZ": zone}, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def test_photos_are_listed(sorted_shop: Shop) -> None:
    """The newest first, a line each, without a column that folds; no name is obeyed by the terminal."""
    told = run(sorted_shop)
    assert (told.returncode, told.stderr) == (0, "")
    heading, *lines = [line.split() for line in told.stdout.splitlines()]
    assert heading == ["id", "state", "filed", "file", "category", "label", "confidence"]
    assert [line[0] for line in lines] == ["4", "3", "2", "1"]
    assert (lines[0][1], lines[0][4:]) == ("rejected", ["torn.png", "truncated"])
    assert lines[1][4:] == [r"\x1b[2Jcaf\xe9.png", "WARM", "red", "100%"]
    assert run(sorted_shop, "--limit", "2").stdout.endswith("--limit says how many are listed.\n")


def test_filters_narrow_the_list(sorted_shop: Shop) -> None:
    """All that are given have to fit; where none fits, that is said."""
    found = json.loads(run(sorted_shop, "--category", "WARM", "--min-confidence", "0.9", "--json").stdout)
    assert [one["id"] for one in found] == [3, 1]
    narrow = ["--state", "sorted", "--label", "red", "--name", "img_1.PNG", "--model", "tiny/1.0.0"]
    (one,) = json.loads(run(sorted_shop, *narrow, "--since", "2026-01-01", "--json").stdout)
    assert (one["file"], one["category"]) == ("IMG_1.png", "WARM")
    assert run(sorted_shop, "--until", "2026-01-01T00:00Z").stdout == "No such photo was seen yet.\n"


def test_times_are_those_of_the_clock_at_hand(sorted_shop: Shop) -> None:
    """Shown and taken in the machine's zone, and told to programs in UTC."""
    ((said,),) = ([one["time"]] for one in json.loads(run(sorted_shop, "--limit", "1", "--json").stdout))
    assert said.endswith("Z")
    here = run(sorted_shop, "--limit", "1", zone="UTC").stdout.splitlines()[1].split()[2:4]
    east = run(sorted_shop, "--limit", "1", zone="EAST-14").stdout.splitlines()[1].split()[2:4]
    assert "T".join(here) == said[:19]
    assert east != here
    since = " ".join(east)
    assert json.loads(run(sorted_shop, "--since", since, "--json", zone="EAST-14").stdout)[0]["id"] == 4
    assert json.loads(run(sorted_shop, "--since", since, "--json", zone="UTC").stdout) == []


def test_one_photo_is_told_whole(sorted_shop: Shop) -> None:
    """Where it came from and lies, what it shows, its times, every score, and who put it right."""
    told = run(sorted_shop, "show", "1").stdout
    assert told.startswith("Photo 1 (IMG_1.png) is sorted.\n")
    lines = {line.split()[0]: line.split()[1:] for line in told.splitlines() if line.strip()}
    assert lines["lies"] == ["at", str(sorted_shop.sorted / "COLD" / "IMG_1.png")]
    assert lines["shows"] == ["WARM", "(red),", "100%"]
    assert lines["size"][2:] == ["40", "×", "30", "pixels"]
    assert {"seen", "claimed", "filed", "took", "sha256", "model"} <= lines.keys()
    assert told.count("\n1  ") + told.count("\n1 ") >= 2
    assert told.splitlines()[-1].split()[0:2] == ["1", "done"]
    assert told.splitlines()[-1].split()[-3:] == ["Anna", "WARM", "COLD"]
    (change,) = json.loads(run(sorted_shop, "show", "1", "--json").stdout)["corrections"]
    assert (change["by"], change["from_category"], change["to_category"]) == ("Anna", "WARM", "COLD")
    assert run(sorted_shop, "show", "4").stdout.startswith("Photo 4 (torn.png) is rejected: truncated.\n")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["show", "9"], 1, "refundsorter: There is no photo 9."),
        (["--limit", "1", "show", "1"], 2, "--limit stands after `show`"),
        (["--since", "yesterday"], 2, "found 'yesterday'"),
        (["--name", ""], 2, "1 to 255 characters"),
        (["--label", "caf\udce9"], 2, "no UTF-8"),
        (["--min-confidence", "2"], 2, "less than or equal to 1"),
    ],
)
def test_what_cannot_be_asked_is_told(
    sorted_shop: Shop, arguments: list[str], status: int, said: str
) -> None:
    """On standard error, with the exit status that says whose fault it is."""
    refused = run(sorted_shop, *arguments)
    assert (refused.returncode, refused.stdout) == (status, "")
    assert said in refused.stderr


def test_an_older_ledger_is_told_as_such(shop: Shop) -> None:
    """It has no lists yet: 78, and what makes them; `status` reads it all the same."""
    shop.state.mkdir()
    with closing(sqlite3.connect(shop.state / "ledger.sqlite3")) as connection:
        connection.executescript((DATA / "ledger-2.sql").read_text())
    refused = run(shop)
    assert refused.returncode == 78
    assert "of an older version; `refundsorter run` brings it to this one's" in refused.stderr
    found = json.loads(shop.run("status", "--json").stdout)
    assert (found["corrections"], found["jobs_running"]) == (0, 0)


def test_a_ledger_that_is_no_ledger_is_told(sorted_shop: Shop, tmp_path: Path) -> None:
    """78, and what to do; nothing is listed as if it were empty."""
    shop = Shop(tmp_path / "copy")
    shutil.copytree(sorted_shop.base, shop.base)
    (shop.state / "ledger.sqlite3").write_bytes(b"no database" * 999)
    refused = run(shop)
    assert (refused.returncode, refused.stdout) == (78, "")
