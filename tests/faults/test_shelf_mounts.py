"""A shelf that goes away, turns read-only, or forbids one folder, while photos are sorted. It needs root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from disks import small_disk
from faults.account import take
from support import Shop, eventually, every_file, photo
from workbench import AT_ONCE, Events, journaled, opened, running

FIRST, SECOND = photo("red", form="PNG"), photo("green", form="PNG")


@pytest.fixture
def mounted(shop: Shop, tmp_path: Path) -> Iterator[Path]:
    """A shop whose shelf is a mount of its own; the folder that is mounted there, on a disk of its own."""
    shop.config.write_text(AT_ONCE)
    with small_disk(tmp_path / "disk") as disk, _bound(disk, shop.sorted):
        (disk / "_journal").mkdir()
        yield disk


@contextmanager
def _bound(folder: Path, point: Path) -> Iterator[None]:
    """Mount a folder at another place."""
    _mount("--bind", str(folder), str(point))
    try:
        yield
    finally:
        subprocess.run(["umount", str(point)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def test_a_shelf_that_turns_read_only_is_waited_for(shop: Shop, mounted: Path) -> None:
    """While the shelf of a running daemon is read-only photos wait; then they follow."""
    events = Events()
    shop.drop("a.png", FIRST)
    with opened(shop, log=events) as workshop, running(workshop):
        eventually(journaled(shop, 1), "the first photo filed")
        _mount("-o", "remount,ro", str(mounted))
        shop.drop("b.png", SECOND)
        before = shop.photos()
        events.wait_for("photo.held_back", count=3)
        assert (shop.inbox / "b.png").exists()
        _mount("-o", "remount,rw", str(mounted))
        eventually(journaled(shop, 2), "the second photo filed")
    assert take(shop, before).states == {"sorted": 2}


def test_nothing_is_sorted_into_the_folder_below_a_mount(shop: Shop, mounted: Path) -> None:
    """While the shelf is not mounted photos wait and nothing is made below; they follow when it is back."""
    events = Events()
    shop.drop("a.png", FIRST)
    with opened(shop, log=events) as workshop, running(workshop):
        eventually(journaled(shop, 1), "the first photo filed")
        subprocess.run(["umount", "--lazy", str(shop.sorted)], check=True)  # its lock is in use
        shop.drop("b.png", SECOND)
        events.wait_for("sorter.waits", count=3)
        assert (shop.inbox / "b.png").exists()
        assert list(shop.sorted.iterdir()) == []
        _mount("--bind", str(mounted), str(shop.sorted))
        before = shop.photos()
        eventually(journaled(shop, 2), "the second photo filed")
        assert take(shop, before).states == {"sorted": 2}


def test_one_forbidden_folder_holds_back_only_its_own(shop: Shop, mounted: Path) -> None:
    """Photos for a folder that may not be written to wait for it; those for others are filed meanwhile."""
    events = Events()
    warm = mounted / "WARM"
    warm.mkdir()
    with _bound(warm, shop.sorted / "WARM"), opened(shop, log=events) as workshop, running(workshop):
        _mount("-o", "remount,bind,ro", str(shop.sorted / "WARM"))
        shop.drop("a.png", FIRST)
        events.wait_for("photo.held_back", count=2)
        shop.drop("b.png", SECOND)
        events.wait_for("photo.sorted")
        assert [path.name for path in every_file(shop.inbox)] == ["a.png"]
        _mount("-o", "remount,bind,rw", str(shop.sorted / "WARM"))
        before = shop.photos()
        eventually(journaled(shop, 2), "the photo filed once its folder could be written to")
        assert take(shop, before).states == {"sorted": 2}
