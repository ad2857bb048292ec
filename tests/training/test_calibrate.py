import numpy as np
import pytest

from refundsorter.training.calibrate import NEVER, category_probabilities, even_weights, find_thresholds


def test_a_categorys_probability_is_the_sum_over_its_labels() -> None:
    """Three equal logits, two of them of the first category: two thirds and one third."""
    odds = category_probabilities(np.zeros((1, 3), np.float32), 1.0, np.array([0, 0, 1]), 2)
    assert odds == pytest.approx(np.array([[2 / 3, 1 / 3]]))


def test_a_higher_temperature_is_less_sure() -> None:
    """The likeliest stays the likeliest, with a lower probability."""
    logits = np.array([[2.0, 0.0]], np.float32)
    warm = category_probabilities(logits, 2.0, np.arange(2), 2)
    assert 0.5 < warm[0, 0] < category_probabilities(logits, 1.0, np.arange(2), 2)[0, 0]


def test_what_belongs_to_no_category_is_nobodys() -> None:
    """Three equal logits, one of them of no category: a third for each category, and a third for none."""
    odds = category_probabilities(np.zeros((1, 3), np.float32), 1.0, np.array([0, -1, 1]), 2)
    assert odds == pytest.approx(np.array([[1 / 3, 1 / 3]]))


def test_the_threshold_keeps_the_promise_and_is_the_lowest_that_does() -> None:
    """Wrong ones lie at 0.60 and below: the lowest right one that still gives 90 % is the threshold."""
    top = np.linspace(0.99, 0.55, 45)
    right = top > 0.605
    odds = np.stack([top, 1 - top], axis=1)
    truth = np.where(right, 0, 1)
    weights = even_weights(truth)
    threshold = find_thresholds(odds, truth, ("A", "B"), 0.9)["A"]

    def precision(at: float) -> float:
        filed = top >= at
        return float((weights * right)[filed].sum() / weights[filed].sum())

    assert precision(threshold) >= 0.9
    assert precision(threshold - 0.011) < 0.9


def test_a_promise_that_cannot_be_kept_files_nothing() -> None:
    """All wrong: the threshold is one that only certainty reaches."""
    odds = np.tile([[0.8, 0.2]], (50, 1))
    assert find_thresholds(odds, np.ones(50, np.int64), ("A", "B"), 0.9)["A"] == NEVER


def test_few_photos_take_the_threshold_of_all() -> None:
    """A category predicted for five photos has no threshold of its own."""
    odds = np.array([[0.9, 0.1]] * 60 + [[0.3, 0.7]] * 5)
    truth = np.array([0] * 60 + [1] * 5)
    found = find_thresholds(odds, truth, ("A", "B"), 0.9)
    assert found["A"] == pytest.approx(0.9, abs=0.002)
    assert found["B"] == pytest.approx(0.7, abs=0.002)


def test_no_threshold_is_below_one_half() -> None:
    """However right a category was at low probabilities, a photo likelier something else is not filed."""
    odds = np.tile([[0.4, 0.3, 0.3]], (50, 1))
    assert find_thresholds(odds, np.zeros(50, np.int64), ("A", "B", "C"), 0.9)["A"] == 0.5
