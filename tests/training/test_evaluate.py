import numpy as np
import pytest

from refundsorter.training.coverage import curve, lowest, thinned
from refundsorter.training.evaluate import Measure, measure
from refundsorter.training.reliability import reliability

# Six photos of three categories. The likeliest are A A B B C A; the third is of A, the last of C.
ODDS = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.6, 0.4, 0.0],
        [0.3, 0.7, 0.0],
        [0.1, 0.8, 0.1],
        [0.0, 0.2, 0.5],
        [0.5, 0.4, 0.1],
    ]
)
TRUTH = np.array([0, 0, 0, 1, 2, 2])
CATEGORIES = ("A", "B", "C")


def found(**thresholds: float) -> Measure:
    """The six photos measured."""
    return measure(ODDS, TRUTH, CATEGORIES, dict.fromkeys(CATEGORIES, 0.85) | thresholds)


def test_right_filed_and_right_of_those_filed_are_counted() -> None:
    """Of six photos four are right; A at 0.9 and both of B reach their thresholds, one of these is wrong."""
    told = found(B=0.7)
    assert (told.right.hits, told.right.of) == (4, 6)
    assert (told.filed.hits, told.filed.of) == (3, 6)
    assert (told.filed_right.hits, told.filed_right.of) == (2, 3)


def test_recall_precision_and_f1_are_those_of_the_book() -> None:
    """A: 2 of 3 found, 2 of 3 said rightly; B: 1 of 1 and 1 of 2; C: 1 of 2 and 1 of 1. F1: 2/3 each."""
    scores = found().categories
    counts = {
        name: (one.recall.hits, one.recall.of, one.precision.hits, one.precision.of)
        for name, one in scores.items()
    }
    assert counts == {"A": (2, 3, 2, 3), "B": (1, 1, 1, 2), "C": (1, 2, 1, 1)}
    assert [one.f1.value for one in scores.values()] == pytest.approx([2 / 3] * 3)
    assert found().macro_f1.value == pytest.approx(2 / 3)


def test_macro_f1_is_the_mean_over_categories_that_have_photos() -> None:
    """A is told with F1 2/3, B with 0; C, of which there is no photo, does not count though it was said."""
    odds = np.array([[0.9, 0.1, 0.0], [0.2, 0.1, 0.7], [0.2, 0.1, 0.7]])
    told = measure(odds, np.array([0, 0, 1]), CATEGORIES, dict.fromkeys(CATEGORIES, 0.5))
    assert told.macro_f1.value == pytest.approx((2 / 3 + 0) / 2)


def test_the_interval_of_f1_holds_it_and_shrinks_with_more_photos() -> None:
    """A hundred times the same photos give an interval about a tenth as wide, around the same figure."""
    few, many = (
        measure(
            np.tile(ODDS, (times, 1)), np.tile(TRUTH, times), CATEGORIES, dict.fromkeys(CATEGORIES, 0.5)
        ).macro_f1
        for times in (1, 100)
    )
    assert few.low <= few.value <= few.high
    assert many.high - many.low < (few.high - few.low) / 5
    assert many.value == pytest.approx(few.value)


def test_the_third_likeliest_still_counts_and_the_fourth_does_not() -> None:
    """Four categories: the truth is the third likeliest of one photo and the fourth of the other."""
    odds = np.array([[0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1]])
    told = measure(odds, np.array([2, 3]), tuple("ABCD"), dict.fromkeys("ABCD", 0.5))
    assert (told.top3.hits, told.top3.of) == (1, 2)


def test_a_category_that_the_model_cannot_give_is_never_among_the_likeliest() -> None:
    """Two categories, one of which gets 0: its photo is not right among the three likeliest."""
    told = measure(np.array([[0.0, 0.9], [0.0, 0.9]]), np.array([0, 1]), ("A", "B"), {"A": 0.5, "B": 0.5})
    assert (told.top3.hits, told.top3.of) == (1, 2)


def test_a_resample_without_a_rare_category_does_not_count_it_as_missed() -> None:
    """One photo of B among twenty, all right: in any resample every category that is there is told."""
    truth = np.array([0] * 19 + [1])
    told = measure(np.eye(2)[truth], truth, ("A", "B"), {"A": 0.5, "B": 0.5})
    assert (told.macro_f1.low, told.macro_f1.value, told.macro_f1.high) == (1, 1, 1)


def test_the_confusion_matrix_counts_truth_by_row() -> None:
    """One photo of A was taken for B, and one of C for A."""
    told = found().confusion
    assert told.counts == ((2, 1, 0), (0, 1, 0), (1, 0, 1))
    assert [(one.truth, one.predicted, one.photos) for one in told.mixups()] == [("A", "B", 1), ("C", "A", 1)]


def test_a_category_that_nobody_spoke_of_has_no_row() -> None:
    """No photo of B, and none said to be: nothing is told about B."""
    told = measure(np.array([[0.9, 0.1]]), np.array([0]), ("A", "B"), {"A": 0.5, "B": 0.5})
    assert (set(told.categories), told.confusion.categories) == ({"A"}, ("A",))


def test_the_lowest_threshold_that_keeps_a_promise_is_found() -> None:
    """Right, wrong, right, right, wrong by falling confidence: 75 % are right down to the fourth photo."""
    top, right = np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([True, False, True, True, False])
    point = lowest(curve(top, right), 0.75)
    assert point is not None
    assert (point.threshold, point.filed.hits, point.right.hits) == (0.6, 4, 3)
    assert lowest(curve(top, ~right), 0.75) is None


def test_photos_that_are_equally_sure_are_filed_together() -> None:
    """Of two photos at 0.8 one is right: no threshold files that one alone."""
    points = curve(np.array([0.8, 0.8, 0.4]), np.array([True, False, True]))
    assert [(point.threshold, point.right.hits, point.right.of) for point in points] == [
        (0.8, 1, 2),
        (0.4, 2, 3),
    ]


def test_a_long_curve_is_thinned_between_its_ends() -> None:
    """Of 5,000 points 200 are drawn, the first and the last among them."""
    top = np.linspace(1, 0, 5000)
    points = curve(top, top > 0.5)
    drawn = thinned(points)
    assert (len(points), len(drawn)) == (5000, 200)
    assert (drawn[0], drawn[-1]) == (points[0], points[-1])


def test_the_calibration_error_is_the_gap_between_sure_and_right() -> None:
    """Ten photos at 0.9, six right, and ten at 0.5, five right: gaps of 0.3 and 0, so 0.15 in all."""
    top = np.repeat([0.9, 0.5], 10)
    right = np.arange(20) % 10 < np.repeat([6, 5], 10)
    told = reliability(top, right)
    assert told.error == pytest.approx(0.15)
    assert [(one.low, one.right.hits, one.right.of) for one in told.bins] == [(0.5, 5, 10), (0.9, 6, 10)]
    assert [one.confidence for one in told.bins] == pytest.approx([0.5, 0.9])


def test_chance_alone_shows_an_error_that_falls_with_the_number_of_photos() -> None:
    """All at 0.5: the mean distance of n tosses from one half is about 0.4 / sqrt(n)."""
    few, many = (reliability(np.full(n, 0.5), np.arange(n) % 2 == 0) for n in (100, 2500))
    assert few.ideal == pytest.approx(0.04, rel=0.1)
    assert many.ideal == pytest.approx(0.008, rel=0.1)
    assert few.ideal < few.ideal_high < 2.6 * few.ideal


def test_probabilities_that_are_true_lie_within_chance() -> None:
    """Photos that are right as often as their probability says show no more error than chance does."""
    draws = np.random.default_rng(7)
    top = draws.uniform(0.2, 1, 3000)
    told = reliability(top, draws.random(3000) < top)
    assert told.error < told.ideal_high


def test_the_lines_name_counts_and_intervals() -> None:
    """What a person reads has the share, its counts and its interval."""
    odds, truth = np.array([[0.9, 0.1]] * 4), np.array([0, 0, 0, 1])
    told = measure(odds, truth, ("A", "B"), {"A": 0.5, "B": 0.5})
    assert "75.0% (3 of 4; 95 % interval 30.1% to 95.4%)" in told.lines()[0]
    assert told.figures("held_out")["held_out_accuracy"] == 0.75
