"""Count how often a model is right, and say how sure one can be of such a count.

A share of a few hundred photos is a rough figure: each comes with its Wilson interval. What counts is the
category, the sum over its labels, and whether its probability reaches the threshold: serving decides on that.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959964  # the normal distribution's 97.5 % quantile: intervals hold the truth in 95 of 100 cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many."""

    hits: int  # how many
    of: int  # out of how many

    @property
    def value(self) -> float:
        """The share, 0..1; 0 out of none."""
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson (1927): (0, 1) out of none."""
        if not self.of:
            return 0.0, 1.0
        square = Z95 * Z95 / self.of
        centre = (self.value + square / 2) / (1 + square)
        spread = (
            Z95 * math.sqrt(self.value * (1 - self.value) / self.of + square / (4 * self.of)) / (1 + square)
        )
        return max(centre - spread, 0.0), min(centre + spread, 1.0)

    def __str__(self) -> str:
        """The share, its counts and its interval, as a card quotes them."""
        low, high = self.interval
        return f"{self.value:.1%} ({self.hits} of {self.of}; 95 % interval {low:.1%} to {high:.1%})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a model did on one set of photos."""

    right: Share  # the likeliest category is the true one, of all photos
    filed: Share  # the likeliest category reaches its threshold, of all photos
    filed_right: Share  # the true category, of the photos filed
    per_category: Mapping[
        str, Share
    ]  # the likeliest category is the true one, of the photos of that category
    calibration_error: float  # expected calibration error over ten equal bins, 0..1

    def lines(self) -> tuple[str, ...]:
        """Say it for people: a list in Markdown, and a table of the categories."""
        table = [
            f"| {name} | {share.hits} | {share.of} | {share.value:.0%} | "
            f"{share.interval[0]:.0%} to {share.interval[1]:.0%} |"
            for name, share in sorted(self.per_category.items())
        ]
        return (
            f"- right category, of all photos: {self.right}",
            f"- filed at the thresholds: {self.filed}",
            f"- right category, of those filed: {self.filed_right}",
            f"- expected calibration error of the category's probability: {self.calibration_error:.3f}",
            "",
            "| category | right | of | share | 95 % interval |",
            "|---|---:|---:|---:|---|",
            *table,
        )

    def figures(self, prefix: str) -> dict[str, float]:
        """Flatten to names and numbers, for a manifest."""
        return {
            f"{prefix}_photos": float(self.right.of),
            f"{prefix}_accuracy": round(self.right.value, 4),
            f"{prefix}_filed": round(self.filed.value, 4),
            f"{prefix}_filed_precision": round(self.filed_right.value, 4),
            f"{prefix}_calibration_error": round(self.calibration_error, 4),
        }


def measure(
    odds: NDArray[np.float64],
    truth: NDArray[np.int64],
    categories: Sequence[str],
    thresholds: Mapping[str, float],
) -> Measure:
    """Compare probabilities with the truth.

    Args:
        odds: Probabilities of categories, float64 [N, categories].
        truth: The category's index of each photo, int64 [N].
        categories: Their names, in the order of the columns of `odds`.
        thresholds: From which probability on a category's photo is filed.
    """
    best, top = odds.argmax(axis=1), odds.max(axis=1)
    right = best == truth
    filed = top >= np.array([thresholds[name] for name in categories])[best]
    return Measure(
        right=_share(right),
        filed=_share(filed),
        filed_right=_share(right[filed]),
        per_category={
            name: _share(right[truth == index])
            for index, name in enumerate(categories)
            if (truth == index).any()
        },
        calibration_error=_calibration_error(top, right),
    )


def _share(hits: NDArray[np.bool_]) -> Share:
    return Share(hits=int(hits.sum()), of=len(hits))


def _calibration_error(top: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 10) -> float:
    """Mean distance of confidence from accuracy over equal bins, by count (Naeini et al. 2015)."""
    which = np.minimum((top * bins).astype(int), bins - 1)
    gaps = [
        abs(top[which == b].mean() - right[which == b].mean()) * (which == b).sum() for b in np.unique(which)
    ]
    return float(sum(gaps) / len(top))
