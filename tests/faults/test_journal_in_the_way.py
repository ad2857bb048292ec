"""The journal cannot be written to, or is not there: it is told, and what is owed is written later."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from faults import account
from support import Shop, photo
from workbench import AT_ONCE


def link(path: Path) -> None:
    """A link in the place of a file."""
    path.symlink_to("/dev/null")


@pytest.fixture
def quick(shop: Shop) -> Shop:
    """A shop that waits for nothing, with one photo sorted and two in the inbox."""
    shop.config.write_text(AT_ONCE)
    shop.drop("first.png", photo("blue", form="PNG"))
    shop.run("sweep")
    for number in range(2):
        shop.drop(f"{number}.png", photo("red", form="PNG", seed=number + 1))
    return shop


def days(shop: Shop) -> list[Path]:
    """The files of today and, lest midnight comes, of tomorrow."""
    today = datetime.now(UTC)
    names = [f"{(today + timedelta(days=ahead)):%Y-%m-%d}.jsonl" for ahead in (0, 1)]
    return [shop.sorted / "_journal" / name for name in names]


def doctor(shop: Shop) -> set[tuple[str, str]]:
    """What the doctor finds that must be mended."""
    found = json.loads(shop.run("doctor", "--json", check=False).stdout)
    return {(one["name"], one["found"]) for one in found if one["verdict"] == "failed"}


@pytest.mark.parametrize("put", [Path.mkdir, link, os.mkfifo])
def test_a_sweep_tells_the_lines_that_it_owes(quick: Shop, put: Callable[[Path], None]) -> None:
    """Where no line can be written it ends with 3 and counts them; status and doctor tell; then they come."""
    aside = quick.base / "aside"
    aside.mkdir()
    for path in days(quick):
        if path.exists():
            path.rename(aside / path.name)
        put(path)
    before = quick.photos()
    swept = quick.run("sweep", "--json", check=False)
    account_ = json.loads(swept.stdout)
    assert (swept.returncode, account_["left"], account_["lines_owed"]) == (3, 0, 2)
    assert json.loads(quick.run("status", "--json").stdout)["lines_owed"] == 2
    assert "Lines owed to the journal: 2." in quick.run("status").stdout
    told = {found for name, found in doctor(quick) if name == "journal"}
    assert told == {f"{path} is no file that lines can be written to" for path in days(quick)}
    for path in days(quick):
        os.rmdir(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in aside.iterdir():
        path.rename(quick.sorted / "_journal" / path.name)
    assert json.loads(quick.run("sweep", "--json").stdout)["lines_owed"] == 0
    assert account.take(quick, before).lines == 3


def test_the_account_for_a_person_tells_it_too(quick: Shop) -> None:
    """A sentence below the table."""
    for path in days(quick):
        path.unlink(missing_ok=True)
        path.mkdir()
    swept = quick.run("sweep", check=False)
    assert swept.returncode == 3
    assert "Lines owed to the journal: 2." in swept.stdout


def test_a_folder_named_like_a_day_is_no_lost_ledger(shop: Shop) -> None:
    """It holds no lines: a first start goes on, and a rebuild passes it over."""
    shop.config.write_text(AT_ONCE)
    (shop.sorted / "_journal" / "2001-01-01.jsonl").mkdir(parents=True)
    shop.drop("a.png", photo("red", form="PNG"))
    shop.run("sweep")
    assert json.loads(shop.run("ledger", "rebuild", "--force", "--json").stdout)["lines"] == 1
    assert {name for name, _ in doctor(shop)} == {"journal"}


def test_a_link_named_like_a_day_is_told(shop: Shop) -> None:
    """It may lead to lines, and none is followed: neither a first start nor a rebuild counts without them."""
    (shop.sorted / "_journal").mkdir()
    link(shop.sorted / "_journal" / "2001-01-01.jsonl")
    for command in (["sweep"], ["ledger", "rebuild"]):
        refused = shop.run(*command, check=False)
        assert refused.returncode == 75
        assert "is a link, and none is followed" in refused.stderr


def test_the_doctor_tells_that_the_shelf_is_not_mounted(quick: Shop) -> None:
    """A shelf that was used and has no journal folder is the empty folder below a mount."""
    quick.sorted.rename(quick.base / "elsewhere")
    quick.sorted.mkdir()
    assert doctor(quick) == {("journal", "the shelf has no journal folder; is it mounted?")}
