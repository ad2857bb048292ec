import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from faults.victim import FILE_SYSTEMS
from support import Shop, every_file, photo
from workbench import AT_ONCE, Once, fence, opened, rows, sort_all, take_in

from refundsorter import assembly
from refundsorter.assembly import Workshop
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.image import Examined
from refundsorter.edges.filesystem import FileSystem
from refundsorter.loops.contents import Contents

RED, GREEN = photo("red", form="PNG"), photo("green", form="PNG")


@contextmanager
def _examined(
    shop: Shop, when: Once | None = None, settings: str = "", *, way: str = "rename"
) -> Iterator[tuple[Workshop, list[Examined]]]:
    """What lies in the inbox, examined and not yet filed."""
    shop.config.write_text(AT_ONCE + settings)
    files = FILE_SYSTEMS[way](when.before) if when else FileSystem()
    with opened(shop, files=files) as workshop:
        examiner, *_ = assembly.examiners(
            workshop.settings,
            workshop.model.stored,
            workshop.ledger,
            Contents(),
            files=FileSystem(),
            fence=fence(),
        )
        take_in(workshop)
        claimed = workshop.ledger.claim(limit=100, now=1e12)
        yield workshop, examiner.examine(claimed, workshop.model.rules).examined


def _shelved(shop: Shop) -> list[str]:
    return sorted(
        str(path.relative_to(shop.sorted))
        for path in shop.sorted.rglob("*")
        if path.is_file() and "_journal" not in path.parts
    )


def test_filed_photos_have_their_lines(shop: Shop) -> None:
    """When a group is filed, every photo lies in its folder and its line is in the journal and marked."""
    shop.drop("a.png", RED)
    shop.drop("b.png", GREEN)
    with _examined(shop) as (workshop, examined):
        assert workshop.filer.file(examined, workshop.model.rules)
        assert [line["destination"] for line in shop.lines()] == [
            str(shop.sorted / "WARM" / "a.png"),
            str(shop.sorted / "COLD" / "b.png"),
        ]
    assert all(row["journaled"] for row in rows(shop))


def test_a_name_that_is_taken_meanwhile_is_not_overwritten(shop: Shop) -> None:
    """A file that somebody puts under the chosen name in the last moment stays; the next name is taken."""

    def take_the_name() -> None:
        (shop.sorted / "WARM" / "a.png").write_bytes(b"somebody else's")

    shop.drop("a.png", RED)
    with _examined(shop, Once("rename", "a.png", take_the_name)) as (workshop, examined):
        assert workshop.filer.file(examined, workshop.model.rules)
    assert (shop.sorted / "WARM" / "a.png").read_bytes() == b"somebody else's"
    assert (shop.sorted / "WARM" / "a (2).png").read_bytes() == RED
    assert [line["destination"] for line in shop.lines()] == [str(shop.sorted / "WARM" / "a (2).png")]


@pytest.mark.parametrize("moment", ["before the move", "in the move"])
def test_a_photo_that_was_replaced_is_not_filed(moment: str, shop: Shop) -> None:
    """Another photo under the name of an examined one stays in the inbox, and is hinted at."""

    def replace() -> None:
        shop.drop("a.png", GREEN)

    shop.drop("a.png", RED)
    when = Once("rename", "a.png", replace) if moment == "in the move" else None
    with _examined(shop, when) as (workshop, examined):
        if moment == "before the move":
            replace()
        assert workshop.filer.file(examined, workshop.model.rules), "the shelf refused nothing"
        hints, _ = workshop.hints.of(str(shop.inbox)).take(0)
    assert [hint.path for hint in hints] == [str(shop.inbox / "a.png")]
    assert (shop.inbox / "a.png").read_bytes() == GREEN
    assert (_shelved(shop), shop.lines(), rows(shop)) == ([], [], [])


def test_a_photo_that_vanished_leaves_no_line(shop: Shop) -> None:
    """A photo that its owner takes away before it is moved is forgotten; its neighbour is filed."""
    taken = shop.drop("a.png", RED)
    shop.drop("b.png", GREEN)
    with _examined(shop, Once("rename", "a.png", taken.unlink)) as (workshop, examined):
        assert workshop.filer.file(examined, workshop.model.rules)
        assert workshop.filer.tally.vanished == 1
    assert _shelved(shop) == ["COLD/b.png"]
    assert len(shop.lines()) == len(rows(shop)) == 1


def test_a_copy_of_a_photo_that_vanished_is_no_copy(shop: Shop) -> None:
    """It waits for its first to be filed; when that is taken away, it is examined anew, as a first."""
    taken = shop.drop("a.png", RED)
    shop.drop("b.png", RED)
    with _examined(shop, Once("rename", "a.png", taken.unlink)) as (workshop, examined):
        assert [one.duplicate_of for one in examined] == [None, examined[0].claimed.id]
        assert workshop.filer.file(examined, workshop.model.rules), "the shelf refused nothing"
        assert _shelved(shop) == []
        sort_all(workshop)
    assert _shelved(shop) == ["WARM/b.png"]
    (line,) = shop.lines()
    assert (line["duplicate_of"], line["infer_ms"] is None) == (None, False)


def test_copies_can_be_shelved_apart(shop: Shop) -> None:
    """With `decision.duplicates: shelve` a copy goes to `_duplicates/` below the folder of the first."""
    shop.drop("a.png", RED)
    shop.drop("b.png", RED)
    with _examined(shop, settings="decision: {duplicates: shelve}\n") as (workshop, examined):
        workshop.filer.file(examined, workshop.model.rules)
    assert _shelved(shop) == ["WARM/a.png", "_duplicates/WARM/b.png"]
    first, copy = shop.lines()
    assert (copy["duplicate_of"], copy["infer_ms"], copy["state"]) == (first["id"], None, "sorted")


def test_a_shelf_that_refuses_all_is_told(shop: Shop) -> None:
    """Photos that the shelf does not take go back to waiting, with what stood in the way."""
    shop.drop("a.png", RED)
    (shop.sorted / "WARM").write_text("in the way")
    with _examined(shop) as (workshop, examined):
        assert not workshop.filer.file(examined, workshop.model.rules)
    (row,) = rows(shop)
    assert (row["state"], row["attempts"], row["infer_ms"]) == ("waiting", 1, None)
    assert "Not a directory" in row["trouble"]


def test_a_photo_that_was_taken_is_not_forgotten_with_its_inbox(shop: Shop, tmp_path: Path) -> None:
    """A kill leaves it under its hidden name: while the inbox is away it is held, then put back and filed."""

    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    shop.drop("a.png", RED)
    with _examined(shop, Once("link", ".taken", kill), way="link") as (workshop, examined):
        with pytest.raises(Killed):
            workshop.filer.file(examined, workshop.model.rules)
        assert [path.suffix for path in every_file(shop.inbox)] == [".taken"]
        shop.inbox.rename(tmp_path / "away")
        assert workshop.filer.recover() == 1
        (tmp_path / "away").rename(shop.inbox)
        assert workshop.filer.recover() == 0
        assert [path.name for path in every_file(shop.inbox)] == ["a.png"]
        sort_all(workshop)
    assert _shelved(shop) == ["WARM/a.png"]
    assert len(shop.lines()) == 1


def test_recovery_waits_for_a_shelf_that_is_away(shop: Shop, tmp_path: Path) -> None:
    """A move that cannot be checked is kept until the shelf is back, and then told."""
    shop.drop("a.png", RED)

    def stop() -> None:
        raise OSError(5, os.strerror(5))

    with _examined(shop, Once("fsync", "WARM", stop)) as (workshop, examined):
        with pytest.raises(PassingTrouble):
            workshop.filer.file(examined, workshop.model.rules)
        shop.sorted.rename(tmp_path / "away")
        with pytest.raises(PassingTrouble, match="mounted"):
            workshop.filer.recover()
        (tmp_path / "away").rename(shop.sorted)
        assert workshop.filer.recover() == 0
    assert [row["state"] for row in rows(shop)] == ["sorted"]
    assert len(shop.lines()) == 1
