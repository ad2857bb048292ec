"""A shelf on a real small disk of its own: full, and read-only. It needs root, to mount it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import fill, small_disk
from faults.account import take
from support import Shop, eventually, photo
from workbench import AT_ONCE, Events, journaled, opened, running

PHOTOS = 8
PHOTO_BYTES = 100_000
DISK_BYTES = 1_200_000  # room for all of them


@pytest.fixture
def disk(shop: Shop) -> Iterator[Path]:
    """The shelf, as a file system of its own."""
    shop.config.write_text(AT_ONCE)
    with small_disk(shop.sorted, size=str(DISK_BYTES)):
        (shop.sorted / "_journal").mkdir()
        yield shop.sorted


def _remount(point: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(point)], check=True)


def _drop_photos(shop: Shop) -> None:
    for number in range(PHOTOS):
        content = photo("red", form="PNG", size=(40, 30 + number))
        shop.drop(f"{number}.png", content + bytes(PHOTO_BYTES - len(content)))


def test_a_full_disk_is_waited_out(shop: Shop, disk: Path) -> None:
    """Photos for which the disk has no room stay in the inbox, and follow when there is some."""
    ballast = disk / "_journal" / "ballast"
    ballast.write_bytes(bytes(DISK_BYTES // 2))
    _drop_photos(shop)
    before = shop.photos()
    events = Events()
    with opened(shop, log=events) as workshop, running(workshop):
        events.wait_for("photo.held_back", count=PHOTOS)
        ballast.unlink()
        eventually(journaled(shop, PHOTOS), "every photo filed once there was room")
    assert take(shop, before).states == {"sorted": PHOTOS}


def test_a_disk_without_room_for_a_line_is_waited_out(shop: Shop, disk: Path) -> None:
    """Where not even the journal's line fits, the photos are found again once there is room."""
    ballast = fill(disk / "_journal")
    _drop_photos(shop)
    before = shop.photos()
    events = Events()
    with opened(shop, log=events) as workshop, running(workshop):
        events.wait_for("sorter.waits", count=2)
        ballast.unlink()
        eventually(journaled(shop, PHOTOS), "every photo filed once there was room")
    assert take(shop, before).states == {"sorted": PHOTOS}


def test_a_read_only_disk_is_waited_out(shop: Shop, disk: Path) -> None:
    """Photos stay in the inbox while the shelf is read-only, and follow when it no longer is."""
    _remount(disk, "ro")
    _drop_photos(shop)
    before = shop.photos()
    events = Events()
    with opened(shop, log=events) as workshop, running(workshop):
        events.wait_for("photo.held_back", count=PHOTOS)
        _remount(disk, "rw")
        eventually(journaled(shop, PHOTOS), "every photo filed once it could be written to")
    assert take(shop, before).states == {"sorted": PHOTOS}
