"""An inbox on a share that hangs keeps only itself waiting."""

import time
from pathlib import Path

import pytest
from faults.account import take
from faults.shares import share
from support import Shop, eventually, photo
from workbench import AT_ONCE, journaled

STOP_S = 3.0
PHOTOS = 12  # more than the examiners take at once


@pytest.fixture
def two_inboxes(shop: Shop, tmp_path: Path) -> Path:
    """The settings of a shop with a second inbox; where that one is mounted."""
    point = tmp_path / "share"
    point.mkdir()
    shop.config.write_text(
        AT_ONCE.replace("stability_s: 0", "stability_s: 0.2, poll_interval_s: 0.5")
        + f"inbox: [inbox, {point}]\nstop_timeout_s: {STOP_S}\n"
    )
    return point


def test_the_other_inbox_is_sorted_meanwhile(shop: Shop, tmp_path: Path, two_inboxes: Path) -> None:
    """While one inbox hangs the photos of the other are sorted; when it answers again, so are its own."""
    with share(tmp_path / "far", two_inboxes) as far, shop.daemon() as daemon:
        (two_inboxes / "first.png").write_bytes(photo("red", form="PNG"))
        eventually(journaled(shop, 1), "the first photo filed")
        far.hang()
        for number in range(PHOTOS):
            shop.drop(f"{number}.png", photo("green", form="PNG", seed=number + 1))
        eventually(journaled(shop, 1 + PHOTOS), "the photos of the other inbox filed")
        far.go_on()
        (two_inboxes / "last.png").write_bytes(photo("blue", form="PNG"))
        eventually(journaled(shop, 2 + PHOTOS), "the last photo filed")
        assert daemon.stop() == 0
        assert take(shop, shop.photos()).states == {"sorted": 2 + PHOTOS}


def test_photos_in_work_hold_back_no_other(shop: Shop, tmp_path: Path, two_inboxes: Path) -> None:
    """A share that hangs while its photos wait to be read does not keep the examiners from the others."""
    (shop.sorted / "WARM").write_text("in the way")
    with share(tmp_path / "far", two_inboxes) as far, shop.daemon() as daemon:
        for number in range(PHOTOS):
            (two_inboxes / f"{number}.png").write_bytes(photo("red", form="PNG", seed=number + 1))
        daemon.wait_for("photo.held_back")
        far.hang()
        (shop.sorted / "WARM").unlink()
        for number in range(PHOTOS):
            shop.drop(f"{number}.png", photo("green", form="PNG", seed=number + 1))
        eventually(lambda: len(shop.lines()) >= PHOTOS, "the photos of the other inbox filed")
        far.go_on()
        eventually(journaled(shop, 2 * PHOTOS), "every photo filed")
        assert daemon.stop() == 0
    assert take(shop, shop.photos()).states == {"sorted": 2 * PHOTOS}


def test_a_stop_does_not_wait_for_a_share(shop: Shop, tmp_path: Path, two_inboxes: Path) -> None:
    """SIGTERM ends the daemon within its deadline, whatever hangs."""
    with share(tmp_path / "far", two_inboxes) as far, shop.daemon() as daemon:
        (two_inboxes / "first.png").write_bytes(photo("red", form="PNG"))
        eventually(journaled(shop, 1), "the first photo filed")
        far.hang()
        shop.drop("other.png", photo("green", form="PNG"))
        eventually(journaled(shop, 2), "the photo of the other inbox filed")
        began = time.monotonic()
        daemon.stop()
        assert time.monotonic() - began < STOP_S + 2
