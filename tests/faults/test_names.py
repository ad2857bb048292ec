"""Names that meet on the shelf."""

import errno
import hashlib
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.account import take
from faults.shares import folding_share
from support import Shop, eventually, make_shop, photo
from workbench import AT_ONCE, Events, journaled, opened, rows, running, sort_all, take_in

from refundsorter.core.fault import NoAnswer
from refundsorter.edges.filesystem import FileSystem

LONGEST = "x" * 251 + ".png"
PHOTOS = 20


def _two_inboxes(base: Path) -> tuple[Shop, Path]:
    shop, other = make_shop(base / "shop"), base / "other"
    other.mkdir()
    shop.config.write_text(AT_ONCE.replace("workers: 1", "workers: 2") + f"inbox: [inbox, {other}]\n")
    return shop, other


def test_one_name_in_two_inboxes_at_once(tmp_path: Path) -> None:
    """Photos of the same names that come into two inboxes at the same moment all get a place and a line."""
    shop, other = _two_inboxes(tmp_path)
    with opened(shop) as workshop, running(workshop):
        for number in range(PHOTOS):
            for inbox in (shop.inbox, other):
                content = photo("red", form="PNG", seed=1 + 2 * number + (inbox == other))
                (tmp_path / "made").write_bytes(content)
                (tmp_path / "made").rename(inbox / f"{number}.png")
        eventually(journaled(shop, 2 * PHOTOS), "all filed")
    names = sorted(path.name for path in (shop.sorted / "WARM").iterdir())
    assert names == sorted(f"{number}{more}.png" for number in range(PHOTOS) for more in ("", " (2)"))
    assert take(shop, shop.photos()).states == {"sorted": 2 * PHOTOS}


def test_the_longest_name_gets_a_number(tmp_path: Path) -> None:
    """A name of 255 bytes that is taken is cut to make room for its number, and keeps its ending."""
    shop, other = _two_inboxes(tmp_path)
    (shop.inbox / LONGEST).write_bytes(photo("red", form="PNG", seed=1))
    (other / LONGEST).write_bytes(photo("red", form="PNG", seed=2))
    with opened(shop) as workshop, running(workshop):
        eventually(journaled(shop, 2), "both filed")
    names = {path.name for path in (shop.sorted / "WARM").iterdir()}
    assert names == {LONGEST, "x" * 247 + " (2).png"}
    assert take(shop, shop.photos()).states == {"sorted": 2}


@pytest.fixture
def folding(tmp_path: Path) -> Iterator[tuple[Shop, Path]]:
    """Two inboxes and a shelf on a file system that takes `a` and `A`, and two encodings, for one name."""
    with folding_share(tmp_path / "far", tmp_path / "near"):
        shop, other = _two_inboxes(tmp_path)
        for folder in (shop.inbox, shop.sorted, other):
            folder.rmdir()
            (tmp_path / "near" / folder.name).mkdir()
            folder.symlink_to(tmp_path / "near" / folder.name)
        yield shop, other


def _drop(inbox: Path, name: str, content: bytes) -> str:
    """Put a photo into an inbox; its sha256."""
    (inbox / name).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_names_that_a_shelf_takes_for_one(folding: tuple[Shop, Path]) -> None:
    """Photos whose names differ by case, or by how an accent is encoded, all get a place and a line."""
    shop, other = folding
    before: Counter[str] = Counter()
    for number in range(PHOTOS):
        for seed, inbox, name in (  # the last two are one text, composed and decomposed
            (1, shop.inbox, f"a{number}.png"),
            (2, other, f"A{number}.PNG"),
            (3, shop.inbox, f"\u00e9{number}.png"),
            (4, other, f"e\u0301{number}.png"),
        ):
            content = photo("red", form="PNG", seed=10 * number + seed)
            before[_drop(inbox, name, content)] += 1
    with opened(shop) as workshop, running(workshop):
        eventually(journaled(shop, 4 * PHOTOS), "all filed")
    assert take(shop, before).states == {"sorted": 4 * PHOTOS}


def test_a_name_that_is_held_is_kept_free_in_every_spelling(folding: tuple[Shop, Path]) -> None:
    """A photo whose move cannot be told yet is not taken for its copy that was filed meanwhile."""
    shop, other = folding
    content = photo("red", form="PNG")
    away, events = threading.Event(), Events()

    def before(operation: str, path: str) -> None:
        if operation == "rename" and path == str(other / "a.png") and not events.named("move.held"):
            away.set()
            raise NoAnswer(path)
        if away.is_set() and path.startswith(str(other)):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    before_all = Counter([_drop(other, "a.png", content)])
    with opened(shop, files=FileSystem(before), log=events) as workshop, running(workshop):
        events.wait_for("move.held")
        before_all[_drop(shop.inbox, "A.PNG", content)] += 1
        events.wait_for("photo.sorted")
        away.clear()
        eventually(journaled(shop, 2), "both filed")
    assert take(shop, before_all).states == {"sorted": 2}


def test_a_photo_that_changes_its_case_is_one_photo(folding: tuple[Shop, Path]) -> None:
    """A photo that is given another spelling while it waits is filed once, with one line."""
    shop, _ = folding
    before = Counter([_drop(shop.inbox, "a.png", photo("red", form="PNG"))])
    with opened(shop) as workshop:
        take_in(workshop)
        (shop.inbox / "a.png").rename(shop.inbox / "b.png")
        (shop.inbox / "b.png").rename(shop.inbox / "A.PNG")
        sort_all(workshop)
    assert take(shop, before).states == {"sorted": 1}


def test_a_shelf_below_an_inbox_is_known_in_every_spelling(folding: tuple[Shop, Path]) -> None:
    """What was filed is not found again where the settings spell the shelf in another case than the disk."""
    shop, other = folding
    (other / "Shelf").mkdir()
    text = shop.config.read_text().replace("stability_s: 0", "stability_s: 0, recursive: true")
    shop.config.write_text(text + f"sorted: {other}/SHELF\n")
    _drop(other, "a.png", photo("red", form="PNG"))
    with opened(shop) as workshop:
        for _ in range(2):
            sort_all(workshop)
    assert [row["path"] for row in rows(shop)] == [str(other / "a.png")]
