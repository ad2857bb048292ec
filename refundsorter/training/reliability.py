"""Whether probabilities mean what they say: how often photos of which the model is 80 % sure are right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.share import Share

BINS = 10
SIMULATIONS = 1000
SEED = 1  # of the simulation: the same photos give the same figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The photos of which the model was about equally sure."""

    low: float  # of the bin, inclusive
    high: float  # of the bin, exclusive but for 1
    confidence: float  # their mean probability
    right: Share  # how many of them were right


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """How far confidence lies from accuracy."""

    error: float  # expected calibration error, 0..1
    ideal: float  # the error that a perfectly calibrated model would show on as few photos, in the mean
    ideal_high: float  # and in 95 of 100 cases at the most
    bins: tuple[Bin, ...]  # those that hold photos, in order


def spread(found: Reliability, prefix: str) -> dict[str, float]:
    """How many photos lie in each bin, for a manifest: what is seen later is held against it."""
    return {f"{prefix}_confidence_{round(one.low * BINS)}": float(one.right.of) for one in found.bins}


def reliability(top: NDArray[np.float64], right: NDArray[np.bool_]) -> Reliability:
    """Compare confidence with accuracy in ten equal bins (Naeini et al. 2015; Guo et al. 2017).

    Chance alone keeps a bin of few photos from its probability. How much that adds is found by simulation: of
    each photo its own probability decides whether it shall have been right, and the error is taken anew.

    Args:
        top: The probability of each photo's likeliest category, float64 [N], 0..1.
        right: Whether it is the true one, bool [N].
    """
    which = np.minimum((top * BINS).astype(int), BINS - 1)
    inside = np.eye(BINS)[which]  # [N, BINS], 1 where the photo is in the bin
    sure = top @ inside
    draws = np.random.default_rng(SEED)
    simulated = [
        np.abs(sure - (draws.random(len(top)) < top) @ inside).sum() / len(top) for _ in range(SIMULATIONS)
    ]
    counts = inside.sum(axis=0)
    return Reliability(
        error=float(np.abs(sure - right @ inside).sum() / len(top)),
        ideal=float(np.mean(simulated)),
        ideal_high=float(np.quantile(simulated, 0.95)),
        bins=tuple(
            Bin(
                low=index / BINS,
                high=(index + 1) / BINS,
                confidence=float(sure[index] / counts[index]),
                right=Share(hits=int(right[which == index].sum()), of=int(counts[index])),
            )
            for index in np.flatnonzero(counts)
        ),
    )
