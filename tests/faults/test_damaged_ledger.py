"""A ledger of which one page is garbage: whoever meets it says so and what to do, and nobody tries again."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from faults.lost import busy_shop, rebuild
from support import PATIENCE_S, Shop, eventually, photo
from workbench import journaled, opened, sort_all

from refundsorter.assembly import LEDGER_FILE
from refundsorter.core.fault import LedgerRefused

PAGE = 4096  # bytes
SAID = "this is no ledger, or it is damaged"
REMEDY = "`refundsorter ledger rebuild`"


@pytest.fixture
def busy(tmp_path: Path) -> Shop:
    """A shop that has sorted photos of every kind, and in whose inbox two wait: a new one and a copy."""
    shop = busy_shop(tmp_path / "shop")
    shop.drop("new.jpg", photo("red", seed=999))
    shop.drop("copy.jpg", photo("red", seed=1))
    return shop


def spoil(ledger: Path, first: int, count: int = 1) -> None:
    """Overwrite pages, counted from 1, as a failing disk may."""
    with ledger.open("r+b") as file:
        file.seek((first - 1) * PAGE)
        file.write(b"\xff" * PAGE * count)


def test_whichever_page_is_damaged_it_is_said(busy: Shop, tmp_path: Path) -> None:
    """A start, or the sorting after it, is refused with the sentence; or it never meets the page."""
    pages = (busy.state / LEDGER_FILE).stat().st_size // PAGE
    assert pages >= 8
    refused: dict[int, str] = {}
    for page in range(1, pages + 1):
        shop = Shop(tmp_path / f"page {page}")
        shutil.copytree(busy.base, shop.base)
        spoil(shop.state / LEDGER_FILE, page)
        try:
            with opened(shop) as workshop:
                sort_all(workshop)
        except LedgerRefused as error:
            refused[page] = str(error)
        shutil.rmtree(shop.base)
    assert len(refused) >= 4, "hardly any damage was met"
    assert [page for page, told in refused.items() if SAID not in told or REMEDY not in told] == []


def test_a_command_that_meets_the_damage_says_what_to_do(busy: Shop) -> None:
    """Exit 78 and one sentence, also where only the sorting meets it; doctor fails; then it is made anew."""
    with closing(sqlite3.connect(busy.state / LEDGER_FILE)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'contents'"
        (page,) = connection.execute(query).fetchone()
    spoil(busy.state / LEDGER_FILE, page)
    swept = busy.run("sweep", check=False)
    assert swept.returncode == 78, swept.stderr
    (sentence,) = swept.stderr.splitlines()
    assert SAID in sentence
    assert REMEDY in sentence
    found = json.loads(busy.run("doctor", "--json", check=False).stdout)
    (ledger,) = (one for one in found if one["name"] == "ledger")
    assert (ledger["verdict"], SAID in ledger["found"]) == ("failed", True)
    assert "ledger rebuild" in ledger["todo"]
    assert rebuild(busy)["lines"] == 28
    busy.run("sweep")


def test_a_daemon_whose_ledger_is_damaged_ends_for_good(shop: Shop) -> None:
    """Exit 78, which systemd does not answer with another start; one event says it, without a traceback."""
    ledger = shop.state / LEDGER_FILE
    with shop.daemon() as daemon:
        shop.drop("a.jpg", photo("red"))
        eventually(journaled(shop, 1), "the photo's line")
        with closing(sqlite3.connect(ledger)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            spoil(ledger, 2, ledger.stat().st_size // PAGE - 1)
        shop.drop("b.jpg", photo("green"))
        told = daemon.wait_for("ledger.refused")
        assert SAID in told["trouble"]
        assert REMEDY in told["trouble"]
        daemon.wait_for("stopped")
        assert daemon.process.wait(PATIENCE_S) == 78
    assert not [one for one in daemon.events if "exception" in one or one["event"] == "loop.died"]
