"""Two daemons on two machines with one inbox on a share, where no lock is seen by both."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from faults.victim import FILE_SYSTEMS
from support import Shop, every_file, make_shop, photo
from workbench import AT_ONCE, opened, rows, shelve_elsewhere, sort_all

from refundsorter.assembly import Workshop

PHOTOS = 60


@contextmanager
def _two(base: Path, way: str) -> Iterator[tuple[list[Shop], list[Workshop]]]:
    """Two shops with one inbox, open at once."""
    shops = [make_shop(base / name) for name in ("one", "two")]
    files = FILE_SYSTEMS["link" if way == "link" else "rename"]
    with ExitStack() as stack:
        workshops = []
        for shop in shops:
            shop.config.write_text(f"{AT_ONCE}inbox: [{shops[0].inbox}]\n")
            stack.enter_context(shelve_elsewhere(shop, if_so=way == "copy"))
            workshop = stack.enter_context(opened(shop, files=files(lambda _operation, _path: None)))
            workshop._filing._locks.pop().release()  # that of the inbox, which on a share nobody would see
            workshops.append(workshop)
        yield shops, workshops


def _sort_at_once(workshops: list[Workshop]) -> None:
    """Let each sort what it finds, all beginning together; what one put back is sorted in the end."""
    begin = threading.Barrier(len(workshops))
    errors: list[BaseException] = []

    def sort(workshop: Workshop) -> None:
        try:
            begin.wait()
            sort_all(workshop)
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    threads = [threading.Thread(target=sort, args=(workshop,)) for workshop in workshops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for workshop in workshops:
        sort_all(workshop)


@pytest.mark.parametrize("way", ["rename", "link", "copy"])
def test_two_daemons_with_one_inbox_double_nothing(way: str, tmp_path: Path) -> None:
    """Each photo lies on one of the two shelves, with one line in that shelf's journal, and nowhere else."""
    with _two(tmp_path, way) as (shops, workshops):
        for number in range(PHOTOS):
            shops[0].drop(f"{number}.png", photo("red", form="PNG", seed=number + 1))
        before = shops[0].photos()
        _sort_at_once(workshops)
        assert every_file(shops[0].inbox) == []
        shelves, told = Counter[str](), Counter[str]()
        for shop in shops:
            on_shelf = {
                str(path): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in every_file(shop.sorted.resolve())
                if "_journal" not in path.parts
            }
            lines = shop.lines()
            assert sorted(line["sha256"] for line in lines) == sorted(on_shelf.values())
            assert all(row["journaled"] for row in rows(shop)), "nothing is left in work"
            shelves.update(on_shelf.values())
            told.update(line["sha256"] for line in lines)
    assert shelves == told == before
