"""A SIGKILL at one step after another while photos are put right, by command and by hand, or put back."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from faults.account import take
from faults.victim import Victims
from support import Shop, every_file, make_shop, photo
from workbench import AT_ONCE, MEMORY, opened, sort_all

CATEGORY = "GARDEN"


def sorted_shop(base: Path) -> Shop:
    """A shop whose photos are filed: one, its copy in a folder, and what is no photo."""
    shop = make_shop(base)
    shop.config.write_text(AT_ONCE.replace("stability_s: 0", "stability_s: 0, recursive: true"))
    (shop.inbox / "box").mkdir()
    shop.drop("a photo.jpg", photo("red"))
    shop.drop("box/its copy.jpg", photo("red"))
    shop.drop("a text.jpg", b"no photo")
    with opened(shop) as workshop:
        sort_all(workshop)
    return shop


def ask(shop: Shop) -> None:
    """Ask for every photo to be put into a category; nobody has taken that up."""
    with opened(shop) as workshop:
        workshop.ledger.corrections.ask([1, 2, 3], CATEGORY, by="a clerk", now=1.0)


def ask_back(shop: Shop) -> None:
    """Ask for every photo to be put back; the folder of one is gone."""
    with opened(shop) as workshop:
        workshop.ledger.corrections.ask_back([1, 2, 3], by="a clerk", now=1.0)
    (shop.inbox / "box").rmdir()


def move(shop: Shop) -> None:
    """Move every photo as a file manager does, and give one another name."""
    (shop.sorted / CATEGORY).mkdir()
    for path in [*(shop.sorted / "WARM").iterdir(), *(shop.sorted / "_rejected").rglob("*.jpg")]:
        path.rename(shop.sorted / CATEGORY / path.name.replace("its ", "the "))


@contextmanager
def elsewhere(shop: Shop, *names: str) -> Iterator[None]:
    """Put folders of the shelf on another file system; skip the test where there is none."""
    if names and (not MEMORY.is_dir() or MEMORY.stat().st_dev == shop.sorted.stat().st_dev):
        pytest.skip(f"{MEMORY} is no second file system")
    with TemporaryDirectory(dir=MEMORY, prefix="refundsorter-test-") as other:
        for name in names:
            if (shop.sorted / name).exists():
                shutil.move(shop.sorted / name, other)
            (Path(other) / name).mkdir(exist_ok=True)
            (shop.sorted / name).symlink_to(Path(other) / name)
        yield
        for name in names:
            (shop.sorted / name).unlink()
            shutil.copytree(Path(other) / name, shop.sorted / name)  # the account sees regular folders


def kill_at_each(
    base: Path, way: str, program: Victims, begin: Callable[[Shop], None], *, away: tuple[str, ...] = ()
) -> int:
    """Kill at one step after another of a run that finds what `begin` leaves; how many were killed.

    Args:
        base: An empty folder.
        way: By which photos are moved: rename or link; copy, with the folders of `away` elsewhere.
        program: Of the victims.
        begin: What is asked for.
        away: Folders of the shelf.
    """
    shop = sorted_shop(base / "shop")
    before = shop.photos()
    begin(shop)
    shop.base.rename(base / "as it was")
    killed, step = True, 0
    while killed:
        step += 1
        shutil.rmtree(shop.base, ignore_errors=True)
        shutil.copytree(base / "as it was", shop.base)
        with elsewhere(shop, *(away if way == "copy" else ())):
            files = "link" if way == "link" else "rename"
            killed = program.run(shop, files, step)
            assert not (killed and program.run(shop, files, 0))
        found = take(shop, before)
        assert found.corrections + found.undone == 3, f"after a kill at step {step}: {found}"
        if found.undone:
            assert_as_it_came(shop)
    return step - 1


def assert_as_it_came(shop: Shop) -> None:
    """Every photo lies in the inbox where it came from, and a sweep leaves it there."""
    with opened(shop) as workshop:
        sort_all(workshop)
    assert sorted(path.relative_to(shop.inbox) for path in every_file(shop.inbox)) == [
        Path("a photo.jpg"), Path("a text.jpg"), Path("box/its copy.jpg")
    ]  # fmt: skip
