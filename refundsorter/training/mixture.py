"""How loudly each kind of column speaks: found where the photos judged are of sources that were not learned.

All columns stand in one softmax. Cosines need a scale to become logits; the columns of an earlier classifier
need one of their own, and an offset beside the others; and each category a bias, because some are taught by
many more kinds of photos than others. They are chosen so that the true categories are likeliest, with every
category weighing the same: so probabilities come out calibrated, and no temperature is needed.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from refundsorter.training.calibrate import even_weights
from refundsorter.training.head import NOTHING, Columns

SCALES = tuple(np.geomspace(8.0, 64.0, 13).tolist())  # of cosines
PRIOR_SCALES = (0.8, 1.0, 1.2, 1.4)  # of the earlier classifier's logits
PRIOR_OFFSETS = tuple(np.arange(-8.0, 0.5, 0.5).tolist())

BIAS_L2 = 0.02  # how strongly biases are held to zero, per unit of mean log-loss
BIAS_STEPS, BIAS_RATE = 300, 2.0  # of gradient descent: the loss is convex, and this is ten times enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What was found."""

    scale: float  # cosines are multiplied by it
    prior_scale: float  # the earlier classifier's logits are multiplied by it; 1 where there is none
    prior_offset: float  # is added to them; 0 where there is none
    biases: NDArray[np.float64]  # [categories], added to the logits of each one's labels

    def ours(self, columns: Columns) -> Columns:
        """Columns of cosines, made to give logits."""
        return self._scaled(columns, self.scale, 0.0)

    def prior(self, columns: Columns) -> Columns:
        """Columns of an earlier classifier, made to give logits beside the others."""
        return self._scaled(columns, self.prior_scale, self.prior_offset)

    def logits(self, cosines: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """Make logits of cosines float32 [N, labels], given the category's index of each label."""
        found: NDArray[np.float32] = (cosines * self.scale + self._biases(columns)).astype(np.float32)
        return found

    def _biases(self, columns: NDArray[np.int64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.append(self.biases, 0.0)[columns]  # NOTHING is -1, and so the last
        return found

    def _scaled(self, columns: Columns, scale: float, offset: float) -> Columns:
        bias = self._biases(columns.categories)
        return replace(
            columns,
            kernel=(columns.kernel * scale).astype(np.float32),
            bias=(columns.bias * scale + offset + bias).astype(np.float32),
        )


def log_sums(logits: NDArray[np.float32], columns: NDArray[np.int64], categories: int) -> NDArray[np.float64]:
    """Return log sum exp of each category's logits, float64 [N, categories + 1]; the last is of no category.

    Args:
        logits: float32 [N, labels]; minus infinity for a label that could not be known.
        columns: The category's index of each label, int64 [labels], or NOTHING.
        categories: How many there are.
    """
    highest = logits.max(axis=1, keepdims=True)
    member = np.zeros((len(columns), categories + 1), np.float32)
    member[np.arange(len(columns)), columns] = 1.0  # NOTHING is -1, and so the last
    sums = np.exp(logits - highest) @ member
    found: NDArray[np.float64] = np.log(np.maximum(sums.astype(np.float64), 1e-30)) + highest
    return found


def fit_mixture(
    cosines: NDArray[np.float32],
    columns: NDArray[np.int64],
    prior: NDArray[np.float32] | None,
    prior_columns: NDArray[np.int64],
    *,
    truth: NDArray[np.int64],
    categories: int,
) -> Mixture:
    """Find scales, offset and biases.

    Args:
        cosines: float32 [N, labels], from columns that had not seen the photo's source.
        columns: The category's index of each, int64 [labels], or NOTHING.
        prior: The earlier classifier's logits of the same photos, float32 [N, P].
        prior_columns: Likewise, int64 [P].
        truth: The category's index of each photo, int64 [N].
        categories: How many there are.
    """
    weights = even_weights(truth)
    rows = np.arange(len(truth))

    def loss(sums: NDArray[np.float64]) -> float:
        total = np.logaddexp.reduce(sums, axis=1)
        return float(weights @ (total - sums[rows, truth]))

    priors = [(1.0, None)] if prior is None else [
        (scale, log_sums(prior * np.float32(scale), prior_columns, categories)) for scale in PRIOR_SCALES
    ]  # fmt: skip
    best: tuple[float, float, float, float] | None = None
    for scale in SCALES:
        mine = log_sums(cosines * np.float32(scale), columns, categories)
        for prior_scale, theirs in priors:
            for offset in (0.0,) if theirs is None else PRIOR_OFFSETS:
                sums = mine if theirs is None else np.logaddexp(mine, theirs + offset)
                best = min(best or (np.inf, 0.0, 0.0, 0.0), (loss(sums), scale, prior_scale, offset))
    assert best is not None
    _, scale, prior_scale, offset = best
    sums = log_sums(cosines * np.float32(scale), columns, categories)
    if prior is not None:
        theirs = log_sums(prior * np.float32(prior_scale), prior_columns, categories)
        sums = np.logaddexp(sums, theirs + offset)
    return Mixture(
        scale=scale,
        prior_scale=prior_scale,
        prior_offset=offset,
        biases=_fit_biases(sums, truth, weights),
    )


def _fit_biases(
    sums: NDArray[np.float64], truth: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a bias for each category; no category (the last of `sums`) keeps 0."""
    wanted = np.eye(sums.shape[1])[truth]
    biases = np.zeros(sums.shape[1])
    for _ in range(BIAS_STEPS):
        shifted = sums + biases
        odds = np.exp(shifted - np.logaddexp.reduce(shifted, axis=1, keepdims=True))
        slope = weights @ (odds - wanted) + BIAS_L2 * biases
        slope[NOTHING] = 0.0
        biases -= BIAS_RATE * slope
    return biases[:-1]
