"""The ledger goes away under a daemon: nobody takes its photos for lost while it still files them."""

import json
import shutil
import signal
from collections.abc import Iterator

import pytest
from faults.lost import rebuild
from support import PATIENCE_S, Running, Shop, eventually, photo
from workbench import journaled

LEDGER = "ledger.sqlite3"


@pytest.fixture
def orphan(shop: Shop) -> Iterator[Running]:
    """A daemon that has filed a photo, halted as by a debugger, whose state directory was deleted."""
    with shop.daemon() as daemon:
        shop.drop("a.jpg", photo("red"))
        eventually(journaled(shop, 1), "the photo's line")
        daemon.process.send_signal(signal.SIGSTOP)
        shutil.rmtree(shop.state)
        yield daemon
        daemon.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("options", [[], ["--force"], ["--dry-run"]])
def test_nothing_is_rebuilt_beside_a_daemon_on_the_shelf(
    shop: Shop, orphan: Running, options: list[str]
) -> None:
    """It would give ids twice: exit 75 with the daemon's pid, and nothing is made or cut."""
    (journal,) = (shop.sorted / "_journal").glob("*.jsonl")
    with journal.open("ab") as file:
        file.write(b'{"schema":1,"event":"fi')
    before = journal.read_bytes()
    done = shop.run("ledger", "rebuild", *options, check=False)
    assert done.returncode == 75, done.stderr
    assert f"(pid {orphan.process.pid})" in done.stderr
    assert journal.read_bytes() == before
    assert not shop.state.exists()


def test_status_and_doctor_see_the_daemon_on_the_shelf(shop: Shop, orphan: Running) -> None:
    """Status names it; doctor says that it is to be stopped before the ledger is made anew."""
    pid = orphan.process.pid
    assert json.loads(shop.run("status", "--json").stdout)["pid"] == pid
    found = json.loads(shop.run("doctor", "--json", check=False).stdout)
    (ledger,) = (one for one in found if one["name"] == "ledger")
    assert ledger["verdict"] == "failed"
    assert f"process {pid} sorts" in ledger["found"]
    assert ledger["todo"].startswith("stop it first")


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_daemon_whose_ledger_is_gone_ends(shop: Shop, is_replaced: bool) -> None:  # noqa: FBT001
    """Deleted, or another file in its place: it says so and ends with 1; then the ledger is made anew."""
    with shop.daemon() as daemon:
        shop.drop("a.jpg", photo("red"))
        eventually(journaled(shop, 1), "the photo's line")
        ledger = shop.state / LEDGER
        if is_replaced:
            shutil.copyfile(ledger, shop.state / "copy")
            (shop.state / "copy").rename(ledger)
        else:
            shutil.rmtree(shop.state)
        told = daemon.wait_for("ledger.gone")
        assert told["path"] == str(ledger)
        daemon.wait_for("stopped")
        assert daemon.process.wait(PATIENCE_S) == 1
    refused = shop.run("sweep", check=False)
    assert (refused.returncode == 78) != is_replaced
    assert rebuild(shop, *["--force"] * is_replaced)["sorted"] == 1
