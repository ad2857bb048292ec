"""The scan of the shelf: what people have moved there, and what only looks so."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import Shop, photo
from workbench import AT_ONCE, Events, opened, rows, sort_all

from refundsorter.assembly import Workshop
from refundsorter.edges.filesystem import FileSystem


@contextmanager
def sorted_shop(shop: Shop, files: FileSystem | None = None) -> Iterator[tuple[Workshop, Events]]:
    """A shop with photos in WARM (apple), COLD (pea, plum) and `_review/WARM` (cherry), and none at work."""
    shop.config.write_text(AT_ONCE + "decision: {default_threshold: 0.5}\n")
    for seed, (name, colour) in enumerate({"apple": "red", "pea": "green", "plum": "blue"}.items(), start=1):
        shop.drop(f"{name}.jpg", photo(colour, seed=seed))
    with opened(shop) as workshop:
        sort_all(workshop)
    shop.config.write_text(AT_ONCE + "decision: {default_threshold: 1}\n")
    shop.drop("cherry.jpg", photo("red", seed=9))
    log = Events()
    with opened(shop, files=files, log=log) as workshop:
        sort_all(workshop)
        yield workshop, log


def move(shop: Shop, source: str, target: str) -> Path:
    """Move a photo on the shelf as a file manager does."""
    path = shop.sorted / target
    path.parent.mkdir(parents=True, exist_ok=True)
    (shop.sorted / source).rename(path)
    return path


def scan(workshop: Workshop) -> None:
    """Look through the shelf once."""
    workshop.sorter.reconciler.run_once()


def corrections(shop: Shop) -> list[tuple[str, str, str]]:
    """The journal's lines of corrections: the photo's name when it arrived, from, to."""
    names = {line["id"]: line["file"] for line in shop.lines() if line["event"] == "filed"}
    return [(names[one["id"]], one["from"], one["to"]) for one in shop.lines() if one["event"] == "corrected"]


def place_of(shop: Shop, name: str) -> dict[str, Any]:
    """The ledger's row of the photo that arrived under a name."""
    (row,) = [row for row in rows(shop) if os.path.basename(row["path"]) == f"{name}.jpg"]
    return row


def test_a_photo_in_another_category_is_a_correction(shop: Shop) -> None:
    """A moved photo is found by its file; ledger and journal say from where to where, once."""
    with sorted_shop(shop) as (workshop, _):
        own = [line for line in shop.lines() if line["file"] == "apple.jpg"]
        path = move(shop, "WARM/apple.jpg", "COLD/apple.jpg")
        scan(workshop)
        scan(workshop)
    assert corrections(shop) == [("apple.jpg", "WARM", "COLD")]
    assert place_of(shop, "apple")["destination"] == str(path)
    (line,) = [line for line in shop.lines() if line["event"] == "corrected"]
    assert (line["how"], line["by"], line["model"]) == ("moved", None, "tiny/1.0.0")
    assert (line["source"], line["destination"]) == (own[0]["destination"], str(path))


def test_a_photo_from_review_is_a_correction(shop: Shop) -> None:
    """What a person files from `_review/`, in the category that the model had named, is confirmed."""
    with sorted_shop(shop) as (workshop, _):
        move(shop, "_review/WARM/cherry.jpg", "WARM/cherry.jpg")
        scan(workshop)
    assert corrections(shop) == [("cherry.jpg", "_review", "WARM")]


def test_a_new_folder_is_a_new_category(shop: Shop) -> None:
    """A folder that the taxonomy does not know, with a category's name, is one; others are left alone."""
    with sorted_shop(shop) as (workshop, _):
        move(shop, "WARM/apple.jpg", "Möbel/apple.jpg")
        move(shop, "COLD/pea.jpg", "_archive/pea.jpg")
        move(shop, "COLD/plum.jpg", "plum.jpg")
        scan(workshop)
    assert corrections(shop) == [("apple.jpg", "WARM", "Möbel")]


def test_a_photo_under_another_name_is_no_correction(shop: Shop) -> None:
    """In its own category, also in a folder of it, the ledger follows a photo and the journal is silent."""
    with sorted_shop(shop) as (workshop, _):
        move(shop, "WARM/apple.jpg", "WARM/Elstar.jpg")
        path = move(shop, "COLD/pea.jpg", "COLD/november/pea.jpg")
        scan(workshop)
        assert corrections(shop) == []
        assert place_of(shop, "pea")["destination"] == str(path)
        move(shop, "WARM/Elstar.jpg", "COLD/Elstar.jpg")
        scan(workshop)
    assert corrections(shop) == [("apple.jpg", "WARM", "COLD")]


def test_a_photo_that_is_moved_back_has_two(shop: Shop) -> None:
    """Each move between folders is one more correction; the last one says where the photo lies."""
    with sorted_shop(shop) as (workshop, _):
        move(shop, "_review/WARM/cherry.jpg", "COLD/cherry.jpg")
        scan(workshop)
        move(shop, "COLD/cherry.jpg", "_review/WARM/cherry.jpg")
        scan(workshop)
    assert corrections(shop) == [("cherry.jpg", "_review", "COLD"), ("cherry.jpg", "COLD", "_review")]


def test_a_photo_that_went_by_another_disk_is_known_by_its_content(shop: Shop) -> None:
    """A copy under another name and inode is the photo once the first is gone; till then it is a copy."""
    with sorted_shop(shop) as (workshop, _):
        (shop.sorted / "PLAIN").mkdir(exist_ok=True)
        shutil.copyfile(shop.sorted / "WARM/apple.jpg", shop.sorted / "PLAIN/back.jpg")
        scan(workshop)
        assert corrections(shop) == []
        (shop.sorted / "WARM/apple.jpg").unlink()
        scan(workshop)
    assert corrections(shop) == [("apple.jpg", "WARM", "PLAIN")]


def test_what_is_gone_or_strange_is_left_alone(shop: Shop) -> None:
    """A photo that was taken away, a file that nobody sorted, and links say nothing."""
    with sorted_shop(shop) as (workshop, _):
        before = rows(shop)
        (shop.sorted / "WARM/apple.jpg").unlink()
        (shop.sorted / "COLD/stranger.jpg").write_bytes(photo("white", seed=77))
        os.link(shop.sorted / "COLD/pea.jpg", shop.sorted / "WARM/second name.jpg")
        (shop.sorted / "WARM/link.jpg").symlink_to(shop.sorted / "COLD/plum.jpg")
        (shop.sorted / "WARM/.hidden.jpg").write_bytes(photo("blue", seed=3))
        scan(workshop)
        assert rows(shop) == before
    assert corrections(shop) == []


def test_a_name_that_was_taken_again_is_told_apart(shop: Shop) -> None:
    """A photo that is moved away, and one of the same name and content that is filed there, are two."""
    with sorted_shop(shop) as (workshop, _):
        shutil.copyfile(move(shop, "WARM/apple.jpg", "COLD/apple.jpg"), shop.base / "again.jpg")
        os.rename(shop.base / "again.jpg", shop.inbox / "apple.jpg")
    shop.config.write_text(AT_ONCE)
    with opened(shop) as workshop:
        workshop.sorter.reconciler.scan_s = 0
        sort_all(workshop)
    with opened(shop) as workshop:
        scan(workshop)
    assert corrections(shop) == [("apple.jpg", "WARM", "COLD")]
    both = [row["destination"] for row in rows(shop) if row["path"].endswith("apple.jpg")]
    assert both == [str(shop.sorted / "COLD/apple.jpg"), str(shop.sorted / "WARM/apple.jpg")]


def test_a_whole_category_is_renamed(shop: Shop) -> None:
    """Every photo in a folder that gets another name is followed, none of them read."""
    read: list[str] = []
    files = FileSystem(lambda name, path: read.append(path) if name == "read" else None)
    with sorted_shop(shop, files) as (workshop, _):
        read.clear()
        (shop.sorted / "COLD").rename(shop.sorted / "FROZEN")
        scan(workshop)
        assert [path for path in read if "FROZEN" in path] == []
    assert sorted(corrections(shop)) == [("pea.jpg", "COLD", "FROZEN"), ("plum.jpg", "COLD", "FROZEN")]


def test_a_stranger_is_read_once(shop: Shop) -> None:
    """A file that is no photo of the ledger is not read again by the next scan."""
    read: list[str] = []
    files = FileSystem(lambda name, path: read.append(path) if name == "open" else None)
    with sorted_shop(shop, files) as (workshop, _):
        (shop.sorted / "COLD/stranger.jpg").write_bytes(photo("white", seed=77))
        for number in range(3):
            (shop.sorted / f"COLD/another {number}").mkdir()  # the folder changes
            scan(workshop)
    assert len([path for path in read if path.endswith("stranger.jpg")]) == 1


@pytest.mark.parametrize("away", [True, False])
def test_a_shelf_that_is_away_says_nothing(shop: Shop, away: bool) -> None:  # noqa: FBT001
    """Without the journal's folder nothing on the shelf is believed."""
    with sorted_shop(shop) as (workshop, _):
        move(shop, "WARM/apple.jpg", "COLD/apple.jpg")
        if away:
            (shop.sorted / "_journal").rename(shop.base / "journal")
        scan(workshop)
        assert place_of(shop, "apple")["destination"].endswith("WARM/apple.jpg" if away else "COLD/apple.jpg")
        if away:
            (shop.base / "journal").rename(shop.sorted / "_journal")


def test_no_scan_is_made_where_none_is_wanted(shop: Shop) -> None:
    """With `corrections.scan_s: 0` nothing is found, and the loop never wakes for it."""
    with sorted_shop(shop) as (workshop, _):
        workshop.sorter.reconciler.scan_s = 0
        move(shop, "WARM/apple.jpg", "COLD/apple.jpg")
        scan(workshop)
        assert workshop.sorter.reconciler.turn(busy=False) == float("inf")
    assert corrections(shop) == []


def test_a_move_waits_for_a_correction_that_is_asked(shop: Shop) -> None:
    """Corrections are numbered in the order in which they were done: the move is found after the request."""
    with sorted_shop(shop) as (workshop, _):
        number = place_of(shop, "apple")["id"]
        path = move(shop, "WARM/apple.jpg", "COLD/apple.jpg")
        (asked,) = workshop.ledger.corrections.ask([number], "PLAIN", by=None, now=1.0)
        scan(workshop)
        assert corrections(shop) == []
        workshop.sorter.corrector.take_up()
        scan(workshop)
        (refused,) = workshop.ledger.corrections.verdicts([asked]).values()
    assert refused.trouble is not None
    assert "found by the next scan" in refused.trouble
    assert corrections(shop) == [("apple.jpg", "WARM", "COLD")]
    assert place_of(shop, "apple")["destination"] == str(path)
