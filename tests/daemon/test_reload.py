"""SIGHUP: what may change does so at once, what needs a restart is named, what is wrong changes nothing."""

import shutil
import signal
from pathlib import Path
from typing import Any

from support import TAXONOMY, Running, Shop, eventually, photo

USUAL = "watch: {stability_s: 0.05}\nbatch: {workers: 2}\n"


def reload(shop: Shop, daemon: Running, settings: str, *, event: str = "settings.read") -> dict[str, Any]:
    """Write new settings and have them read; what the daemon says to them."""
    shop.config.write_text(settings)
    daemon.process.send_signal(signal.SIGHUP)
    return daemon.wait_for(event)


def test_a_new_threshold_takes_effect(shop: Shop) -> None:
    """A photo that was sure enough before goes to review."""
    with shop.daemon() as daemon:
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="a.jpg")
        told = reload(shop, daemon, USUAL + "decision: {default_threshold: 1.0}\n")
        assert (told["changed"], told["need_restart"]) == (["decision.default_threshold"], [])
        shop.drop("b.jpg", photo("red", seed=1))
        daemon.wait_for("photo.review", file="b.jpg")
        assert daemon.stop() == 0
    assert (shop.sorted / "_review" / "WARM" / "b.jpg").exists()


def test_a_new_taxonomy_takes_effect(shop: Shop) -> None:
    """Its content is read again although no setting changed; the next photo goes to the new folder."""
    with shop.daemon() as daemon:
        (shop.config.parent / "taxonomy.yaml").write_text(TAXONOMY.replace("WARM", "HOT"))
        assert reload(shop, daemon, shop.config.read_text())["changed"] == ["taxonomy"]
        assert reload(shop, daemon, shop.config.read_text())["changed"] == []
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="a.jpg", category="HOT")
        assert daemon.stop() == 0


def test_another_taxonomy_takes_effect(shop: Shop) -> None:
    """The setting that names the file is live as well."""
    (shop.base / "other.yaml").write_text(TAXONOMY.replace("WARM", "HOT"))
    with shop.daemon() as daemon:
        assert reload(shop, daemon, USUAL + "taxonomy: other.yaml\n")["changed"] == ["taxonomy"]
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="a.jpg", category="HOT")
        assert daemon.stop() == 0


def test_a_new_log_level_takes_effect(shop: Shop) -> None:
    """After the change to `error` is told, nothing that goes well is told any more."""
    with shop.daemon() as daemon:
        reload(shop, daemon, USUAL + "log: {level: error}\n")
        shop.drop("a.jpg", photo("red"))
        eventually((shop.sorted / "WARM" / "a.jpg").exists, "the photo is sorted")
        assert daemon.stop() == 0
    assert daemon.events[-1]["event"] == "settings.read"


def test_a_new_stability_takes_effect(shop: Shop, tmp_path: Path) -> None:
    """A file that had an hour to wait is sorted as soon as the time is shortened."""
    shop.config.write_text("watch: {stability_s: 3600}\n")
    (tmp_path / "a.jpg").write_bytes(photo("red"))
    with shop.daemon() as daemon:
        shutil.copyfile(tmp_path / "a.jpg", shop.inbox / "copied.jpg")
        shop.drop("renamed.jpg", photo("red", seed=1))
        daemon.wait_for("photo.sorted", file="renamed.jpg")
        assert (shop.inbox / "copied.jpg").exists()
        reload(shop, daemon, USUAL)
        daemon.wait_for("photo.sorted", file="copied.jpg")
        assert daemon.stop() == 0


def test_what_needs_a_restart_is_named(shop: Shop) -> None:
    """Also at the next SIGHUP, for as long as the daemon runs by the old value."""
    changed = USUAL + "sweep: {chunk_size: 10}\nimage: {min_side: 20}\n"
    with shop.daemon() as daemon:
        told = reload(shop, daemon, changed)
        assert (told["changed"], told["need_restart"]) == ([], ["image.min_side", "sweep.chunk_size"])
        told = reload(shop, daemon, changed)
        assert told["need_restart"] == ["image.min_side", "sweep.chunk_size"]
        assert reload(shop, daemon, USUAL)["need_restart"] == []
        assert daemon.stop() == 0


def test_wrong_settings_change_nothing(shop: Shop) -> None:
    """Every problem is logged, and the daemon goes on by the old settings."""
    with shop.daemon() as daemon:
        wrong = "watch: {stability_s: -1}\nlog: {level: loud}\ncolour: blue\n"
        problems = reload(shop, daemon, wrong, event="settings.refused")["problems"]
        assert all(key in problems for key in ("watch.stability_s", "log.level", "colour"))
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="a.jpg", category="WARM")
        assert daemon.stop() == 0


def test_a_wrong_taxonomy_changes_nothing(shop: Shop) -> None:
    """Not even the settings that were changed with it and are right."""
    with_threshold = USUAL + "decision: {default_threshold: 1.0}\n"
    with shop.daemon() as daemon:
        (shop.config.parent / "taxonomy.yaml").write_text("categories: {WARM: {labels: red}}\n")
        problems = reload(shop, daemon, with_threshold, event="settings.refused")["problems"]
        assert "categories.WARM.labels" in problems
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="a.jpg", category="WARM")
        assert daemon.stop() == 0


def test_the_environment_still_overrides(shop: Shop) -> None:
    """A variable that was given at start is obeyed when the file is read again."""
    with shop.daemon(REFUNDSORTER_DECISION__DEFAULT_THRESHOLD="0.5") as daemon:
        told = reload(shop, daemon, USUAL + "decision: {default_threshold: 1.0}\n")
        assert told["changed"] == []
        assert daemon.stop() == 0
