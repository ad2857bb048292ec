"""Drift: what has changed is told, and what chance does is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.drift import Limits, Verdict, compare, compare_shares
from refundsorter.core.share import Share

LIMITS = Limits(psi=0.2, min_photos=200)
MIX = {"ELECTRONICS": 0.35, "FASHION": 0.3, "GROCERY": 0.05, "HOME": 0.2, "TOYS": 0.1}
counts = st.dictionaries(st.sampled_from("ABCDEFG"), st.integers(0, 5000), min_size=1)


def drawn(mix: dict[str, float], photos: int, seed: int) -> dict[str, int]:
    """So many photos of a mix, by chance."""
    found = np.random.default_rng(seed).multinomial(photos, list(mix.values()))
    return dict(zip(mix, found.tolist(), strict=True))


def test_the_figures_are_those_of_the_formulas() -> None:
    """Worked by hand for two classes of a thousand photos."""
    found = compare({"a": 500, "b": 500}, {"a": 800, "b": 200}, LIMITS)
    assert found.psi is not None
    assert found.distance is not None
    assert found.psi.value == pytest.approx(0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5), abs=0.002)
    assert found.distance.value == pytest.approx(0.2704, abs=0.001)
    assert found.psi.low < found.psi.value < found.psi.high
    # 10.83 is the 99.9 % quantile of a chi-square with one degree of freedom, in every table.
    assert found.chance == pytest.approx(10.83 * 2 / 1000, rel=0.03)


@given(counts, counts)
def test_every_pair_of_counts_can_be_compared(reference: dict[str, int], window: dict[str, int]) -> None:
    """The figures are finite and in their ranges, and the same counts give the same ones again."""
    found = compare(reference, window, LIMITS)
    assert compare(reference, window, LIMITS) == found
    if min(sum(reference.values()), sum(window.values())) < LIMITS.min_photos:
        assert (found.verdict, found.psi) == (Verdict.TOO_FEW, None)
        return
    assert found.psi is not None
    assert found.distance is not None
    assert 0 <= found.psi.low <= found.psi.value <= found.psi.high < 40
    assert 0 <= found.distance.low <= found.distance.value <= found.distance.high <= 1
    assert bool(found.moved) is (found.verdict is Verdict.SHIFTED)


@given(counts)
def test_nothing_differs_from_itself(same: dict[str, int]) -> None:
    """The same counts are never a shift."""
    assert compare(same, same, LIMITS).verdict is not Verdict.SHIFTED


@pytest.mark.parametrize("photos", [200, 700, 5000])
def test_thirty_nights_without_a_change_raise_no_alarm(photos: int) -> None:
    """However many photos a window has; over ten such months at most one alarm in each."""
    for month in range(10):
        reference = drawn(MIX, 4 * photos, seed=1000 + month)
        nights = [
            compare(reference, drawn(MIX, photos, seed=night * 10 + month), LIMITS) for night in range(30)
        ]
        assert sum(one.verdict is Verdict.SHIFTED for one in nights) <= 1


def test_a_planted_shift_is_told_by_its_classes() -> None:
    """Groceries that were one photo of twenty and are one of four."""
    shifted = MIX | {"GROCERY": 0.27, "FASHION": 0.08}
    for seed in range(20):
        found = compare(drawn(MIX, 2000, seed=seed), drawn(shifted, 500, seed=900 + seed), LIMITS)
        assert found.verdict is Verdict.SHIFTED
        assert set(found.moved[:2]) == {"GROCERY", "FASHION"}


def test_a_small_change_of_many_photos_is_no_alarm() -> None:
    """It is real, and small."""
    slightly = MIX | {"GROCERY": 0.06, "FASHION": 0.29}
    found = compare(drawn(MIX, 100_000, seed=1), drawn(slightly, 100_000, seed=2), LIMITS)
    assert found.psi is not None
    assert found.chance is not None
    assert found.psi.value > found.chance
    assert found.verdict is Verdict.STEADY


def test_a_share_that_fell_is_told() -> None:
    """Where the intervals do not meet; a rise, or too few photos, is no alarm."""
    usual = Share(hits=450, of=500)
    assert compare_shares(usual, Share(hits=70, of=100), min_photos=50) is Verdict.SHIFTED
    assert compare_shares(usual, Share(hits=88, of=100), min_photos=50) is Verdict.STEADY
    assert compare_shares(usual, Share(hits=100, of=100), min_photos=50) is Verdict.STEADY
    assert compare_shares(usual, Share(hits=1, of=10), min_photos=50) is Verdict.TOO_FEW
