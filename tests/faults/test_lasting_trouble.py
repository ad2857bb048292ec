"""Trouble that lasts: what it concerns waits, everything else goes on, and a single sweep still ends."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
from faults.account import take
from support import Shop, eventually, every_file, make_shop, photo
from workbench import AT_ONCE, Events, Once, journaled, opened, running, shelve_elsewhere, sort_all

from refundsorter.edges.filesystem import FileSystem


class Bar:
    """Forbids one operation wherever the path holds a word, until it is lifted."""

    def __init__(self, operation: str, word: str, code: int = errno.EACCES) -> None:
        self._operation, self._word, self._code = operation, word, code
        self.is_up = True

    def before(self, operation: str, path: str) -> None:
        """Forbid, or let pass."""
        if self.is_up and operation == self._operation and self._word in path:
            raise OSError(self._code, os.strerror(self._code), path)


@pytest.fixture
def quick(shop: Shop) -> Shop:
    """A shop that waits for nothing."""
    shop.config.write_text(AT_ONCE)
    return shop


def test_a_folder_that_cannot_be_made_holds_back_only_its_own(quick: Shop) -> None:
    """Photos for a folder in whose place a file lies wait for it; those for other folders are filed."""
    quick.sorted.joinpath("WARM").write_text("in the way")
    quick.drop("warm.png", photo("red", form="PNG"))
    events = Events()
    with opened(quick, log=events) as workshop, running(workshop):
        events.wait_for("photo.held_back", count=2)
        quick.drop("cold.png", photo("green", form="PNG"))
        events.wait_for("photo.sorted")
        quick.sorted.joinpath("WARM").unlink()
        before = quick.photos()
        eventually(journaled(quick, 2), "the photo filed when its folder could be made")
    assert take(quick, before).states == {"sorted": 2}


@pytest.mark.parametrize("operation", ["open", "rename"])
def test_a_photo_that_is_barred_holds_back_no_other(operation: str, quick: Shop) -> None:
    """A photo that may not be read or moved is tried again and again, and the others are filed meanwhile."""
    bar, events = Bar(operation, "inbox/locked.png"), Events()
    quick.drop("locked.png", photo("red", form="PNG"))
    with opened(quick, files=FileSystem(bar.before), log=events) as workshop, running(workshop):
        events.wait_for("photo.held_back", count=3)
        for number in range(5):
            quick.drop(f"free {number}.png", photo("green", form="PNG", size=(40, 30 + number)))
        before = quick.photos()
        events.wait_for("photo.sorted", count=5)
        bar.is_up = False
        eventually(journaled(quick, 6), "the photo filed when it was free")
    assert take(quick, before).states == {"sorted": 6}


def test_a_source_that_cannot_be_removed_holds_back_no_other(quick: Shop) -> None:
    """A photo that was copied to another file system and may not be removed yet lets the others be filed."""
    bar, events = Bar("unlink", "-1.taken"), Events()
    with shelve_elsewhere(quick):
        quick.drop("locked.png", photo("red", form="PNG"))
        with opened(quick, files=FileSystem(bar.before), log=events) as workshop, running(workshop):
            events.wait_for("move.held", count=2)
            quick.drop("locked (2).png", photo("green", form="PNG"))
            quick.drop("free.png", photo("blue", form="PNG"))
            events.wait_for("photo.sorted", count=2)
            bar.is_up = False
            eventually(journaled(quick, 3), "the photo filed when its source could be removed")
        assert take(quick, quick.photos()).states == {"sorted": 3}


def test_the_place_of_a_held_move_is_not_given_away(tmp_path: Path) -> None:
    """A copy of the same name from another inbox does not take the place where a held photo is to go."""
    shop = make_shop(tmp_path)

    def die() -> None:
        raise ZeroDivisionError

    other = tmp_path / "other"
    other.mkdir()
    shop.config.write_text(AT_ONCE + f"inbox: [inbox, {other}]\n")
    content = photo("red", form="PNG")
    shop.drop("same.png", content)
    files = FileSystem(Once("rename", "same.png", die).before)
    with opened(shop, files=files) as workshop, pytest.raises(ZeroDivisionError):
        sort_all(workshop)
    bar, events = Bar("lstat", "/inbox/same.png", errno.EIO), Events()
    with opened(shop, files=FileSystem(bar.before), log=events) as workshop, running(workshop):
        events.wait_for("move.held")
        (tmp_path / "copy").write_bytes(content)
        (tmp_path / "copy").rename(other / "same.png")
        events.wait_for("photo.sorted")
        bar.is_up = False
        eventually(journaled(shop, 2), "both filed")
    lying = sorted(path.name for path in (shop.sorted / "WARM").iterdir())
    assert lying == ["same (2).png", "same.png"]


def test_status_says_why_a_move_is_held(quick: Shop) -> None:
    """A move that was cut short, and of which cannot be told how it ended, is told with the reason."""
    bar, events = Bar("unlink", "-1.taken"), Events()
    with shelve_elsewhere(quick):
        quick.drop("locked.png", photo("red", form="PNG"))
        with opened(quick, files=FileSystem(bar.before), log=events) as workshop, running(workshop):
            held = events.wait_for("move.held", count=2)[0]["trouble"]
            told = json.loads(quick.run("status", "--json").stdout)
            assert (told["held"], told["held_trouble"], told["trouble"]) == (1, held, {})
            assert f"1 held, the oldest for: {held}" in quick.run("status").stdout
            bar.is_up = False
            eventually(journaled(quick, 1), "the photo filed when its source could be removed")
        told = json.loads(quick.run("status", "--json").stdout)
        assert (told["held"], told["held_trouble"]) == (0, None)


@pytest.mark.parametrize("operation", ["mkdir", "rename", "fsync", "write", "open"])
def test_a_sweep_ends_though_trouble_does_not(operation: str, quick: Shop) -> None:
    """A sweep over a shelf or an inbox that fails for ever ends, and the next one files what it left."""
    bar = Bar(operation, "", errno.EIO)
    bar.is_up = False  # a start that fails is refused
    for number in range(40):
        quick.drop(f"{number}.png", photo("red", form="PNG", size=(40, 30 + number)))
    before = quick.photos()
    with opened(quick, files=FileSystem(bar.before)) as workshop:
        bar.is_up = True
        sort_all(workshop)
    with opened(quick) as workshop:
        sort_all(workshop)
    found = take(quick, before)
    assert (found.inbox, found.states) == (0, {"sorted": 40})


def test_a_shelf_that_is_not_mounted_is_not_taken_for_an_empty_one(quick: Shop, tmp_path: Path) -> None:
    """A photo whose move was cut short is not given up while the shelf is away, also over a restart."""
    bar = Bar("fsync", "WARM", errno.EIO)
    quick.drop("a.png", photo("red", form="PNG"))
    before = quick.photos()
    with opened(quick, files=FileSystem(bar.before)) as workshop:
        sort_all(workshop)
    quick.sorted.rename(tmp_path / "away")
    events = Events()
    with opened(quick, log=events) as workshop, running(workshop):
        events.wait_for("sorter.waits", count=2)
        shutil.rmtree(quick.sorted)
        (tmp_path / "away").rename(quick.sorted)
        eventually(journaled(quick, 1), "the move confirmed when the shelf was back")
    assert take(quick, before).states == {"sorted": 1}


def test_a_shelf_that_is_away_at_start_is_not_filled_beneath(quick: Shop, tmp_path: Path) -> None:
    """Where a shelf was used before, no photo goes into the empty folder that it is mounted on."""
    quick.drop("a.png", photo("red", form="PNG"))
    with opened(quick) as workshop:
        sort_all(workshop)
    quick.drop("b.png", photo("green", form="PNG"))
    before = quick.photos()
    quick.sorted.rename(tmp_path / "away")
    with opened(quick) as workshop:
        sort_all(workshop)
    assert every_file(quick.sorted) == []
    assert (quick.inbox / "b.png").exists()
    shutil.rmtree(quick.sorted)
    (tmp_path / "away").rename(quick.sorted)
    with opened(quick) as workshop:
        sort_all(workshop)
    assert take(quick, before).states == {"sorted": 2}
