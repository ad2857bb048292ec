"""The commands on bundles without a daemon: what they print, what they remove, and what they refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from support import LABELS, Shop, every_file, make_shop, photo, write_bundle
from workbench import rows

from refundsorter.core.decision import Thresholds, decide
from refundsorter.core.image import Answer

OLD = "tiny/1.0.0"


def add(shop: Shop, version: str, **changed: Any) -> str:
    """Another bundle, not active."""
    return write_bundle(shop.base / "models", version, active=False, **changed)


def test_the_list_names_every_bundle_and_its_use(shop: Shop) -> None:
    """Its date, labels, size and best accuracy; a manifest that cannot be read is told below."""
    figures = {"held_out_accuracy": 0.9, "other_shops_accuracy": 0.741, "other_shops_float_accuracy": 0.8}
    new = add(shop, "1.1.0", metrics=figures, created="2026-02-03T00:00:00Z")
    broken = add(shop, "1.2.0")
    (shop.base / "models" / broken / "bundle.yaml").write_text("name: tiny\n")
    shop.run("models", "activate", new)
    told = shop.run("models", "list").stdout
    lines = {words[0]: words[1:] for line in told.splitlines() if (words := line.split())}
    assert lines[new][:2] == ["2026-02-03", "5"]
    assert lines[new][-4:] == ["74.1%", "other", "shops", "active"]
    assert lines[OLD][-1] == "previous"
    assert f"{broken} cannot be read" in told
    assert "labels: missing" in told
    found = {one["model"]: one for one in json.loads(shop.run("models", "list", "--json").stdout)}
    assert (found[new]["accuracy"], found[new]["accuracy_of"]) == (0.741, "other_shops_accuracy")
    assert [found[one]["use"] for one in (OLD, new, broken)] == ["previous", "active", None]


def test_a_bundle_is_shown(shop: Shop) -> None:
    """The active one unless another is named; every label is in the JSON."""
    new = add(shop, "1.1.0", thresholds={"WARM": 0.75})
    told = shop.run("models", "show").stdout
    assert f"{OLD} (active)" in told
    assert "32 × 32 px" in told
    found = json.loads(shop.run("models", "show", new, "--json").stdout)
    assert found["manifest"]["labels"] == list(LABELS)
    assert (found["manifest"]["thresholds"], found["use"]) == ({"WARM": 0.75}, None)
    assert Path(found["card"]).read_text() == "A model for tests.\n"
    assert "0.75" in shop.run("models", "show", new).stdout


@pytest.mark.parametrize("command", ["show", "verify", "activate"])
def test_a_bundle_that_is_not_there_is_told(shop: Shop, command: str) -> None:
    """The message names the folder that is missing, and where the others are told."""
    done = shop.run("models", command, "tiny/9.9.9", check=False)
    assert done.returncode == (3 if command == "verify" else 78)
    assert "tiny/9.9.9: there is no such bundle; `refundsorter models list`" in done.stdout + done.stderr


def test_a_rollback_without_a_previous_one_is_refused(shop: Shop) -> None:
    """It says how to choose one."""
    done = shop.run("models", "rollback", check=False)
    assert (done.returncode, "models activate NAME/VERSION" in done.stderr) == (78, True)


def test_labels_outside_the_taxonomy_are_told_but_no_failure(shop: Shop) -> None:
    """A label without a category sends its photos to review: verify says so and ends with 0."""
    new = add(shop, "1.1.0", labels=["rouge", *LABELS[1:]])
    done = shop.run("models", "verify", new)
    assert "ok" in done.stdout
    assert "no category has the model's 'rouge'" in done.stdout


def test_a_prune_removes_what_nobody_needs(shop: Shop) -> None:
    """Never the active, the previous or the tried one; of the others the newest stay; first it says what."""
    for day in range(1, 6):
        add(shop, f"0.{day}.0", created=f"2025-01-0{day}T00:00:00Z")
    shop.run("models", "activate", "tiny/0.1.0")
    shop.run("models", "shadow", "tiny/0.2.0", "--share", "0.5")
    rehearsed = shop.run("models", "prune", "--keep", "1", "--dry-run").stdout
    assert "Nothing was removed. A prune now would remove:" in rehearsed
    assert len(list((shop.base / "models").glob("*/*/bundle.yaml"))) == 6
    gone = json.loads(shop.run("models", "prune", "--keep", "1", "--json").stdout)
    assert gone["removed"].keys() == {"tiny/0.3.0", "tiny/0.4.0"}
    assert gone["bytes"] == sum(gone["removed"].values()) > 5_000
    left = sorted(path.name for path in (shop.base / "models" / "tiny").iterdir())
    assert left == ["0.1.0", "0.2.0", "0.5.0", "1.0.0"]
    assert "Nothing to remove" in shop.run("models", "prune", "--keep", "1").stdout


def test_nothing_is_pruned_when_it_is_not_known_what_is_in_use(shop: Shop) -> None:
    """A choice that cannot be read is no leave to remove."""
    add(shop, "1.1.0")
    (shop.base / "models" / "active.yaml").write_text("active: [")
    assert shop.run("models", "prune", "--keep", "0", check=False).returncode == 78
    assert len(list((shop.base / "models").glob("*/*/bundle.yaml"))) == 2


def test_another_threshold_is_decided_from_the_ledger(shop: Shop) -> None:
    """Category and confidence stand there: what would be filed is told without asking the model again."""
    colours = ("red", "green", "blue", "white")
    for seed, colour in enumerate(colours):
        shop.drop(f"{colour}.jpg", photo(colour, seed=seed, size=(20 + 30 * seed, 40)))
    shop.run("sweep")
    confidences = sorted(row["confidence"] for row in rows(shop))
    middle = (confidences[1] + confidences[2]) / 2
    thresholds = Thresholds(taxonomy={}, bundle={}, default=middle)
    redecided = {row["sha256"]: decide(_answer(row), thresholds).state.value for row in rows(shop)}
    again = make_again(shop, middle)
    assert {line["sha256"]: line["state"] for line in again.lines()} == redecided
    assert sorted(redecided.values()) == ["review", "review", "sorted", "sorted"]


def _answer(row: dict[str, Any]) -> Answer:
    return Answer(
        category=row["category"],
        label=row["label"],
        confidence=row["confidence"],
        top_predictions=(),
        width=row["width"],
        height=row["height"],
    )


def make_again(shop: Shop, threshold: float) -> Shop:
    """The same photos in another shop with that threshold, sorted."""
    other = make_shop(shop.base / "again", f"decision: {{default_threshold: {threshold!r}}}\n")
    for path in every_file(shop.sorted):
        if "_journal" not in path.parts:
            other.drop(path.name, path.read_bytes())
    other.run("sweep")
    return other
