"""A sorter that gets another crew: what is in hand stays the old one's, and nothing of that one remains."""

import os
import sys
import threading
import weakref
from pathlib import Path

from faults.account import take
from processes import family
from support import DATA, PATIENCE_S, Shop, eventually, photo, write_bundle
from workbench import AT_ONCE, Events, Once, fence, journaled, opened, running

from refundsorter.edges.bundle import BundleStore
from refundsorter.edges.filesystem import FileSystem
from refundsorter.loops.examiner import Examiner
from refundsorter.model import load_model
from refundsorter.releasing import Releaser

SWITCHES = 50


def test_what_is_in_hand_is_decided_by_the_old_crew(shop: Shop) -> None:
    """A photo that is being read when the crew is replaced has the old bundle's line, the next the new's."""
    shop.config.write_text(AT_ONCE)
    new = write_bundle(shop.base / "models", "1.1.0", active=False)
    reading, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reading.set()
        assert go_on.wait(PATIENCE_S)

    files = FileSystem(Once("open", "a.png", hold).before)
    with opened(shop, files=files) as workshop, running(workshop):
        shop.drop("a.png", photo("red", form="PNG"))
        assert reading.wait(PATIENCE_S)
        workshop.sorter.crew = workshop.crew(load_model(workshop.settings, new))
        go_on.set()
        eventually(journaled(shop, 1), "the first is filed")
        shop.drop("b.png", photo("green", form="PNG"))
        eventually(journaled(shop, 2), "the second is filed")
    assert [line["model"] for line in shop.lines()] == ["tiny/1.0.0", new]


def processes() -> int:
    """This process and all that came of it: the decoding program and its workers."""
    try:
        return len(list(family(os.getpid())))
    except (FileNotFoundError, ProcessLookupError):  # one ends at this moment
        return sys.maxsize


def test_fifty_switches_leave_nothing_behind(shop: Shop) -> None:
    """Between two input sizes, a photo each: every old crew is freed, with its files and its processes."""
    fence()  # the decoding program of this process
    shop.config.write_text(AT_ONCE)
    store, events = BundleStore(shop.base / "models"), Events()
    larger = write_bundle(
        shop.base / "models", "48.0.0", active=False, weights=DATA / "tiny48.tflite", input_size=48
    )
    examiners: list[weakref.ref[Examiner]] = []
    used: list[tuple[int, int]] = []  # open files and threads after each switch
    most = processes() + 1  # one worker more than before
    with opened(shop, log=events) as workshop, running(workshop):
        releaser = Releaser(workshop, workshop.settings, events, tell=lambda _: None)
        for number in range(SWITCHES):
            examiners.append(weakref.ref(workshop.sorter.crew.examiners[0]))
            store.activate("tiny/1.0.0" if number % 2 else larger)
            releaser._look()
            shop.drop(f"{number}.png", photo("red", form="PNG", seed=number + 1))
            events.wait_for("photo.sorted", number + 1)
            eventually(lambda: examiners[-1]() is None, "the old crew is freed")
            eventually(lambda: processes() <= most, "and its decoding process")
            used.append((len(list(Path("/proc/self/fd").iterdir())), threading.active_count()))
        before = shop.photos()
    assert len(events.named("model.activated")) == SWITCHES
    more = [last - first for first, last in zip(used[0], used[-1], strict=True)]
    assert max(more) < SWITCHES // 2, "connections to the ledger come and go, but nothing with every switch"
    assert take(shop, before).lines == SWITCHES
    assert {line["model"] for line in shop.lines()} == {"tiny/1.0.0", larger}
