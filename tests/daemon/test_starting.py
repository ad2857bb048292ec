"""Refused starts: the exit status says whether another try helps, and the message what to do."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support import COMMAND, PATIENCE_S, TAXONOMY, Shop, environment, photo, write_bundle


def test_a_second_daemon_is_refused_with_the_pid_of_the_first(shop: Shop) -> None:
    """Exit 75; the first goes on, and once it has ended the next one starts."""
    with shop.daemon() as first:
        second = shop.run("run", check=False)
        assert second.returncode == 75
        assert second.stderr.startswith("refundsorter: another refundsorter")
        assert f"(pid {first.process.pid})" in second.stderr
        shop.drop("a.jpg", photo("red"))
        first.wait_for("photo.sorted", file="a.jpg")
        assert first.stop() == 0
    with shop.daemon() as next_one:
        assert next_one.stop() == 0


def test_two_daemons_do_not_share_a_shelf(shop: Shop) -> None:
    """One with another state directory is refused with the pid of the first: exit 75."""
    with shop.daemon() as first:
        other = {"REFUNDSORTER_STATE_DIR": str(shop.base / "other state")}
        with subprocess.Popen(
            [*COMMAND, "run", "--config", str(shop.config)],
            stderr=subprocess.PIPE,
            text=True,
            env=environment() | other,
        ) as second:
            _, told = second.communicate(timeout=PATIENCE_S)
        assert second.returncode == 75
        assert f"(pid {first.process.pid})" in told
        assert "give this one a `sorted` of its own" in told
        assert first.stop() == 0


def test_two_daemons_do_not_share_an_inbox(shop: Shop) -> None:
    """One with another state directory and another shelf is refused: exit 75; the first goes on."""
    with shop.daemon() as first:
        other = {name: str(shop.base / f"other {name}") for name in ("STATE_DIR", "SORTED")}
        second = subprocess.run(
            [*COMMAND, "run", "--config", str(shop.config)],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
            env=environment() | {f"REFUNDSORTER_{name}": path for name, path in other.items()},
        )
        assert second.returncode == 75
        assert f"another refundsorter sorts {str(shop.inbox)!r}" in second.stderr
        shop.drop("a.jpg", photo("red"))
        first.wait_for("photo.sorted", file="a.jpg")
        assert first.stop() == 0


def test_a_link_in_the_place_of_the_shelfs_lock_harms_no_ledger(shop: Shop) -> None:
    """Nobody on the shelf can have the ledger overwritten: exit 78, until the link is removed."""
    shop.drop("a.jpg", photo("red"))
    shop.run("sweep")
    ledger, lock = shop.state / "ledger.sqlite3", shop.sorted / "_journal" / "lock"
    lock.unlink()
    lock.symlink_to(ledger)
    before = ledger.read_bytes()
    for command in ("run", "sweep"):
        refused = shop.run(command, check=False)
        assert refused.returncode == 78
        assert refused.stderr.startswith(f"refundsorter: '{lock}' is a link")
        assert "remove it" in refused.stderr
    assert ledger.read_bytes() == before
    lock.unlink()
    shop.run("sweep")


def test_wrong_settings_are_told_all_at_once(shop: Shop) -> None:
    """Exit 78; each problem on a line of its own with its place."""
    shop.config.write_text("watch: {stability_s: -1}\ncolour: blue\nlog:\n  level: loud\n")
    refused = shop.run("run", check=False)
    assert (refused.returncode, refused.stdout) == (78, "")
    head, *problems = refused.stderr.splitlines()
    assert head == "refundsorter: the configuration has 3 problems:"
    for key, line in (("watch.stability_s", 1), ("colour", 2), ("log.level", 4)):
        assert any(f"  - {key}: " in told and f"{shop.config}, line {line}" in told for told in problems)


def test_a_wrong_taxonomy_is_refused(shop: Shop) -> None:
    """Exit 78 with the file and the entry."""
    taxonomy = shop.config.parent / "taxonomy.yaml"
    taxonomy.write_text("categories: {WARM: {labels: red}, _COLD: {labels: [blue]}}\n")
    refused = shop.run("run", check=False)
    assert refused.returncode == 78
    assert f"{taxonomy}: categories.WARM.labels" in refused.stderr
    assert f"{taxonomy}: categories._COLD" in refused.stderr


@pytest.mark.parametrize(
    "text",
    [
        "categories: " + "[" * 3000 + "]" * 3000,
        TAXONOMY + "  WARM:\n    labels: [pink]\n",
        "categories: &a {A: {labels: [*a, *a]}}",
        "categories: !!python/object/apply:os.getpid []",
        "#" * (1 << 20) + TAXONOMY,
    ],
    ids=["nested too deeply", "a category said twice", "an alias", "a tag", "too large"],
)
def test_a_hostile_taxonomy_is_refused(shop: Shop, text: str) -> None:
    """A taxonomy that a parser chokes on, or that would lose a category in silence, is refused."""
    (shop.config.parent / "taxonomy.yaml").write_text(text)
    ended = shop.run("config", "check", check=False)
    assert ended.returncode == 78
    assert "taxonomy.yaml" in ended.stderr
    assert "Traceback" not in ended.stderr


def flip_a_byte(shop: Shop) -> None:
    """Damage the weights where no length changes."""
    weights = shop.base / "models" / "tiny" / "1.0.0" / "model.tflite"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)


def remove_weights(shop: Shop) -> None:
    """Lose the weights."""
    (shop.base / "models" / "tiny" / "1.0.0" / "model.tflite").unlink()


def choose_nothing(shop: Shop) -> None:
    """Forget which bundle is active."""
    (shop.base / "models" / "active.yaml").unlink()


def choose_another(shop: Shop) -> None:
    """Name a bundle that is not there."""
    (shop.base / "models" / "active.yaml").write_text("active: tiny/9.9.9\n")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flip_a_byte, "it was changed or cut short; restore it, or train again"),
        (remove_weights, "model.tflite: cannot be read"),
        (choose_nothing, "should say `active: name/version`, one of: tiny/1.0.0"),
        (choose_another, "tiny/9.9.9: there is no such bundle"),
    ],
)
def test_a_bundle_that_is_not_whole_is_refused(shop: Shop, damage: Callable[[Shop], None], said: str) -> None:
    """Exit 78, and the message says what is wrong; with the bundle made good it starts."""
    damage(shop)
    refused = shop.run("run", check=False)
    assert refused.returncode == 78
    assert refused.stderr.startswith("refundsorter: ")
    assert said in refused.stderr
    write_bundle(shop.base / "models", "1.0.1")
    with shop.daemon() as daemon:
        assert daemon.stop() == 0


@pytest.mark.parametrize("command", ["run", "sweep", "status"])
def test_a_ledger_of_a_newer_version_is_refused(shop: Shop, command: str) -> None:
    """Exit 78; the message names both versions and what to do, and the ledger is as it was."""
    shop.run("sweep")
    ledger = shop.state / "ledger.sqlite3"
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA user_version = 99")
    refused = shop.run(command, check=False)
    assert refused.returncode == 78
    assert "ledger version 99; this one knows" in refused.stderr
    assert "Install that version" in refused.stderr
    with closing(sqlite3.connect(ledger)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)


@pytest.mark.parametrize("command", ["run", "sweep", "status"])
def test_a_file_that_is_no_ledger_is_refused(shop: Shop, command: str) -> None:
    """Exit 78; nothing is written into it."""
    shop.state.mkdir()
    (shop.state / "ledger.sqlite3").write_bytes(b"no ledger at all " * 100)
    refused = shop.run(command, check=False)
    assert refused.returncode == 78
    assert "this is no ledger, or it is damaged" in refused.stderr
    assert (shop.state / "ledger.sqlite3").read_bytes() == b"no ledger at all " * 100


def test_tensorflow_is_never_loaded(shop: Shop) -> None:
    """A daemon that has sorted a photo has neither TensorFlow nor Keras in its memory."""
    with shop.daemon() as daemon:
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted")
        maps = Path(f"/proc/{daemon.process.pid}/maps").read_text()
        assert daemon.stop() == 0
    assert "/ai_edge_litert/" in maps
    assert not [line for line in maps.splitlines() if "/tensorflow/" in line or "/keras/" in line]


def test_tensorflow_is_never_imported(shop: Shop) -> None:
    """Of all modules that the daemon imports up to ready, none is TensorFlow's or Keras'."""
    command = [sys.executable, "-X", "importtime", *COMMAND[1:], "run", "--config", str(shop.config)]
    imported = set()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("{") and json.loads(line)["event"] == "ready":
                process.terminate()
                break
            imported.add(line.rpartition("|")[2].strip().partition(".")[0])
        process.stderr.read()
    assert process.returncode == 0
    assert {"refundsorter", "ai_edge_litert", "sqlalchemy"} <= imported
    assert imported.isdisjoint({"tensorflow", "keras", "tf_keras"})
