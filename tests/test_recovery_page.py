"""docs/recovery.md: its commands, run as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults import account
from support import PATIENCE_S, Shop, environment, photo
from workbench import rows

PAGE = (Path(__file__).parents[1] / "docs" / "recovery.md").read_text()


def follow(shop: Shop, heading: str) -> None:
    """Run the commands below a heading, in a shell in the shop's folder."""
    commands = re.findall(r"```sh\n(.*?)```", PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0], re.DOTALL)
    assert commands, f"nothing to run below {heading}"
    bin_folder = shop.base / "bin"
    bin_folder.mkdir()
    command = bin_folder / "refundsorter"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m refundsorter "$@"\n')
    command.chmod(0o755)
    subprocess.run(
        ["/bin/sh", "-eu", "-c", "\n".join(commands)],
        cwd=shop.base,
        env=environment() | {"PATH": f"{bin_folder}:{os.environ['PATH']}"},
        check=True,
        timeout=PATIENCE_S * 4,
    )


@pytest.fixture
def used(shop: Shop) -> Shop:
    """A shop that has sorted photos, with one more in the inbox."""
    for number, colour in enumerate(("red", "green", "blue")):
        shop.drop(f"{colour}.jpg", photo(colour, seed=number + 1))
    shop.run("sweep")
    shop.drop("new.jpg", photo("white", seed=9))
    return shop


def test_a_lost_ledger(used: Shop) -> None:
    """After the page's commands every photo is sorted once, with one line, and its number is a new one."""
    before = used.photos()
    shutil.rmtree(used.state)
    follow(used, "The ledger is lost")
    assert account.take(used, before).lines == 4
    assert sorted(line["id"] for line in used.lines()) == [1, 2, 3, 4]


def test_a_ledger_from_a_backup(used: Shop) -> None:
    """After the page's commands every photo has one line and a number of its own."""
    backup = used.base / "backup"
    shutil.copytree(used.state, backup)
    used.run("sweep")
    shutil.rmtree(used.state)
    backup.rename(used.state)
    used.drop("newer.jpg", photo("black", seed=10))
    before = used.photos()
    assert used.run("sweep", check=False).returncode == 78
    follow(used, "A backup of the ledger is put back")
    assert account.take(used, before).lines == 5


def test_a_lost_journal(used: Shop) -> None:
    """After the page's commands the journal goes on, and the ledger still knows every photo."""
    before = used.photos()
    shutil.rmtree(used.sorted / "_journal")
    refused = used.run("sweep", "--json", check=False)
    assert refused.returncode in (3, 75)
    follow(used, "The journal is lost")
    assert used.photos() == before
    assert [line["file"] for line in used.lines()] == ["new.jpg"]
    assert [row["state"] for row in rows(used)] == ["sorted"] * 4


def test_a_lost_shelf(used: Shop) -> None:
    """While it is away nothing is moved; with the backup restored the page's commands go on."""
    before = used.photos()
    backup = used.base / "backup"
    used.sorted.rename(backup)
    used.sorted.mkdir()
    refused = used.run("sweep", check=False)
    assert refused.returncode in (3, 75)
    assert (used.inbox / "new.jpg").exists()
    shutil.copytree(backup, used.sorted, dirs_exist_ok=True)
    follow(used, "The shelf's disk is lost")
    assert account.take(used, before).lines == 4
