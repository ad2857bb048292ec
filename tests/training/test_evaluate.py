import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.training.evaluate import Share, measure


def test_the_wilson_interval_is_the_published_one() -> None:
    """15 of 20 gives 0.531 to 0.888 (R's prop.test without continuity correction)."""
    low, high = Share(hits=15, of=20).interval
    assert low == pytest.approx(0.5313, abs=1e-3)
    assert high == pytest.approx(0.8881, abs=1e-3)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_holds_the_share(hits: int, misses: int) -> None:
    """Whatever the counts, the interval lies within 0..1 and around the share."""
    share = Share(hits=hits, of=hits + misses)
    low, high = share.interval
    assert 0 <= low <= share.value + 1e-9
    assert high <= 1
    assert not share.of or share.value <= high + 1e-9


def test_right_filed_and_right_of_those_filed_are_counted() -> None:
    """Four photos: three right, two filed, one of those right."""
    odds = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9]])
    found = measure(odds, np.array([0, 0, 1, 0]), ("A", "B"), {"A": 0.85, "B": 0.85})
    assert (found.right.hits, found.right.of) == (3, 4)
    assert (found.filed.hits, found.filed_right.hits, found.filed_right.of) == (2, 1, 2)
    assert (found.per_category["A"].hits, found.per_category["A"].of) == (2, 3)


def test_a_category_without_photos_is_not_spoken_of() -> None:
    """No photo of B: nothing is said about B."""
    found = measure(np.array([[0.9, 0.1]]), np.array([0]), ("A", "B"), {"A": 0.5, "B": 0.5})
    assert set(found.per_category) == {"A"}


def test_the_calibration_error_is_the_gap_between_sure_and_right() -> None:
    """Ten photos at 0.9, six right: the gap is 0.3."""
    odds = np.tile([[0.9, 0.1]], (10, 1))
    truth = np.array([0] * 6 + [1] * 4)
    assert measure(odds, truth, ("A", "B"), {"A": 1.0, "B": 1.0}).calibration_error == pytest.approx(0.3)


def test_the_lines_name_counts_and_intervals() -> None:
    """What a person reads has the share, its counts and its interval."""
    found = measure(np.array([[0.9, 0.1]] * 4), np.array([0, 0, 0, 1]), ("A", "B"), {"A": 0.5, "B": 0.5})
    assert "75.0% (3 of 4; 95 % interval 30.1% to 95.4%)" in found.lines()[0]
