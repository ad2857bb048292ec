import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.training.calibrate import category_probabilities
from refundsorter.training.head import NOTHING, Columns
from refundsorter.training.mixture import fit_mixture, log_sums


@given(st.integers(0, 2**32 - 1))
def test_sums_are_those_of_the_softmax(seed: int) -> None:
    """The softmax of the sums gives the probabilities of categories; what belongs to none is the last."""
    draws = np.random.default_rng(seed)
    logits = draws.normal(0, 5, (4, 6)).astype(np.float32)
    columns = draws.integers(NOTHING, 3, 6)
    sums = log_sums(logits, columns, 3)
    odds = np.exp(sums - np.logaddexp.reduce(sums, axis=1, keepdims=True))
    assert odds[:, :-1] == pytest.approx(category_probabilities(logits, 1.0, columns, 3), abs=1e-5)


def test_the_scale_that_the_photos_have_is_found() -> None:
    """Truth drawn from the softmax of cosines at a scale of 19: the next one tried is chosen."""
    draws = np.random.default_rng(1)
    cosines = draws.uniform(-0.2, 0.6, (6000, 8)).astype(np.float32)
    columns = np.arange(8) % 4
    odds = category_probabilities(cosines * 19, 1.0, columns, 4)
    truth = (odds.cumsum(axis=1) < draws.random((len(odds), 1))).sum(axis=1)
    found = fit_mixture(cosines, columns, None, np.zeros(0, np.int64), truth=truth, categories=4)
    assert found.scale == pytest.approx(19, rel=0.15)
    assert np.abs(found.biases).max() < 0.3


def test_biases_and_scale_stand_in_the_columns_that_are_served() -> None:
    """Logits of scaled columns are those that the mixture makes of their cosines."""
    draws = np.random.default_rng(2)
    units = draws.normal(0, 1, (50, 5)).astype(np.float32)
    kernel = draws.normal(0, 0.2, (5, 3)).astype(np.float32)
    columns = Columns(
        labels=("a", "b", "c"),
        categories=np.array([0, 1, NOTHING]),
        kernel=kernel,
        bias=np.zeros(3, np.float32),
    )
    truth = np.arange(50) % 2
    found = fit_mixture(
        units @ kernel, columns.categories, None, np.zeros(0, np.int64), truth=truth, categories=2
    )
    expected = found.logits(units @ kernel, columns.categories)
    assert found.ours(columns).logits(units) == pytest.approx(expected, abs=1e-4)


def test_an_earlier_classifier_that_knows_better_is_heard() -> None:
    """Cosines that say nothing beside logits that say all: the true category is the likeliest."""
    draws = np.random.default_rng(3)
    truth = np.arange(400) % 4
    cosines = draws.uniform(-0.1, 0.1, (400, 4)).astype(np.float32)
    prior = (np.eye(4)[truth] * 6).astype(np.float32)
    places = np.arange(4)
    found = fit_mixture(cosines, places, prior, places, truth=truth, categories=4)
    sums = np.logaddexp(
        log_sums(found.logits(cosines, places), places, 4),
        log_sums(prior * np.float32(found.prior_scale) + np.float32(found.prior_offset), places, 4),
    )
    assert (sums.argmax(axis=1) == truth).all()
