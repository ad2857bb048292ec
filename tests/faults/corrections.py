"""A SIGKILL at one step after another while corrections are done, by command and by hand."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from faults.account import take
from faults.victim import Victims
from support import Shop, make_shop, photo
from workbench import AT_ONCE, MEMORY, opened, sort_all

CATEGORY = "GARDEN"


def sorted_shop(base: Path) -> Shop:
    """A shop whose photos are filed: one, its copy, and what is no photo."""
    shop = make_shop(base)
    shop.config.write_text(AT_ONCE)
    shop.drop("a photo.jpg", photo("red"))
    shop.drop("its copy.jpg", photo("red"))
    shop.drop("a text.jpg", b"no photo")
    with opened(shop) as workshop:
        sort_all(workshop)
    return shop


def ask(shop: Shop) -> None:
    """Ask for every photo to be put into a category; nobody has taken that up."""
    with opened(shop) as workshop:
        workshop.ledger.corrections.ask([1, 2, 3], CATEGORY, by="a clerk", now=1.0)


def move(shop: Shop) -> None:
    """Move every photo as a file manager does, and give one another name."""
    (shop.sorted / CATEGORY).mkdir()
    for path in [*(shop.sorted / "WARM").iterdir(), *(shop.sorted / "_rejected").rglob("*.jpg")]:
        path.rename(shop.sorted / CATEGORY / path.name.replace("its ", "the "))


@contextmanager
def category_elsewhere(shop: Shop, *, if_so: bool) -> Iterator[None]:
    """Put the category's folder on another file system; skip the test where there is none."""
    if not if_so:
        yield
        return
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == shop.sorted.stat().st_dev:
        pytest.skip(f"{MEMORY} is no second file system")
    with TemporaryDirectory(dir=MEMORY, prefix="refundsorter-test-") as elsewhere:
        (shop.sorted / CATEGORY).symlink_to(elsewhere)
        yield
        (shop.sorted / CATEGORY).unlink()
        shutil.copytree(elsewhere, shop.sorted / CATEGORY)  # so that the account sees regular folders


def kill_at_each(base: Path, way: str, program: Victims, begin: Callable[[Shop], None]) -> int:
    """Kill at one step after another of a run that finds what `begin` leaves; how many were killed."""
    shop = sorted_shop(base / "shop")
    before = shop.photos()
    begin(shop)
    shop.base.rename(base / "as it was")
    killed, step = True, 0
    while killed:
        step += 1
        shutil.rmtree(shop.base, ignore_errors=True)
        shutil.copytree(base / "as it was", shop.base)
        with category_elsewhere(shop, if_so=way == "copy"):
            files = "link" if way == "link" else "rename"
            killed = program.run(shop, files, step)
            assert not (killed and program.run(shop, files, 0))
        found = take(shop, before)
        assert found.corrections == 3, f"after a kill at step {step}: {found}"
    return step - 1
