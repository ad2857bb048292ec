"""The daemon's main job: photos that come in every usual way are filed, each with its line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import PATIENCE_S, Shop, photo

SLOW_COPY = """
import pathlib, sys, time
content = pathlib.Path(sys.argv[1]).read_bytes()
with open(sys.argv[2], "wb", buffering=0) as target:
    for start in range(0, len(content), len(content) // 20 + 1):
        target.write(content[start : start + len(content) // 20 + 1])
        time.sleep(0.05)
"""


def test_a_photo_renamed_in_is_in_its_category_with_its_line(shop: Shop) -> None:
    """Dropped as a downloader does it: the photo lies in its folder, and the journal says why."""
    content = photo("red")
    with shop.daemon() as daemon:
        shop.drop("a.jpg", content)
        daemon.wait_for("photo.sorted", file="a.jpg", category="WARM")
        assert daemon.stop() == 0
    assert (shop.sorted / "WARM" / "a.jpg").read_bytes() == content
    (line,) = shop.lines()
    assert (line["state"], line["category"], line["label"]) == ("sorted", "WARM", "red")
    assert line["destination"] == str(shop.sorted / "WARM" / "a.jpg")


def test_a_copied_photo_is_sorted(shop: Shop, tmp_path: Path) -> None:
    """Written in place by `cp`: sorted once it holds still."""
    (tmp_path / "phone.jpg").write_bytes(photo("blue"))
    with shop.daemon() as daemon:
        shutil.copyfile(tmp_path / "phone.jpg", shop.inbox / "b.jpg")
        daemon.wait_for("photo.sorted", file="b.jpg", category="COLD")
        assert daemon.stop() == 0
    assert [line["file"] for line in shop.lines()] == ["b.jpg"]


def test_a_slow_copy_is_taken_whole(shop: Shop, tmp_path: Path) -> None:
    """A copy that goes on for many times its pauses is sorted once, with all its bytes."""
    content = photo("green", form="BMP", size=(200, 150))
    (tmp_path / "scan.bmp").write_bytes(content)
    with shop.daemon(REFUNDSORTER_WATCH__STABILITY_S="0.5") as daemon:
        subprocess.run(
            [sys.executable, "-c", SLOW_COPY, tmp_path / "scan.bmp", shop.inbox / "scan.bmp"],
            check=True,
            timeout=PATIENCE_S,
        )
        daemon.wait_for("photo.sorted", file="scan.bmp", category="COLD")
        assert daemon.stop() == 0
    assert (shop.sorted / "COLD" / "scan.bmp").read_bytes() == content
    assert [line["state"] for line in shop.lines()] == ["sorted"]


def test_a_photo_in_a_sub_folder_is_sorted_when_asked_for(shop: Shop, tmp_path: Path) -> None:
    """With `watch.recursive`, a folder that is moved in whole gives up its photos."""
    folder = tmp_path / "monday"
    folder.mkdir()
    (folder / "c.jpg").write_bytes(photo("white"))
    with shop.daemon(REFUNDSORTER_WATCH__RECURSIVE="true") as daemon:
        folder.rename(shop.inbox / "monday")
        daemon.wait_for("photo.sorted", file="c.jpg", category="PLAIN")
        assert daemon.stop() == 0
    assert (shop.sorted / "PLAIN" / "c.jpg").exists()


def test_photos_that_lay_there_before_the_start_are_sorted(shop: Shop) -> None:
    """No event tells of them; the scan at start finds them."""
    shop.drop("early.jpg", photo("black"))
    with shop.daemon() as daemon:
        daemon.wait_for("photo.sorted", file="early.jpg", category="PLAIN")
        assert daemon.stop() == 0


def test_a_broken_photo_harms_only_itself(shop: Shop) -> None:
    """It is rejected with its reason, and the photo after it is sorted."""
    with shop.daemon() as daemon:
        shop.drop("broken.jpg", photo("red")[:200])
        shop.drop("good.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="good.jpg")
        assert daemon.stop() == 0
    assert {line["file"]: line["reason"] for line in shop.lines()} == {
        "broken.jpg": "truncated",
        "good.jpg": None,
    }


def test_made_up_terabytes_harm_only_themselves(shop: Shop) -> None:
    """Files that are told to be huge are rejected unread, so photos beside them are sorted at once."""
    with shop.daemon() as daemon:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            shop.drop(name, b"")
            os.truncate(shop.inbox / name, 1 << 40)
        shop.drop("good.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="good.jpg")
        assert daemon.stop() == 0
    lines = {line["file"]: line for line in shop.lines()}
    found = [(lines[name]["reason"], lines[name]["sha256"]) for name in ("a.jpg", "b.jpg", "c.jpg")]
    assert found == [("too_large", None)] * 3


def test_an_inbox_that_is_missing_at_start_is_waited_for(shop: Shop) -> None:
    """The daemon says so, waits, and works when the folder appears."""
    shop.inbox.rmdir()
    with shop.daemon() as daemon:
        shop.inbox.mkdir()
        shop.drop("late.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="late.jpg")
        assert daemon.stop() == 0
    assert {"inbox.unreachable", "inbox.back"} <= {event["event"] for event in daemon.events}
    assert (shop.sorted / "WARM" / "late.jpg").exists()


@pytest.mark.parametrize("name", ["two\nlines.jpg", "caf\udce9.jpg", "x" * 251 + ".jpg", "-rf.jpg"])
def test_odd_names_arrive_unchanged(shop: Shop, name: str) -> None:
    """A newline, bytes that are no UTF-8, 255 bytes, a leading dash: the name is the same on the shelf."""
    with shop.daemon() as daemon:
        shop.drop(name, photo("red"))
        daemon.wait_for("photo.sorted", file=name)
        assert daemon.stop() == 0
    assert (shop.sorted / "WARM" / name).exists()
    assert [line["file"] for line in shop.lines()] == [name]
