"""Photos that are put back into an inbox on a disk of its own, which comes and goes. It needs root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from disks import small_disk
from faults.account import take
from support import Shop, every_file, photo
from workbench import AT_ONCE, opened, rows, sort_all

from refundsorter.core.correction import Stage
from refundsorter.edges.filesystem import FileSystem


@pytest.fixture
def mounted(shop: Shop) -> Iterator[Shop]:
    """A shop whose inbox is a disk, out of which two photos have been filed."""
    shop.config.write_text(AT_ONCE)
    with small_disk(shop.inbox):
        for seed, name in enumerate(("apple", "pear"), start=1):
            (shop.inbox / f"{name}.jpg").write_bytes(photo("red", seed=seed))
        with opened(shop) as workshop:
            sort_all(workshop)
        yield shop


@contextmanager
def away(shop: Shop) -> Iterator[None]:
    """Meanwhile the inbox is the empty folder that its disk is mounted on."""
    spare = shop.base / "spare"
    spare.mkdir(exist_ok=True)
    _run("mount", "--bind", shop.inbox, spare)
    try:
        _run("umount", shop.inbox)
        try:
            yield
        finally:
            _run("mount", "--bind", spare, shop.inbox)
    finally:
        _run("umount", spare)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def test_nothing_is_put_where_the_inbox_is_not(mounted: Shop) -> None:
    """Photos stay on the shelf while the inbox's disk is away, and are put back when it is there again."""
    before = mounted.photos()
    with opened(mounted) as workshop:
        workshop.ledger.corrections.ask([2], "GARDEN", by=None, now=1.0)
        workshop.sorter.corrector.take_up()
        asked = workshop.ledger.corrections.ask_back([1, 2], by=None, now=1.0)
    with away(mounted), opened(mounted) as workshop:
        workshop.sorter.corrector.take_up()
        held = workshop.ledger.corrections.verdicts(asked.values())
        assert {one.stage for one in held.values()} == {Stage.ASKED}
        assert all("the empty folder" in str(one.trouble) for one in held.values())
        assert every_file(mounted.inbox) == []
    with opened(mounted) as workshop:
        workshop.sorter.corrector.take_up()
    assert sorted(path.name for path in every_file(mounted.inbox)) == ["apple.jpg", "pear.jpg"]
    assert take(mounted, before).undone == 2


def test_what_was_cut_short_is_not_forgotten_while_the_inbox_is_away(mounted: Shop) -> None:
    """A photo that reached the inbox before the disk went away is known to lie there once it is back."""
    before = mounted.photos()

    class Cut(Exception):
        """The process ends here."""

    def cut(operation: str, path: str) -> None:
        if operation == "unlink" and path.endswith(".taken"):
            unlinked.append(path)
        elif unlinked:
            raise Cut

    unlinked: list[str] = []
    with opened(mounted, files=FileSystem(cut)) as workshop:
        workshop.ledger.corrections.ask_back([1], by=None, now=1.0)
        with pytest.raises(Cut):
            workshop.sorter.corrector.take_up()
    with away(mounted), opened(mounted) as workshop:
        assert workshop.sorter.corrector.recover() == 1
        assert [row["state"] for row in rows(mounted)] == ["sorted", "sorted"]
    with opened(mounted) as workshop:
        assert workshop.sorter.corrector.recover() == 0
        sort_all(workshop)
    assert sorted(row["state"] for row in rows(mounted)) == ["sorted", "undone"]
    assert take(mounted, before).undone == 1


def test_a_copy_that_grows_has_a_name_of_its_own_ledger(mounted: Shop) -> None:
    """Two daemons that see one inbox give the same numbers: their copies there are told apart."""
    grown: list[str] = []
    files = FileSystem(lambda name, path: grown.append(Path(path).name) if name == "create" else None)
    with opened(mounted, files=files) as workshop:
        workshop.ledger.corrections.ask_back([1], by=None, now=1.0)
        workshop.sorter.corrector.take_up()
        assert grown == [f".refundsorter-{workshop.ledger.token()}-1.part"]
