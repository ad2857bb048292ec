"""Another bundle for a running daemon: no photo fails, no line is missing, and each names who decided."""

import json
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from load import SWAPPED, loaded
from support import DATA, LABELS, Shop, eventually, photo, write_bundle

OLD = "tiny/1.0.0"


def chosen(shop: Shop) -> dict[str, Any]:
    """What `active.yaml` says."""
    found: dict[str, Any] = yaml.safe_load((shop.base / "models" / "active.yaml").read_text())
    return found


def choose(shop: Shop, **choice: Any) -> None:
    """Write `active.yaml` by hand."""
    (shop.base / "models" / "new.yaml").write_text(yaml.safe_dump(choice))
    (shop.base / "models" / "new.yaml").rename(shop.base / "models" / "active.yaml")


def add(shop: Shop, version: str, **changed: Any) -> str:
    """Another bundle, not active."""
    return write_bundle(shop.base / "models", version, active=False, **changed)


def status(shop: Shop) -> dict[str, Any]:
    """What `status` tells."""
    found: dict[str, Any] = json.loads(shop.run("status", "--json").stdout)
    return found


def test_a_release_and_a_rollback_under_load(shop: Shop) -> None:
    """Photos come in all the while: each is filed once with one line, by the bundle that its line names."""
    new = add(shop, "1.1.0", labels=SWAPPED)
    with loaded(shop) as load:
        load.go_on()
        said = shop.run("models", "activate", new).stdout
        assert f"{new} is active, and the daemon (process " in said
        assert (status(shop)["serving"], chosen(shop)) == (new, {"active": new, "previous": OLD})
        load.go_on()
        for back in (OLD, new):
            shop.run("models", "rollback")
            assert chosen(shop)["active"] == back
            load.go_on()
        account = load.end()
    assert account.states.keys() == {"sorted"}
    deciders = load.deciders(swapped={new})
    assert deciders.keys() == {OLD, new}
    assert min(deciders.values()) > 30
    assert [event["model"] for event in load.events("model.activated")] == [new, OLD, new]


def test_a_bundle_of_another_input_size_takes_over(shop: Shop) -> None:
    """Under load, from 32 to 48 pixels and back."""
    larger = add(shop, "48.0.0", weights=DATA / "tiny48.tflite", input_size=48)
    with loaded(shop) as load:
        load.go_on()
        shop.run("models", "activate", larger)
        load.go_on()
        shop.run("models", "rollback")
        load.go_on()
        assert load.end().states.keys() == {"sorted"}
    assert load.deciders(swapped=set()).keys() == {OLD, larger}


def spoil_weights(spoil: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Harm the weights, not the manifest."""

    def harm(folder: Path) -> None:
        weights = folder / "model.tflite"
        weights.write_bytes(spoil(weights.read_bytes()))

    return harm


def swap_weights(folder: Path) -> None:
    """Put the weights of another model in their place."""
    shutil.copyfile(DATA / "brittle.tflite", folder / "model.tflite")


def from_the_future(folder: Path) -> None:
    """A manifest of a later version of the program."""
    manifest = folder / "bundle.yaml"
    manifest.write_text(re.sub("(?m)^schema: .*", "schema: 99", manifest.read_text()))


HARMS: dict[str, tuple[dict[str, Any], Callable[[Path], None] | None, str]] = {
    "truncated": ({}, spoil_weights(lambda raw: raw[: len(raw) // 2]), "model.tflite: its SHA-256 is"),
    "swapped": ({}, swap_weights, "model.tflite: its SHA-256 is"),
    "labels": ({"labels": [*LABELS, "pink"]}, None, "model.tflite: the model's output is float32 [1, 5]"),
    "size": ({"input_size": 48}, None, "model.tflite: the model's input is uint8 [1, 32, 32, 3]"),
    "text": ({"weights": Path(__file__)}, None, "model.tflite is no model that can run"),
    "schema": ({}, from_the_future, "bundle.yaml: of a newer refundsorter (schema 99;"),
    "unknown": ({"labels": ["a", "b", "c", "d", "e"]}, None, "gives no category to any label"),
}


def add_harmed(shop: Shop, name: str) -> str:
    """A bundle with something wrong."""
    changed, harm, _ = HARMS[name]
    reference = add(shop, f"2-{name}", **changed)
    if harm:
        harm(shop.base / "models" / reference)
    return reference


def test_verify_tells_every_harm(shop: Shop) -> None:
    """Of each bundle the file that is wrong; the one that is well is told so, and the exit status is 3."""
    harmed = {add_harmed(shop, name): said for name, (_, _, said) in HARMS.items()}
    done = shop.run("models", "verify", "--json", check=False)
    assert done.returncode == 3, done
    problems = {one["model"]: one["problem"] for one in json.loads(done.stdout)}
    assert problems.pop(OLD) is None
    assert problems.keys() == harmed.keys()
    assert [model for model, said in harmed.items() if said not in problems[model]] == []


def test_a_harmed_bundle_is_not_activated(shop: Shop) -> None:
    """It is refused with 78, the file that is wrong; the choice stays, and so does what the daemon serves."""
    before = (shop.base / "models" / "active.yaml").read_bytes()
    with shop.daemon() as daemon:
        for name in ("truncated", "labels"):
            done = shop.run("models", "activate", add_harmed(shop, name), check=False)
            assert done.returncode == 78, done
            assert HARMS[name][2] in done.stderr
        assert (shop.base / "models" / "active.yaml").read_bytes() == before
        assert (status(shop)["serving"], status(shop)["refused"]) == (OLD, None)
        assert daemon.stop() == 0
    assert "model.refused" not in {event["event"] for event in daemon.events}


def test_a_daemon_refuses_what_is_chosen_by_hand(shop: Shop) -> None:
    """A harmed bundle, one that is not there, a broken choice: the old one stays; log and status say why."""
    with shop.daemon() as daemon:
        for name, (_, _, said) in HARMS.items():
            wrong = add_harmed(shop, name)
            choose(shop, active=wrong)
            assert said in daemon.wait_for("model.refused", model=wrong, still=OLD)["trouble"]
        choose(shop, active="tiny/9.9.9")
        assert "tiny/9.9.9" in daemon.wait_for("model.refused", model="tiny/9.9.9")["trouble"]
        (shop.base / "models" / "active.yaml").write_text("active: [")
        assert "active.yaml" in daemon.wait_for("model.refused")["trouble"]
        (shop.base / "models" / "active.yaml").unlink()
        assert "active.yaml" in daemon.wait_for("model.refused", model="no bundle")["trouble"]
        choose(shop, active="tiny/9.9.9")
        daemon.wait_for("model.refused", model="tiny/9.9.9")
        found = status(shop)
        assert (found["serving"], found["model"]) == (OLD, None)
        assert "tiny/9.9.9" in found["refused"]
        assert "decides by tiny/1.0.0, but active.yaml names none that loads" in shop.run("status").stdout
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="a.jpg", category="WARM")
        assert daemon.stop() == 0
    assert [line["model"] for line in shop.lines()] == [OLD]


def test_what_was_refused_is_tried_again_at_a_sighup(shop: Shop) -> None:
    """A taxonomy that cannot be read keeps the old bundle; once it is mended, SIGHUP brings the new one."""
    new = add(shop, "1.1.0")
    taxonomy = shop.config.parent / "taxonomy.yaml"
    good = taxonomy.read_text()
    with shop.daemon() as daemon:
        taxonomy.write_text("categories: [")
        choose(shop, active=new)
        assert "taxonomy.yaml" in daemon.wait_for("model.refused", model=new)["trouble"]
        taxonomy.write_text(good)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("model.activated", model=new, before=OLD)
        assert daemon.stop() == 0


def test_what_the_daemon_refuses_is_put_back(shop: Shop) -> None:
    """The bundle is well for the command, but the daemon's taxonomy is not: 78, and the choice as it was."""
    new, other = add(shop, "1.1.0"), shop.base / "other.yaml"
    taxonomy = shop.config.parent / "taxonomy.yaml"
    with shop.daemon() as daemon:
        shutil.copyfile(taxonomy, other)
        shop.config.write_text(shop.config.read_text() + "taxonomy: other.yaml\n")
        taxonomy.write_text("categories: [")
        done = shop.run("models", "activate", new, check=False)
        assert done.returncode == 78, done
        assert "the daemon (process" in done.stderr
        assert str(taxonomy) in done.stderr
        assert chosen(shop) == {"active": OLD, "previous": None}
        eventually(lambda: status(shop)["refused"] is None, "the daemon sees that it was put back")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("settings.read")
        assert "sorts with it" in shop.run("models", "activate", new).stdout
        assert daemon.stop() == 0


def test_a_release_brings_the_taxonomy_of_its_labels(shop: Shop) -> None:
    """The taxonomy is read with the bundle, so that new labels and their categories come at once."""
    new = add(shop, "1.1.0", labels=["rouge", *LABELS[1:]])
    taxonomy = shop.config.parent / "taxonomy.yaml"
    with shop.daemon() as daemon:
        taxonomy.write_text(
            taxonomy.read_text().replace("WARM:\n    labels: [red]", "HOT:\n    labels: [rouge]")
        )
        shop.run("models", "activate", new)
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="a.jpg", category="HOT")
        assert daemon.stop() == 0


def test_settings_that_are_read_again_judge_the_new_bundle(shop: Shop) -> None:
    """After a release SIGHUP is about the bundle that is served, not the one of the start."""
    new = add(shop, "1.1.0", labels=SWAPPED)
    with shop.daemon() as daemon:
        shop.run("models", "activate", new)
        shop.config.write_text(shop.config.read_text() + "decision: {default_threshold: 1.0}\n")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("settings.read")
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.review", file="a.jpg", category="COLD")
        assert daemon.stop() == 0
    assert [line["model"] for line in shop.lines()] == [new]


@pytest.mark.parametrize("command", [("activate", "tiny/1.1.0"), ("rollback",)])
def test_without_a_daemon_the_next_start_uses_it(shop: Shop, command: tuple[str, ...]) -> None:
    """The command says so, and a sweep then names the new bundle."""
    add(shop, "1.1.0")
    if command == ("rollback",):
        choose(shop, active=OLD, previous="tiny/1.1.0")
    assert "no daemon runs" in shop.run("models", *command).stdout
    shop.drop("a.jpg", photo("red"))
    shop.run("sweep")
    assert [line["model"] for line in shop.lines()] == ["tiny/1.1.0"]
