import re
from dataclasses import asdict

import numpy as np
from support import TINY, Shop
from trials import judge

from refundsorter.core.bundle import DataSource
from refundsorter.core.share import Share
from refundsorter.training import charts
from refundsorter.training.card import HELD_OUT, OTHER_SHOPS, UNQUANTISED, shown, write_card
from refundsorter.training.evaluate import Measure, measure
from refundsorter.training.recipe import Recipe
from refundsorter.training.speed import Speed, speed_of

CATEGORIES = ("COLD", "PLAIN", "WARM")


def measured(wrong: int) -> Measure:
    """Ten photos of each of two categories at 0.9, some of the last one taken for COLD."""
    truth = np.repeat([0, 2], 10)
    said = truth.copy()
    said[len(said) - wrong :] = 0
    odds = np.full((20, 3), 0.05)
    odds[np.arange(20), said] = 0.9
    return measure(odds, truth, CATEGORIES, dict.fromkeys(CATEGORIES, 0.5))


def card(shop: Shop, measures: dict[str, Measure], recipe: Recipe | None) -> str:
    """The card of the shop's bundle."""
    manifest = judge(shop)[0].manifest
    data = (
        DataSource(name="a|b", photos=5, licence="MIT"),
        DataSource(name="c\n<b>", photos=7, licence="MIT"),
    )
    bundle = type(manifest)(**{**{key: getattr(manifest, key) for key in manifest.__slots__}, "data": data})
    return write_card(
        bundle,
        measures,
        recipe=recipe,
        seed=3,
        precision=0.9,
        notes=("All of it is drawn by a program.",),
        size=3_210_000,
        speed=Speed(inference_ms=2.34, processor="A Processor"),
        held_back=Share(hits=19, of=20) if measures else None,
    )


def test_the_card_tells_facts_of_the_bundle_and_its_measures(shop: Shop) -> None:
    """Size, speed, hash, sources, licences, recipe, and the figures of both sets, each under its name."""
    recipe = Recipe()
    told = card(shop, {HELD_OUT: measured(0), OTHER_SHOPS: measured(5), UNQUANTISED: measured(4)}, recipe)
    for fact in (
        "3.21 MB",
        "2.3 ms a photo on one core of A Processor",
        judge(shop)[0].manifest.sha256,
        "| a/b | 5 | MIT |",
        r"| c\n&lt;b> | 7 | MIT |",
        "| MIT | 12 |",
        "12 photos",
        "All of it is drawn by a program.",
        "held back for a person 95.0% (19 of 20;",
        "from the seed 3;",
        "right category, of all photos: 75.0% (15 of 20;",
        "Before quantisation, the right category of all photos: 80.0% (16 of 20;",
    ):
        assert fact in told
    assert all(f"{key}: " in told for key in asdict(recipe))
    across, inside = (
        told.index(f"## Accuracy {words}") for words in ("across sources", "across the training's own")
    )
    assert across < told.index("75.0%") < inside < told.index("of all photos: 100.0%")


def test_the_card_names_weak_categories_and_confusions(shop: Shop) -> None:
    """Half of WARM is taken for COLD: both facts stand there; nothing weak is said of the held-out photos."""
    told = card(shop, {HELD_OUT: measured(0), OTHER_SHOPS: measured(5)}, None)
    weak = told.partition("## Known weaknesses")[2].partition("\n## ")[0]
    assert "other shops: fewer than 60% of the photos were found of WARM (5 of 10)." in weak
    assert "WARM for COLD (5)" in weak
    assert "held out: fewer" not in weak


def test_what_was_not_measured_is_said(shop: Shop) -> None:
    """Without photos of other shops the card says so first, and has no figure of them."""
    told = card(shop, {HELD_OUT: measured(0)}, None)
    assert "Not measured: no photos of other sources were given." in told
    assert "refundsorter train" not in told


def test_a_bundle_that_came_without_measures_claims_none(shop: Shop) -> None:
    """No thresholds, no measures, no recipe: the card says so and has no figure and no picture."""
    told = card(shop, {}, None)
    assert "None was chosen for this bundle" in told
    assert "Not measured" in told
    assert "how much of it is held back was not measured" in told
    assert "interval" not in told
    assert ".svg" not in told


def test_every_picture_that_the_card_links_is_made(shop: Shop) -> None:
    """The links are the files that lie beside it, neither more nor fewer."""
    measures = {
        HELD_OUT: measured(0),
        OTHER_SHOPS: measured(5),
        UNQUANTISED: measured(4),
        "rooms": measured(1),
    }
    linked = re.findall(r"!\[[^]]*\]\(([^)]+)\)", card(shop, measures, Recipe()))
    made = charts.files(shown(measures))
    assert linked == list(made)
    assert len(made) == 3 * len(charts.CHARTS)
    assert all(content.startswith(b"<svg ") for content in made.values())


def test_speed_is_measured_on_the_model() -> None:
    """A model of 3 KB takes some time, and less than ten milliseconds; the processor has a name."""
    speed = speed_of(TINY.read_bytes(), 5, 32)
    assert 0 < speed.inference_ms < 10
    assert speed.processor
    assert speed.figures() == {"inference_ms": round(speed.inference_ms, 3)}
