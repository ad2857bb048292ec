"""Probabilities of categories, and from where on they can be trusted.

What counts is the category, the sum over its labels: the decision looks at it. Thresholds are found on photos
of sources that the head had not seen, weighed so that each category counts the same.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

# With fewer held-out photos predicted as a category than this, its own threshold would be chance: it gets the
# threshold that all categories together need.
FEWEST_PHOTOS = 30

# Below one half, the other categories together are likelier: whatever was counted, a person shall look.
LEAST = 0.5

NEVER = 1.0  # a threshold that only certainty reaches: the promise could not be kept


def category_probabilities(
    logits: NDArray[np.float32], temperature: float, columns: NDArray[np.int64], categories: int
) -> NDArray[np.float64]:
    """Turn logits into probabilities of categories.

    Args:
        logits: float32 [N, labels].
        temperature: Logits are divided by it.
        columns: The category's index of each label, int64 [labels]; -1 for one that belongs to none.
        categories: How many categories there are.

    Returns:
        float64 [N, categories], each row summing to 1, less what labels of no category hold.
    """
    shifted = logits.astype(np.float64) / temperature
    shifted -= shifted.max(axis=1, keepdims=True)
    odds = np.exp(shifted)
    odds /= odds.sum(axis=1, keepdims=True)
    member = np.zeros((len(columns), categories + 1))
    member[np.arange(len(columns)), columns] = 1.0  # -1 is the last
    summed: NDArray[np.float64] = (odds @ member)[:, :-1]
    return summed


def even_weights(truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weigh photos so that each category counts the same: float64 [N], summing to 1."""
    counts = np.bincount(truth)
    weights = 1.0 / counts[truth]
    normed: NDArray[np.float64] = weights / weights.sum()
    return normed


def find_thresholds(
    odds: NDArray[np.float64], truth: NDArray[np.int64], categories: Sequence[str], precision: float
) -> Mapping[str, float]:
    """Find for each category the lowest probability from which on the promise was kept.

    Args:
        odds: Probabilities of categories, float64 [N, categories].
        truth: int64 [N].
        categories: Their names, in the order of the columns of `odds`.
        precision: The promised share of right ones among the photos filed, 0..1.

    Returns:
        Category -> threshold, at least `LEAST`, rounded up to three decimals; `NEVER` where
        no threshold keeps the promise.
    """
    best, top = odds.argmax(axis=1), odds.max(axis=1)
    right, weights = best == truth, even_weights(truth)
    pooled = lowest_threshold(top, right, weights, precision)
    found = {}
    for index, name in enumerate(categories):
        mine = best == index
        own = mine.sum() >= FEWEST_PHOTOS
        value = lowest_threshold(top[mine], right[mine], weights[mine], precision) if own else pooled
        found[name] = min(max(float(np.ceil(value * 1000) / 1000), LEAST), NEVER)
    return found


def lowest_threshold(
    top: NDArray[np.float64], right: NDArray[np.bool_], weights: NDArray[np.float64], precision: float
) -> float:
    """Return the lowest of `top` at and above which the weighed share of `right` is at least `precision`."""
    order = np.argsort(-top, kind="stable")
    shares = np.cumsum(weights[order] * right[order]) / np.cumsum(weights[order])
    kept = np.flatnonzero(shares >= precision)
    return float(top[order][kept[-1]]) if len(kept) else NEVER
