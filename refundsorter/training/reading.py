"""Logits read as serving reads them, photo by photo and with every category's probability kept."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.decision import Interpretation, Rules, softmax


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a model says of one photo."""

    category: str  # the likeliest
    label: str  # the likeliest of that category's labels
    confidence: float  # the category's probability: the sum over its labels, 0..1
    filed: bool  # whether that reaches the category's threshold


def label_odds(logits: NDArray[np.float32], rules: Rules) -> NDArray[np.float32]:
    """Probabilities of labels, float32 [N, labels], each row summing to 1, of logits of the same shape."""
    return softmax(logits / rules.interpretation.temperature)


def category_odds(
    probabilities: NDArray[np.float32], reading: Interpretation, categories: Sequence[str]
) -> NDArray[np.float64]:
    """Sum labels to categories as serving does, rounding included: it decides what reaches a threshold.

    Args:
        probabilities: Of labels, float32 [N, labels], each row summing to 1.
        reading: Which label belongs to which category; a label of none counts for none.
        categories: The columns that are wanted; one that the model cannot give gets 0.

    Returns:
        float64 [N, categories], 0..1.
    """
    odds = np.zeros((len(probabilities), len(categories)))
    columns = [categories.index(category) for category in reading.categories]
    odds[:, columns] = np.minimum((probabilities @ reading.membership).astype(np.float64).round(6), 1.0)
    return odds


def verdicts(probabilities: NDArray[np.float32], rules: Rules) -> list[Verdict]:
    """Judge photos.

    Args:
        probabilities: Of labels, float32 [N, labels].
        rules: Under which; their interpretation knows at least one category.
    """
    reading = rules.interpretation
    odds = category_odds(probabilities, reading, reading.categories)
    return [_verdict(row, sums, rules) for row, sums in zip(probabilities, odds, strict=True)]


def _verdict(row: NDArray[np.float32], sums: NDArray[np.float64], rules: Rules) -> Verdict:
    reading, column = rules.interpretation, int(sums.argmax())
    category, confidence = reading.categories[column], float(sums[column])
    return Verdict(
        category=category,
        label=reading.labels[int((row * reading.membership[:, column]).argmax())],
        confidence=confidence,
        filed=confidence >= rules.thresholds.of(category),
    )
