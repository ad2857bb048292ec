"""Lines of corrections survive what befalls ledger and journal."""

import os
from pathlib import Path
from typing import Any

import pytest
from faults.account import take
from faults.lost import lose, rebuild
from support import Shop, make_shop, photo
from workbench import AT_ONCE, opened, rows, sort_all


@pytest.fixture
def corrected(tmp_path: Path) -> Shop:
    """A shop with three photos: one corrected twice, one once, by command and by hand; and one never."""
    shop = make_shop(tmp_path)
    shop.config.write_text(AT_ONCE)
    for seed, name in enumerate(("apple", "pea", "plum"), start=1):
        shop.drop(f"{name}.jpg", photo("red", seed=seed))
    with opened(shop) as workshop:
        sort_all(workshop)
        numbers = {Path(row["path"]).stem: row["id"] for row in rows(shop)}
        for category in ("COLD", "GARDEN"):
            workshop.ledger.corrections.ask([numbers["apple"]], category, by="a clerk", now=1.0)
            workshop.sorter.corrector.take_up()
        os.rename(shop.sorted / "WARM" / "pea.jpg", shop.sorted / "COLD" / "pea.jpg")
        workshop.sorter.reconciler.run_once()
    return shop


def journal(shop: Shop) -> Path:
    """The newest of its files."""
    return max((shop.sorted / "_journal").glob("*.jsonl"))


def ledger(shop: Shop) -> Any:
    """What the ledger says of corrections, and of where photos lie."""
    told = (
        "id, image, stage, how, by_whom, to_category, from_category, from_destination, to_destination, model"
    )
    places = "SELECT id, destination, filed_as, identity FROM images ORDER BY id"
    return rows(shop, f"SELECT {told}, written FROM correction ORDER BY id"), rows(shop, places)


def sweep(shop: Shop) -> None:
    """Start once, with all that belongs to it."""
    with opened(shop) as workshop:
        sort_all(workshop)


def test_a_rebuilt_ledger_knows_every_correction(corrected: Shop) -> None:
    """From the journal comes the same again: numbers, places and what the photos' own lines say."""
    before, lost = corrected.photos(), ledger(corrected)
    lose(corrected)
    found = rebuild(corrected)
    assert [found[name] for name in ("lines", "sorted", "corrected", "with_line", "moved")] == [6, 3, 3, 3, 0]
    assert ledger(corrected) == lost
    assert take(corrected, before).corrections == 3
    with opened(corrected) as workshop:
        (number,) = workshop.ledger.corrections.ask([1], "PLAIN", by=None, now=1.0)
        assert number == 4


def test_a_rebuilt_ledger_knows_what_was_put_back(corrected: Shop) -> None:
    """Lines cut off come back; such photos are not sorted again, and one of another content is."""
    with opened(corrected) as workshop:
        workshop.ledger.corrections.ask_back([1, 2, 3], by="a clerk", now=1.0)
        workshop.sorter.corrector.take_up()
    lines = journal(corrected).read_bytes().splitlines(keepends=True)
    journal(corrected).write_bytes(b"".join(lines[:-2]) + lines[-2][:-9])
    sweep(corrected)
    assert journal(corrected).read_bytes() == b"".join(lines)
    before, lost = corrected.photos(), ledger(corrected)
    counted = rows(corrected, "SELECT * FROM tally"), rows(corrected, "SELECT * FROM job_tally WHERE photos")
    lose(corrected)
    found = rebuild(corrected)
    assert [found[name] for name in ("lines", "sorted", "corrected", "undone", "on_shelf")] == [9, 3, 3, 3, 0]
    assert ledger(corrected) == lost
    again = rows(corrected, "SELECT * FROM tally"), rows(corrected, "SELECT * FROM job_tally WHERE photos")
    assert again == counted
    sweep(corrected)
    assert take(corrected, before).undone == 3
    plum = corrected.inbox / "plum.jpg"
    plum.write_bytes(bytes(reversed(plum.read_bytes())))
    lose(corrected)
    rebuild(corrected)
    sweep(corrected)
    assert [row["state"] for row in rows(corrected)] == ["undone", "undone", "undone", "rejected"]


@pytest.mark.parametrize("keep", range(6))
def test_lines_that_were_cut_off_are_written_again(corrected: Shop, keep: int) -> None:
    """However many lines are left, and the next one torn, those that miss come back as they were."""
    before, lines = corrected.photos(), journal(corrected).read_bytes().splitlines(keepends=True)
    journal(corrected).write_bytes(b"".join(lines[:keep]) + lines[keep][:-9])
    sweep(corrected)
    assert sorted(journal(corrected).read_bytes().splitlines(keepends=True)) == sorted(lines)
    assert take(corrected, before).corrections == 3


def test_lines_in_any_order_give_the_same_ledger(corrected: Shop) -> None:
    """A photo's own line may stand behind those of its corrections; the highest number is the latest."""
    lost, lines = ledger(corrected), journal(corrected).read_bytes().splitlines(keepends=True)
    journal(corrected).write_bytes(b"".join(reversed(lines)))
    lose(corrected)
    rebuild(corrected)
    assert ledger(corrected) == lost


def test_a_ledger_older_than_a_correction_is_refused(corrected: Shop) -> None:
    """A backup that does not know the journal's last correction would give its number a second time."""
    state = corrected.state / "ledger.sqlite3"
    old = state.read_bytes()
    with opened(corrected) as workshop:
        workshop.ledger.corrections.ask([1], "PLAIN", by=None, now=1.0)
        workshop.sorter.corrector.take_up()
    state.write_bytes(old)
    ended = corrected.run("sweep", check=False)
    assert ended.returncode == 78
    assert "such as that of correction 4" in ended.stderr
    assert "`refundsorter ledger rebuild --force`" in ended.stderr
