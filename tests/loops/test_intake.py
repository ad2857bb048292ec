import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from faults.account import take
from support import Shop, eventually, photo
from workbench import AT_ONCE, Events, journaled, opened, rows, running, sort_all

from refundsorter.assembly import Workshop
from refundsorter.core.hints import Hint
from refundsorter.core.port import ScannerPort
from refundsorter.core.retry import RetryPolicy
from refundsorter.daemon import Loop
from refundsorter.edges.scan import Found, stat_file
from refundsorter.filing import SystemClock
from refundsorter.loops.intake import Intake
from refundsorter.loops.root import Root, Times

RED, GREEN = photo("red", form="PNG"), photo("green", form="PNG")


class Inbox:
    """A scanner that a test directs."""

    def __init__(self, *paths: Path, for_ever: bool = False) -> None:
        self.paths = list(paths)
        self._for_ever = for_ever
        self.scans = 0

    def scan(self, tree: str | None = None) -> Iterator[Found]:  # noqa: ARG002 - it has no folders
        """The files, once or again and again."""
        self.scans += 1
        while True:
            for path in self.paths:
                identity = stat_file(str(path))
                if identity is not None:
                    yield Found(path=str(path), identity=identity)
            if not self._for_ever:
                return


def _intake(workshop: Workshop, scanner: ScannerPort, *, stability_s: float = 0.0, chunk: int = 10) -> Intake:
    """An intake without watches: only the scanner and the hints tell it of files."""
    root = workshop.settings.inbox[0]
    return Intake(
        root=Root(path=str(root), scanner=scanner, watch=None),
        hints=workshop.hints.of(str(root)),
        look=stat_file,
        ledger=workshop.ledger,
        on_admitted=lambda: None,
        times=Times(
            stability_s=stability_s, scan_interval_s=3600.0, retry=RetryPolicy(base_s=0.01, max_s=0.05)
        ),
        chunk=chunk,
        clock=SystemClock(),
        log=workshop.log,
        meter=workshop.metrics,
    )


def test_a_photo_dropped_during_a_long_scan_is_not_kept_waiting(shop: Shop) -> None:
    """A hint is followed between two steps of a scan that has no end."""
    old = shop.drop("old.png", RED)
    with opened(shop) as workshop:
        scanner = Inbox(old, for_ever=True)
        intake = _intake(workshop, scanner)
        loop = Loop("intake", intake.run)
        loop.start()
        eventually(lambda: rows(shop), "the scan under way")
        new = shop.drop("new.png", GREEN)
        workshop.hints.put(Hint(path=str(new), complete=True))
        eventually(
            lambda: [row["path"] for row in rows(shop)] == [str(old), str(new)], "the new photo entered"
        )
        intake.stop()
        loop.join()
        assert (loop.error, scanner.scans) == (None, 1)


def test_lost_hints_are_made_good_by_a_scan(shop: Shop) -> None:
    """When the queue of hints ran over, the inbox is scanned at once."""
    with opened(shop) as workshop:
        scanner = Inbox()
        intake = _intake(workshop, scanner)
        loop = Loop("intake", intake.run)
        loop.start()
        eventually(lambda: scanner.scans == 1, "the scan at the start")
        scanner.paths = [shop.drop("a.png", RED)]
        workshop.hints.overflow()
        eventually(lambda: rows(shop), "the photo found")
        intake.stop()
        loop.join()


def test_what_is_no_file_is_left_alone(shop: Shop) -> None:
    """Folders, FIFOs, sockets and links in an inbox stay as they are, are reported once, and harm nothing."""
    shop.config.write_text(AT_ONCE)
    (shop.inbox / "folder").mkdir()
    (shop.inbox / "folder" / "inside.png").write_bytes(RED)
    os.mkfifo(shop.inbox / "fifo.png")
    (shop.inbox / "link.png").symlink_to(shop.inbox / "folder" / "inside.png")
    shop.drop("photo.png", GREEN)
    events = Events()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(shop.inbox / "socket.png"))  # such names are short
        with opened(shop, log=events) as workshop, running(workshop):
            eventually(journaled(shop, 1), "the photo filed")
            workshop.hints.overflow()
            events.wait_for("watch.overflow")
            eventually(lambda: len(events.named("inbox.left_alone")) == 4, "each reported")
    kinds = {os.path.basename(one["path"]): one["kind"] for one in events.named("inbox.left_alone")}
    assert kinds == {"folder": "directory", "fifo.png": "fifo", "link.png": "symlink", "socket.png": "socket"}
    assert {path.name for path in shop.inbox.iterdir()} == kinds.keys()


def test_an_inbox_that_is_removed_and_made_again_is_watched_again(shop: Shop) -> None:
    """Photos that come into a folder that was removed and made again are filed."""
    shop.config.write_text(AT_ONCE)
    with opened(shop) as workshop, running(workshop):
        shop.drop("a.png", RED)
        eventually(journaled(shop, 1), "the first photo filed")
        shop.inbox.rmdir()
        shop.inbox.mkdir()
        shop.drop("b.png", GREEN)
        eventually(journaled(shop, 2), "the second photo filed")


def test_photos_of_an_inbox_that_goes_away_and_comes_back_are_filed(shop: Shop, tmp_path: Path) -> None:
    """A photo whose inbox is out of reach is not lost: when the inbox is back, it is filed."""
    shop.config.write_text(AT_ONCE)
    (shop.sorted / "WARM").write_text("in the way")
    shop.drop("a.png", RED)
    before, events = shop.photos(), Events()
    with opened(shop, log=events) as workshop, running(workshop):
        events.wait_for("photo.held_back")
        shop.inbox.rename(tmp_path / "away")
        events.wait_for("inbox.unreachable")
        (shop.sorted / "WARM").unlink()
        events.wait_for("photo.vanished")
        (tmp_path / "away").rename(shop.inbox)
        before = shop.photos()
        eventually(journaled(shop, 1), "the photo filed")
    assert take(shop, before).states == {"sorted": 1}


def test_a_photo_that_is_still_being_written_is_left_by_a_sweep(shop: Shop) -> None:
    """A sweep does not wait for ever for a file that grows, and takes no part of it."""
    shop.config.write_text(AT_ONCE.replace("stability_s: 0", "stability_s: 0.3"))
    shop.drop("still.png", RED)
    grown = threading.Event()

    def grow() -> None:
        with (shop.inbox / "growing.png").open("wb", buffering=0) as file:
            while not grown.wait(0.05):
                file.write(b"more")

    writer = threading.Thread(target=grow)
    with opened(shop) as workshop:
        (intake,) = workshop.intakes(watched=False)
        writer.start()
        eventually((shop.inbox / "growing.png").exists, "the file begun")
        assert intake.run_once() == 1
        grown.set()
        writer.join()
    assert [os.path.basename(row["path"]) for row in rows(shop)] == ["still.png"]


def test_a_sweep_that_waits_for_stillness_uses_no_processor(shop: Shop) -> None:
    """While a sweep waits for files to hold still, and for the scan to go on, it sleeps."""
    for number in range(40):
        shop.drop(f"{number}.png", RED)
    with opened(shop) as workshop:
        intake = _intake(workshop, Inbox(*shop.inbox.iterdir()), stability_s=1.0, chunk=2)
        began, began_work = time.monotonic(), time.thread_time()
        assert intake.run_once() == 0
        waited, worked = time.monotonic() - began, time.thread_time() - began_work
    assert intake.admitted == 40
    assert waited > 1.0
    assert worked < waited / 4


def test_a_removed_and_refilled_inbox_loses_nothing_in_a_sweep(shop: Shop) -> None:
    """An inbox that cannot be looked at is told, and the next sweep sorts what lies there."""
    shop.config.write_text(AT_ONCE)
    shop.drop("a.png", RED)
    before = shop.photos()
    shop.inbox.rename(shop.base / "away")
    events = Events()
    with opened(shop, log=events) as workshop:
        sort_all(workshop)
    assert len(events.named("inbox.unreachable")) == 1
    shutil.move(shop.base / "away", shop.inbox)
    with opened(shop) as workshop:
        sort_all(workshop)
    assert take(shop, before).states == {"sorted": 1}
