import threading

import pytest
from faults.account import take
from support import PATIENCE_S, Shop, eventually, photo
from workbench import AT_ONCE, Events, Once, journaled, opened, rows, running, sort_all, take_in

from refundsorter.daemon import Loop
from refundsorter.edges.filesystem import FileSystem

RED, GREEN = photo("red", form="PNG"), photo("green", form="PNG")


@pytest.mark.parametrize("size", [16, 1])
def test_twins_are_inferred_once(size: int, shop: Shop) -> None:
    """A photo dropped twice under two names is two photos and two lines, but one inference."""
    shop.config.write_text(AT_ONCE.replace("workers: 1", f"workers: 2, max_size: {size}"))
    for name in ("a.png", "b.png", "c.png", "d.png"):
        shop.drop(name, RED)
    before = shop.photos()
    with opened(shop) as workshop:
        sort_all(workshop)
    assert take(shop, before).states == {"sorted": 4}
    lines = shop.lines()
    (first,) = [line for line in lines if line["infer_ms"] is not None]
    assert first["duplicate_of"] is None
    assert {line["duplicate_of"] for line in lines if line is not first} == {first["id"]}


@pytest.mark.parametrize("operation", ["open", "rename"])
def test_a_photo_that_replaces_another_is_sorted_for_itself(operation: str, shop: Shop) -> None:
    """A photo that is replaced before it is read or moved is never mis-filed; the new one is picked up."""
    shop.config.write_text(AT_ONCE)
    when = Once(operation, "inbox/a.png", lambda: shop.drop("a.png", GREEN))
    shop.drop("a.png", RED)
    with opened(shop, files=FileSystem(when.before)) as workshop, running(workshop):
        eventually(journaled(shop, 1), "the new photo filed")
    assert (shop.sorted / "COLD" / "a.png").read_bytes() == GREEN
    assert [line["category"] for line in shop.lines()] == ["COLD"]


def test_a_photo_of_the_same_name_as_one_in_work_is_not_overlooked(shop: Shop) -> None:
    """A photo that arrives under a name whose photo was just moved is taken in without waiting for a scan."""
    shop.config.write_text(AT_ONCE)
    shop.drop("a.png", RED)
    offered = threading.Event()

    def come_too_early() -> None:
        shop.drop("a.png", GREEN)
        assert offered.wait(PATIENCE_S)

    files = FileSystem(Once("fsync", "WARM", come_too_early).before)
    with opened(shop, files=files) as workshop, running(workshop) as (intake,):
        eventually(lambda: intake.admitted == 2, "the second photo offered to the ledger")
        offered.set()
        eventually(journaled(shop, 2), "both filed")
    assert sorted(line["category"] for line in shop.lines()) == ["COLD", "WARM"]


def test_a_vanished_photo_leaves_nothing(shop: Shop) -> None:
    """A photo that is taken away before it is read leaves no row and no line."""
    shop.config.write_text(AT_ONCE)
    path, events = shop.drop("a.png", RED), Events()
    with opened(shop, files=FileSystem(Once("open", "a.png", path.unlink).before), log=events) as workshop:
        sort_all(workshop)
    assert len(events.named("photo.vanished")) == 1
    assert (rows(shop), shop.lines()) == ([], [])


def test_a_stop_gives_back_what_nobody_has_begun(shop: Shop) -> None:
    """At a stop the batch in work is filed, and what was only claimed waits again, as if never touched."""
    shop.config.write_text(AT_ONCE.replace("workers: 1", "workers: 1, max_size: 1"))
    for number in range(10):
        shop.drop(f"{number}.png", photo("red", form="PNG", size=(40, 30 + number)))
    before = shop.photos()
    reading, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reading.set()
        assert go_on.wait(PATIENCE_S)

    with opened(shop, files=FileSystem(Once("open", "inbox", hold).before)) as workshop:
        take_in(workshop)
        loop = Loop("sorter", workshop.sorter.run)
        loop.start()
        assert reading.wait(PATIENCE_S)
        eventually(lambda: sum(row["state"] == "claimed" for row in rows(shop)) == 2, "two batches claimed")
        workshop.sorter.stop()
        eventually(lambda: sum(row["state"] == "claimed" for row in rows(shop)) == 1, "one given back")
        go_on.set()
        loop.join(PATIENCE_S)
        assert loop.error is None
    assert take(shop, before).lines == 1
    waiting = [row for row in rows(shop) if row["state"] == "waiting"]
    assert len(waiting) == 9
    assert all(row["attempts"] == 0 and row["trouble"] is None for row in waiting)


def test_trouble_is_retried_ever_more_seldom(shop: Shop) -> None:
    """A photo that cannot be moved is tried again after twice the time, up to the longest wait."""
    shop.config.write_text(AT_ONCE)
    shop.drop("a.png", RED)
    (shop.sorted / "WARM").write_text("in the way")
    events = Events()
    with opened(shop, log=events) as workshop, running(workshop):
        held = events.wait_for("photo.held_back", count=5)
    assert [one["again_in_s"] for one in held[:5]] == [0.01, 0.02, 0.04, 0.05, 0.05]


def test_a_sorter_that_dies_says_why(shop: Shop) -> None:
    """An error that nobody expected ends the loop with it, so that the supervisor learns of it."""
    shop.config.write_text(AT_ONCE)
    shop.drop("a.png", RED)

    def fail() -> None:
        raise ZeroDivisionError

    with opened(shop, files=FileSystem(Once("open", "a.png", fail).before)) as workshop:
        take_in(workshop)
        with pytest.raises(ZeroDivisionError):
            workshop.sorter.run()
        workshop.sorter.stop()
    with opened(shop) as workshop:
        sort_all(workshop)
    assert len(shop.lines()) == 1
