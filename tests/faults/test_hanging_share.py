"""An inbox on a share that hangs keeps only itself waiting."""

import hashlib
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.account import take
from faults.shares import Share, share
from support import COMMAND, PATIENCE_S, Shop, environment, eventually, photo
from workbench import AT_ONCE, journaled, rows

STOP_S = 3.0
NEAR, FAR = photo("green", form="PNG"), photo("red", form="PNG")
BOTH = Counter(hashlib.sha256(content).hexdigest() for content in (NEAR, FAR))
UNFILED = "SELECT id FROM images WHERE state IN ('claimed', 'classified')"
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


@pytest.fixture
def hanging(tmp_path: Path, two_inboxes: Path) -> Iterator[Share]:
    """A second inbox that holds a photo and hangs."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "far.png").write_bytes(FAR)
    with share(tmp_path / "far", two_inboxes) as far:
        far.hang()
        yield far


def test_a_start_does_not_wait_for_a_share(shop: Shop, hanging: Share) -> None:
    """A share that hangs before the start keeps nobody from the other inbox; it is told, and waited for."""
    shop.drop("near.png", NEAR)
    with shop.daemon() as daemon:
        assert any(event["event"] == "inbox.unreachable" for event in daemon.events)
        eventually(journaled(shop, 1), "the photo of the other inbox filed")
        hanging.go_on()
        daemon.wait_for("inbox.back")
        eventually(journaled(shop, 2), "the photo of the share filed")
        assert daemon.stop() == 0
    assert take(shop, BOTH).states == {"sorted": 2}


def test_a_stop_after_such_a_start_does_not_wait_either(shop: Shop, hanging: Share) -> None:
    """SIGTERM ends a daemon that has never seen one of its inboxes within its deadline."""
    with shop.daemon() as daemon:
        began = time.monotonic()
        daemon.stop()
        assert time.monotonic() - began < STOP_S + 2
    hanging.go_on()


def test_a_sweep_does_not_wait_for_a_share(shop: Shop, two_inboxes: Path, hanging: Share) -> None:
    """A sweep sorts the other inbox, names the one that hangs, and ends; a later one sorts that, too."""
    shop.drop("near.png", NEAR)
    swept = shop.run("sweep", "--json", check=False)
    account = json.loads(swept.stdout)
    assert (swept.returncode, account["unreachable"]) == (3, [str(two_inboxes)])
    assert (account["found"], account["sorted"], account["left"]) == (1, 1, 0)
    hanging.go_on()
    assert json.loads(shop.run("sweep", "--json").stdout)["sorted"] == 1
    assert take(shop, BOTH).states == {"sorted": 2}


def test_a_sweep_that_is_stopped_does_not_wait_either(shop: Shop, hanging: Share) -> None:
    """SIGTERM ends a sweep within the deadline, whatever hangs, and the account is given."""
    shop.drop("near.png", NEAR)
    command = [*COMMAND, "sweep", "--json", "--config", str(shop.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as sweeping:
        eventually(shop.lines, "the photo of the other inbox filed")
        began = time.monotonic()
        sweeping.send_signal(signal.SIGTERM)
        said, _ = sweeping.communicate(timeout=PATIENCE_S)
        assert time.monotonic() - began < STOP_S + 2
    assert json.loads(said)["interrupted"]
    hanging.go_on()


def test_no_command_waits_for_a_share(shop: Shop, two_inboxes: Path, hanging: Share) -> None:
    """What tells how things stand tells of an inbox that hangs."""
    shop.run("status")
    examined = shop.run("doctor", check=False)
    assert f"{str(two_inboxes)!r} has not answered" in examined.stdout
    hanging.go_on()


def test_a_stop_does_not_wait_for_a_shelf(shop: Shop, tmp_path: Path) -> None:
    """SIGTERM ends a daemon whose shelf hangs in the middle of a move; the next start makes it good."""
    shop.config.write_text(AT_ONCE + f"stop_timeout_s: {STOP_S}\n")
    with share(tmp_path / "far", shop.sorted) as far:
        with shop.daemon() as daemon:
            shop.drop("near.png", NEAR)
            eventually(journaled(shop, 1), "the first photo filed")
            far.hang()
            shop.drop("far.png", FAR)
            eventually(lambda: rows(shop, UNFILED), "the second photo in work")
            began = time.monotonic()
            daemon.stop()
            assert time.monotonic() - began < STOP_S + 2
        refused = shop.run("run", check=False)
        assert refused.returncode == 75
        assert f"{str(shop.sorted)!r} has not answered" in refused.stderr
        far.go_on()
        shop.run("sweep")
        assert take(shop, BOTH).states == {"sorted": 2}
