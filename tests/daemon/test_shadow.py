"""A candidate in the shadow of a running daemon: it answers a share of the photos, and moves none."""

import json
from typing import Any

from load import SWAPPED, loaded
from support import DATA, LABELS, Shop, eventually, photo, write_bundle
from workbench import rows

from refundsorter.core.shadow import is_chosen

OLD = "tiny/1.0.0"
ANSWERED = "SELECT model, image, category, label, filed FROM shadow ORDER BY model, image"


def add(shop: Shop, version: str, **changed: Any) -> str:
    """Another bundle, not active."""
    return write_bundle(shop.base / "models", version, active=False, **changed)


def record(shop: Shop, *candidate: str) -> dict[str, Any]:
    """What `models shadow` tells."""
    found: dict[str, Any] = json.loads(shop.run("models", "shadow", *candidate, "--json").stdout)
    return found


def test_a_candidate_answers_its_share_under_load(shop: Shop) -> None:
    """Of what came in meanwhile just the chosen contents are answered; each photo stays the active one's."""
    new = add(shop, "1.1.0", labels=SWAPPED, thresholds={"WARM": 1.0})
    with loaded(shop) as load:
        load.go_on()
        assert "answers 50% of live photos" in shop.run("models", "shadow", new, "--share", "0.5").stdout
        load.go_on(100)
        shop.run("models", "shadow", "--stop")
        load.go_on()
        assert load.end().states.keys() == {"sorted"}
    assert load.deciders(swapped={new}).keys() == {OLD}, "no photo was decided by the candidate"
    assert load.events("shadow.failed") == []
    answers = {row["image"]: row for row in rows(shop, ANSWERED)}
    lines = {line["id"]: line for line in shop.lines()}
    during = [one for one in lines if min(answers) <= one <= max(answers)]
    assert len(during) > 80
    assert {one for one in during if is_chosen(lines[one]["sha256"], 0.5)} == answers.keys()
    swapped = dict(zip(LABELS, SWAPPED, strict=True))
    assert all(row["label"] == swapped[lines[one]["label"]] for one, row in answers.items())
    found = record(shop, new)
    assert (found["model"], found["beside"], found["share"], found["left_out"]) == (new, OLD, 0.0, 0)
    compared = found["comparison"]
    assert compared["overall"]["photos"] == len(answers)
    assert compared["categories"]["PLAIN"]["share"] == 1.0
    assert compared["categories"]["WARM"]["agreed"] == 0, "it calls red things green"
    assert {(one["active"], one["candidate"]) for one in compared["disagreements"]} == {
        ("WARM", "COLD"),
        ("COLD", "WARM"),
    }
    assert compared["filed_by_active"] == sum(row["category"] == "WARM" for row in answers.values())
    assert compared["filed_by_none"] == compared["filed_by_candidate"] == 0


def test_a_restart_keeps_the_candidate(shop: Shop) -> None:
    """It stands in `active.yaml`; a sweep, whose photos are not live, asks it nothing, nor does a copy."""
    new = add(shop, "1.1.0")
    assert "no daemon runs" in shop.run("models", "shadow", new, "--share", "1").stdout
    shop.drop("swept.jpg", photo("red", seed=1))
    shop.run("sweep")
    with shop.daemon() as daemon:
        daemon.wait_for("model.shadow", model=new, share=1.0)
        for name, seed in (("a.jpg", 2), ("copy.jpg", 2), ("b.jpg", 3)):
            shop.drop(name, photo("red", seed=seed))
            daemon.wait_for("photo.sorted", file=name)
        eventually(lambda: len(rows(shop, ANSWERED)) == 2, "both contents are answered")
        status = shop.run("status").stdout
        assert daemon.stop() == 0
    assert f"{new} is tried in its shadow" in status
    names = {line["id"]: line["file"] for line in shop.lines()}
    assert [names[row["image"]] for row in rows(shop, ANSWERED)] == ["a.jpg", "b.jpg"]
    assert "2 of 2 photos (100.0%" in shop.run("models", "shadow").stdout


def test_a_candidate_that_fails_harms_no_photo(shop: Shop) -> None:
    """It dies over red photos: they are sorted all the same, the log says why, the others are answered."""
    brittle = add(shop, "2.0.0", weights=DATA / "brittle.tflite")
    with shop.daemon() as daemon:
        shop.run("models", "shadow", brittle, "--share", "1")
        for colour in ("red", "blue"):
            shop.drop(f"{colour}.jpg", photo(colour))
            daemon.wait_for("photo.sorted", file=f"{colour}.jpg")
            if colour == "red":
                assert "gather" in daemon.wait_for("shadow.failed")["trouble"]
        eventually(lambda: bool(rows(shop, ANSWERED)), "the blue one is answered")
        assert daemon.stop() == 0
    names = {line["id"]: line["file"] for line in shop.lines()}
    assert [names[row["image"]] for row in rows(shop, ANSWERED)] == ["blue.jpg"]


def test_a_candidate_of_another_input_size_is_refused(shop: Shop) -> None:
    """By the command with 78, and by a daemon that finds it in the file; the active one sorts on."""
    larger = add(shop, "48.0.0", weights=DATA / "tiny48.tflite", input_size=48)
    choice = shop.base / "models" / "active.yaml"
    with shop.daemon() as daemon:
        done = shop.run("models", "shadow", larger, "--share", "0.2", check=False)
        assert done.returncode == 78, done
        assert "a shadow shares the active bundle's pixels" in done.stderr
        assert "shadow" not in choice.read_text()
        choice.write_text(f"active: {OLD}\nshadow: {larger}\nshare: 0.2\n")
        assert "48 px" in daemon.wait_for("shadow.refused", model=larger)["trouble"]
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.sorted", file="a.jpg")
        assert "Refused: tiny/48.0.0 looks at 48 px" in shop.run("status").stdout
        assert daemon.stop() == 0


def test_a_trial_is_told_from_its_record(shop: Shop) -> None:
    """Without a candidate, with a share of nothing or both options nothing begins, and it is said why."""
    nobody = shop.run("models", "shadow", check=False)
    assert (nobody.returncode, "--share 0.2" in nobody.stderr) == (78, True)
    assert shop.run("models", "shadow", "--share", "0.2", check=False).returncode == 2
    assert shop.run("models", "shadow", OLD, "--share", "0", check=False).returncode == 2
    assert shop.run("models", "shadow", OLD, "--share", "0.2", "--stop", check=False).returncode == 2
    active = shop.run("models", "shadow", OLD, "--share", "0.2", check=False)
    assert (active.returncode, "is active" in active.stderr) == (78, True)
    assert "has not answered any photo yet" in shop.run("models", "shadow", "tiny/3.0.0").stdout
