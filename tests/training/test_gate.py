"""The gate: a candidate that is worse than the active bundle, on the same photos, is refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import LABELS, TINY, Shop, make_shop, photo

from refundsorter.core.share import Share
from refundsorter.edges.bundle import BundleStore
from refundsorter.training.gate import Comparison, Outcome, Paired, chance_of_losses

COLD_IS_WARM = {"red": "green", "green": "red"}  # a bundle whose labels are named so is wrong about both


def paired(only_candidate: int, only_against: int, of: int = 100) -> Paired:
    """Counts of two bundles that are both right about half of the rest."""
    both = (of - only_candidate - only_against) // 2
    return Paired(
        candidate=Share(hits=both + only_candidate, of=of),
        against=Share(hits=both + only_against, of=of),
        only_candidate=only_candidate,
        only_against=only_against,
    )


def comparison(right: Paired, filed_right: Paired | None = None, photos: int = 100) -> Comparison:
    """A comparison with these counts."""
    return Comparison(
        candidate="tiny/2.0.0",
        against="tiny/1.0.0",
        photos=photos,
        right=right,
        filed_right=filed_right or paired(0, 0),
        precision=(Share(hits=0, of=0), Share(hits=0, of=0)),
    )


@pytest.mark.parametrize(
    ("losses", "tosses", "chance"), [(0, 0, 1.0), (4, 4, 1 / 16), (5, 5, 1 / 32), (9, 10, 11 / 1024)]
)
def test_the_chance_is_exact(losses: int, tosses: int, chance: float) -> None:
    """The tail of the binomial distribution, to the last digit."""
    assert chance_of_losses(losses, tosses) == chance


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_chance_falls_with_every_loss(wins: int, losses: int) -> None:
    """One more loss among as many is never likelier, and the two tails hold every case between them."""
    tosses = wins + losses
    chance = chance_of_losses(losses, tosses)
    assert 0 < chance <= 1
    assert chance_of_losses(losses + 1, tosses) <= chance
    assert chance_of_losses(0, tosses) == 1
    assert chance + chance_of_losses(wins + 1, tosses) == pytest.approx(1)


def test_what_is_worse_is_refused_with_the_reason() -> None:
    """Five photos that only the active bundle gets right, and none the other way, are beyond noise."""
    found = comparison(paired(0, 5))
    assert found.outcome(allow_few=True) is Outcome.WORSE
    (reason,) = found.reasons
    assert reason.startswith("tiny/2.0.0 gives the right category less often than tiny/1.0.0: 5 photos only")
    assert comparison(paired(0, 4)).outcome(allow_few=False) is Outcome.PASSED
    assert comparison(paired(9, 0), paired(0, 5)).outcome(allow_few=False) is Outcome.WORSE


def test_few_photos_pass_only_where_that_is_allowed() -> None:
    """Below 50 photos nothing passes by itself; none at all never passes."""
    assert comparison(paired(0, 0), photos=49).outcome(allow_few=False) is Outcome.TOO_FEW
    assert comparison(paired(0, 0), photos=49).outcome(allow_few=True) is Outcome.PASSED
    assert comparison(paired(0, 0, of=0), photos=0).outcome(allow_few=True) is Outcome.TOO_FEW
    assert comparison(paired(0, 0), photos=50).outcome(allow_few=False) is Outcome.PASSED


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Path]:
    """A shop with bundles as good as the active one, worse, or that know less; and photos to tell by."""
    base = tmp_path_factory.mktemp("gate")
    shop = make_shop(base / "shop")
    add(shop, "2.0.0", {})
    add(shop, "3.0.0", COLD_IS_WARM)
    add(shop, "4.0.0", {"red": "magenta"})
    add(shop, "5.0.0", {}, thresholds={"WARM": 1.0, "COLD": 1.0})
    for category, colour in {"WARM": "red", "COLD": "green"}.items():
        (base / "photos" / category).mkdir(parents=True)
        for seed in range(1, 31):
            (base / "photos" / category / f"{seed}.png").write_bytes(photo(colour, form="PNG", seed=seed))
    (base / "photos" / "COLD" / "broken.jpg").write_bytes(b"no photo")
    return shop, base / "photos"


def add(
    shop: Shop, version: str, names: Mapping[str, str], thresholds: Mapping[str, float] | None = None
) -> None:
    """Add the tiny bundle once more, some of its labels under other names."""
    store = BundleStore(shop.base / "models")
    manifest = store.active().manifest.to_mapping()
    del manifest["sha256"]
    labels = [names.get(label, label) for label in LABELS]
    manifest |= {"version": version, "labels": labels, "thresholds": dict(thresholds or {})}
    store.write(manifest, TINY.read_bytes(), "A model for tests.\n")


def gate(shop: Shop, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the command; the exit status and what it answers."""
    ended = shop.run("models", "gate", *arguments, "--json", check=False)
    return ended.returncode, json.loads(ended.stdout)


def test_an_equal_bundle_passes(gated: tuple[Shop, Path]) -> None:
    """A bundle with the same answers passes, and the photo that is none is left out and told."""
    shop, photos = gated
    ended = shop.run("models", "gate", "tiny/2.0.0", "--data", str(photos), check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Passed: nothing says that tiny/2.0.0 is worse than tiny/1.0.0." in ended.stdout
    assert "60 photos" in ended.stdout
    assert "broken.jpg: left out" in ended.stderr


def test_a_worse_bundle_is_refused(gated: tuple[Shop, Path]) -> None:
    """A bundle that takes one category for the other is refused with the reason, and its status is 3."""
    shop, photos = gated
    status, found = gate(shop, "tiny/3.0.0", "--data", str(photos))
    assert (status, found["verdict"]) == (3, "worse")
    assert found["right"]["only_against"] == 60
    assert "gives the right category less often" in found["reasons"][0]


def test_a_category_that_a_bundle_cannot_give_is_wrong(gated: tuple[Shop, Path]) -> None:
    """A bundle without a label of WARM has every photo of it wrong; the one that knows it passes."""
    shop, photos = gated
    status, found = gate(shop, "tiny/4.0.0", "--data", str(photos))
    assert (status, found["right"]["candidate"]["hits"]) == (3, 30)
    status, found = gate(shop, "tiny/1.0.0", "--against", "tiny/4.0.0", "--data", str(photos))
    assert (status, found["verdict"]) == (0, "passed")


def test_a_bundle_that_files_less_is_refused(gated: tuple[Shop, Path]) -> None:
    """As many right answers are not enough where the thresholds file fewer of them."""
    shop, photos = gated
    status, found = gate(shop, "tiny/5.0.0", "--data", str(photos))
    assert (status, found["right"]["p_value"]) == (3, 1.0)
    assert "files in the right category less often" in found["reasons"][0]


def test_without_photos_nothing_passes(gated: tuple[Shop, Path]) -> None:
    """Where nobody has corrected anything, and no photos are named, there is nothing to tell by."""
    shop, _ = gated
    status, found = gate(shop, "tiny/3.0.0", "--allow-few")
    assert (status, found["photos"], found["verdict"]) == (3, 0, "too_few")


def test_a_bundle_is_not_held_against_itself(gated: tuple[Shop, Path]) -> None:
    """The active bundle as candidate is a slip on the command line."""
    ended = gated[0].run("models", "gate", "tiny/1.0.0", check=False)
    assert ended.returncode == 2
    assert "tiny/1.0.0 is the bundle it is held against" in ended.stderr
