"""`refundsorter drift` over a real ledger of many weeks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import yaml
from stages import IDENTITY, record
from support import Shop

from refundsorter import settings as configuration
from refundsorter.core.drift import Verdict
from refundsorter.core.image import Ranked
from refundsorter.drift import DAY_S, Drift, NothingSorted, measure
from refundsorter.edges import plain_yaml
from refundsorter.edges.ledger_rebuild import LedgerBuilder
from refundsorter.edges.ledger_schema import FILE
from refundsorter.exits import ExitCode

MODEL = "tiny/1.0.0"  # of the tests' shops
START = 1_767_225_600.0  # 2026-01-01
PER_DAY = 90
CATEGORIES = ("COLD", "PLAIN", "WARM")
USUAL = (0.5, 0.2, 0.3)


class Weeks:
    """A ledger that grows by days of photos, drawn by chance."""

    def __init__(self, builder: LedgerBuilder) -> None:
        self._builder = builder
        self._draws = np.random.default_rng(3)
        self._number = 0
        self.days = 0

    def add(self, days: int, *, mix: tuple[float, ...] = USUAL, sure: float = 8.0) -> None:
        """More days; the higher `sure`, the higher the confidence."""
        for _ in range(days):
            for category in self._draws.choice(CATEGORIES, PER_DAY, p=mix):
                self._photo(str(category), round(float(self._draws.beta(sure, 2)), 4))
            self.days += 1

    def _photo(self, category: str, confidence: float) -> None:
        self._number += 1
        at = START + (self.days + self._number % PER_DAY / PER_DAY) * DAY_S
        top = (Ranked(rank=1, label="x", category=category, confidence=confidence),)
        one = replace(
            record(self._number, at=at),
            model=MODEL,
            category=category,
            confidence=confidence,
            top_predictions=top,
        )
        self._builder.add(one, root="/inbox", identity=IDENTITY)


@contextmanager
def weeks(shop: Shop) -> Iterator[Weeks]:
    """A ledger in the making; it is there afterwards."""
    shop.state.mkdir(exist_ok=True)
    builder = LedgerBuilder(str(shop.state / FILE))
    made = Weeks(builder)
    yield made
    builder.publish(highest_id=10**6, checkpoint=None, aside=str(shop.state / "aside"))


def after(shop: Shop, days: int) -> Drift:
    """What is found after so many days."""
    settings = configuration.load(shop.config, environment={}, overrides={})
    return measure(settings, now=START + days * DAY_S)


def test_thirty_nights_without_a_change_raise_at_most_one_alarm(shop: Shop) -> None:
    """Each with the week before it, against four weeks before that."""
    with weeks(shop) as made:
        made.add(65)
    found = [after(shop, 35 + night) for night in range(30)]
    assert all(one.categories.photos == 7 * PER_DAY for one in found)
    assert sum(bool(one.shifted) for one in found) <= 1


def test_a_planted_shift_of_the_mix_is_flagged(shop: Shop) -> None:
    """Within the week, by the category that has become frequent; confidence stays."""
    with weeks(shop) as made:
        made.add(35)
        made.add(7, mix=(0.2, 0.5, 0.3))
    (found,) = [after(shop, 42)]
    assert found.shifted == ("categories",)
    assert set(found.categories.moved[:2]) == {"COLD", "PLAIN"}
    assert after(shop, 35).shifted == ()


def test_a_planted_drop_of_confidence_is_flagged(shop: Shop) -> None:
    """The mix stays; and where the bundle tells how sure it was, it is held against that as well."""
    manifest = configuration.load(shop.config, environment={}, overrides={}).models / MODEL / "bundle.yaml"
    sure = np.random.default_rng(5).beta(8.0, 2, 2000)
    counts = np.bincount(np.minimum((sure * 10).astype(int), 9), minlength=10)
    metrics = {f"held_out_confidence_{index}": int(count) for index, count in enumerate(counts)}
    manifest.write_text(plain_yaml.dump(yaml.safe_load(manifest.read_text()) | {"metrics": metrics}))
    with weeks(shop) as made:
        made.add(35)
        made.add(7, sure=3.0)
    assert after(shop, 42).shifted == ("confidence", "confidence_at_making")
    assert after(shop, 35).shifted == ()


def test_with_few_photos_nothing_is_said(shop: Shop) -> None:
    """A new shop, or a new bundle, is given time."""
    with weeks(shop) as made:
        made.add(2)
    found = after(shop, 2)
    assert (found.categories.verdict, found.categories.psi, found.shifted) == (Verdict.TOO_FEW, None, ())
    assert (found.accuracy.now.of, found.accuracy.verdict) == (0, Verdict.TOO_FEW)


def test_the_command_tells_people_and_programs(shop: Shop) -> None:
    """Without photos of late it says so; without a ledger it says what to look at."""
    missing = shop.run("drift", check=False)
    assert (missing.returncode, "is `state_dir` right?" in missing.stderr) == (ExitCode.FAILED, True)
    with weeks(shop) as made:
        made.add(1)
    found = json.loads(shop.run("drift", "--json").stdout)
    assert (found["model"], found["categories"]["verdict"], found["shifted"]) == (MODEL, "too_few", [])
    assert "too few photos to tell" in shop.run("drift").stdout


def test_without_a_ledger_there_is_nothing_to_say(shop: Shop) -> None:
    """The message names the ledger."""
    with pytest.raises(NothingSorted, match=FILE):
        after(shop, 1)
