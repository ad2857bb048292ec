"""The ledger is made anew, and that is cut short."""

import itertools
import shutil
from pathlib import Path

from disks import fill, small_disk
from faults import account
from faults.lost import busy_shop, rebuild, that_matter
from faults.victim import REBUILD, victims

from refundsorter import settings as configuration
from refundsorter.exits import ExitCode
from refundsorter.rebuild import rebuild as make_anew

TORN = b'{"schema":1,"event":"filed","id":29'


def test_a_kill_at_any_step_is_made_good_by_the_next_rebuild(tmp_path: Path) -> None:
    """Wherever the first is killed, the second gives the lost ledger, and nothing half-made is left."""
    shop = busy_shop(tmp_path)
    settings = configuration.load(shop.config, environment={}, overrides={})
    before, journal = that_matter(shop), max((shop.sorted / "_journal").glob("*.jsonl"))
    with victims() as forked:
        for kill_at in itertools.count(1):
            with journal.open("ab") as file:
                file.write(TORN)
            killed = forked.run(shop, REBUILD, kill_at)
            make_anew(settings, dry_run=False, force=True, now=0.0, on_progress=lambda *_: None)
            assert that_matter(shop) == before, f"killed at step {kill_at}"
            assert not list(shop.state.glob("*.rebuilding*")), f"killed at step {kill_at}"
            if not killed:
                break
            for kept in shop.state.glob("ledger.1970*"):
                kept.unlink()
    assert kill_at > 20, "hardly any step was seen"
    account.take(shop, shop.photos())


def test_a_full_disk_keeps_the_old_ledger(tmp_path: Path) -> None:
    """Without room for the new ledger the old one stays as it was; with room the same command makes it."""
    shop = busy_shop(tmp_path / "shop")
    before = that_matter(shop)
    kept = tmp_path / "kept"
    shutil.copytree(shop.state, kept)
    with small_disk(shop.state):
        shutil.copytree(kept, shop.state, dirs_exist_ok=True)
        filler = fill(shop.state, leave=16 << 10)
        refused = shop.run("ledger", "rebuild", "--force", check=False)
        assert refused.returncode == ExitCode.TEMPORARY
        assert "bytes are free there" in refused.stderr
        filler.unlink()
        assert that_matter(shop) == before
        rebuild(shop, "--force")
        assert that_matter(shop) == before
