"""From logits to a decision."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from refundsorter.core.decision import (
    BELOW_THRESHOLD,
    Decision,
    Interpretation,
    Thresholds,
    decide,
    softmax,
)
from refundsorter.core.fault import Reason
from refundsorter.core.image import Answer, Rejection, State
from refundsorter.core.taxonomy import Taxonomy

LABELS = ("laptop", "phone", "sofa", "gargoyle")
CATEGORY_OF = {"laptop": "ELECTRONICS", "phone": "ELECTRONICS", "sofa": "HOME"}
logit_rows = st.lists(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4), min_size=1, max_size=8
)


def interpretation(
    category_of: Mapping[str, str] = CATEGORY_OF, *, temperature: float = 1.0, top_k: int = 3
) -> Interpretation:
    """How the four labels are read."""
    taxonomy = Taxonomy(category_of=category_of, thresholds={})
    return Interpretation.of(labels=LABELS, temperature=temperature, taxonomy=taxonomy, top_k=top_k)


def logits_of(*probabilities: float) -> NDArray[np.float32]:
    """float32 [1, labels]: logits whose softmax gives these probabilities."""
    return np.log(np.array([probabilities], np.float32))


def answer(
    probabilities: Sequence[float], category_of: Mapping[str, str] = CATEGORY_OF, *, top_k: int = 3
) -> Answer:
    """What is made of one photo of 40 x 30 pixels."""
    (one,) = interpretation(category_of, top_k=top_k).answers(logits_of(*probabilities), [(40, 30)])
    return one


@given(logit_rows)
def test_softmax_gives_probabilities(rows: list[list[float]]) -> None:
    """Whatever the logits, each row lies in 0..1 and sums to 1."""
    found = softmax(np.array(rows, np.float32))
    assert ((found >= 0) & (found <= 1)).all()
    assert found.sum(axis=-1) == pytest.approx(1, abs=1e-5)


def test_softmax_does_not_overflow() -> None:
    """Logits beyond what an exponential can hold give no infinity and no warning."""
    found = softmax(np.array([[1e30, 0, -1e30], [1e38, 1e38, -1e38]], np.float32))
    assert found.tolist() == [[1, 0, 0], [0.5, 0.5, 0]]


def test_a_category_has_the_sum_of_its_labels() -> None:
    """Two middling labels of one category beat a single better label of another."""
    found = answer([0.3, 0.3, 0.38, 0.02])
    assert found.category == "ELECTRONICS"
    assert found.confidence == pytest.approx(0.6, abs=1e-5)


def test_the_label_is_the_best_of_the_category() -> None:
    """The label that is told belongs to the category that is told, though another label may be better."""
    assert answer([0.28, 0.32, 0.38, 0.02]).label == "phone"


def test_an_unmapped_label_counts_for_no_category() -> None:
    """A label that the taxonomy does not know is told with its rank, and wins no category."""
    found = answer([0.05, 0.05, 0.1, 0.8])
    assert [(one.rank, one.label, one.category) for one in found.top_predictions[:2]] == [
        (1, "gargoyle", None),
        (2, "sofa", "HOME"),
    ]
    assert (found.category, found.label) in {("HOME", "sofa"), ("ELECTRONICS", "laptop")}
    assert found.confidence == pytest.approx(0.1, abs=1e-5)


def test_without_any_mapped_label_there_is_no_category() -> None:
    """A taxonomy that knows none of the model's labels leaves the best label and no category."""
    found = answer([0.1, 0.2, 0.3, 0.4], {"teapot": "HOME"})
    assert (found.category, found.label, found.confidence) == (None, "gargoyle", 0.0)
    assert decide(found, Thresholds(taxonomy={}, bundle={}, default=0.0)).state is State.REVIEW


def test_a_label_of_the_taxonomy_that_the_model_lacks_is_no_harm() -> None:
    """The taxonomy may know more labels than the model."""
    found = answer([0.1, 0.2, 0.6, 0.1], {**CATEGORY_OF, "teapot": "KITCHEN"})
    assert found.category == "HOME"


@given(logit_rows, st.floats(0.05, 20))
def test_answers_hold_together(rows: list[list[float]], temperature: float) -> None:
    """For any logits the ranks count up, confidences fall, and the category has the sum of its labels."""
    reading = interpretation(temperature=temperature, top_k=4)
    for found in reading.answers(np.array(rows, np.float32), [(1, 1)] * len(rows)):
        confidences = [one.confidence for one in found.top_predictions]
        assert [one.rank for one in found.top_predictions] == [1, 2, 3, 4]
        assert confidences == sorted(confidences, reverse=True)
        assert 0 <= found.confidence <= 1
        assert CATEGORY_OF[found.label] == found.category
        members = [one.confidence for one in found.top_predictions if one.category == found.category]
        assert found.confidence == pytest.approx(min(1, sum(members)), abs=1e-5)


def test_temperature_softens() -> None:
    """A temperature above 1 lowers the confidence and keeps the order."""
    sharp, soft = (
        interpretation(temperature=value).answers(logits_of(0.1, 0.1, 0.7, 0.1), [(1, 1)])[0]
        for value in (1.0, 2.0)
    )
    assert sharp.category == soft.category == "HOME"
    assert soft.confidence < sharp.confidence


def test_top_k_is_no_more_than_there_are_labels() -> None:
    """Asking for more predictions than labels gives every label."""
    assert len(answer([0.25, 0.25, 0.25, 0.25], top_k=99).top_predictions) == len(LABELS)


def test_equal_labels_keep_the_models_order() -> None:
    """Ties are broken by the output's order, so the same photo always reads the same."""
    found = answer([0.25, 0.25, 0.25, 0.25])
    assert [one.label for one in found.top_predictions] == ["laptop", "phone", "sofa"]


def test_sizes_are_those_of_their_photos() -> None:
    """Each answer carries the width and height of its own photo."""
    found = interpretation().answers(np.zeros((2, 4), np.float32), [(40, 30), (7, 9)])
    assert [(one.width, one.height) for one in found] == [(40, 30), (7, 9)]


@pytest.mark.parametrize(
    ("taxonomy", "bundle", "expected"),
    [({"HOME": 0.9}, {"HOME": 0.4}, 0.9), ({}, {"HOME": 0.4}, 0.4), ({"TOYS": 1}, {"TOYS": 1}, 0.6)],
    ids=["taxonomy first", "then bundle", "then default"],
)
def test_whose_threshold_counts(
    taxonomy: Mapping[str, float], bundle: Mapping[str, float], expected: float
) -> None:
    """The company's threshold wins over the bundle's, and that over the default."""
    assert Thresholds(taxonomy=taxonomy, bundle=bundle, default=0.6).of("HOME") == expected


def test_a_threshold_of_zero_is_a_threshold() -> None:
    """Zero means "file whatever comes", not "not set"."""
    assert Thresholds(taxonomy={"HOME": 0.0}, bundle={"HOME": 0.4}, default=0.6).of("HOME") == 0


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [
        (0.6, Decision(state=State.SORTED, reason=None)),
        (0.599999, Decision(state=State.REVIEW, reason=BELOW_THRESHOLD)),
    ],
)
def test_at_the_threshold_a_photo_is_filed(confidence: float, expected: Decision) -> None:
    """The threshold itself is sure enough; anything below goes to a person."""
    found = Answer(
        category="HOME", label="sofa", confidence=confidence, top_predictions=(), width=1, height=1
    )
    assert decide(found, Thresholds(taxonomy={}, bundle={}, default=0.6)) == expected


@pytest.mark.parametrize("reason", list(Reason))
def test_a_rejection_keeps_its_reason(reason: Reason) -> None:
    """A photo that cannot be used is rejected for the reason that was found, whatever the thresholds."""
    found = decide(Rejection(reason=reason, detail="…"), Thresholds(taxonomy={}, bundle={}, default=0.0))
    assert found == Decision(state=State.REJECTED, reason=reason.value)
