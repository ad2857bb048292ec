"""What was taken for what: counts of true and predicted categories, and the scores that follow from them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.share import Estimate, Share

RESAMPLES = 2000
SEED = 1  # of the resampling: the same photos give the same intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryScore:
    """How well one category is told."""

    recall: Share  # of its photos, those that were said to be of it
    precision: Share  # of the photos said to be of it, those that are
    f1: Estimate  # 2 · precision · recall / (precision + recall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixup:
    """Photos of one category that were taken for another."""

    truth: str
    predicted: str
    photos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Counts by true and predicted category."""

    categories: tuple[str, ...]  # those that a photo is of or was said to be of, sorted
    counts: tuple[tuple[int, ...], ...]  # [true][predicted], photos

    def mixups(self) -> Iterator[Mixup]:
        """Every confusion that happened, the most frequent first."""
        found = [
            Mixup(truth=truth, predicted=predicted, photos=count)
            for truth, row in zip(self.categories, self.counts, strict=True)
            for predicted, count in zip(self.categories, row, strict=True)
            if count and truth != predicted
        ]
        yield from sorted(found, key=lambda mixup: -mixup.photos)

    def scores(self) -> tuple[dict[str, CategoryScore], Estimate]:
        """Score each category, and take the mean of F1 over those that have photos (macro-F1).

        The intervals of F1 are percentiles over resampled photos (Efron 1979, the bootstrap).
        """
        table = np.array(self.counts, dtype=np.int64)
        draws = np.random.default_rng(SEED).multinomial(
            table.sum(), table.ravel() / table.sum(), size=RESAMPLES
        )
        resampled = _f1(draws.reshape(RESAMPLES, *table.shape))
        exact = _f1(table[None])
        present = table.sum(axis=1) > 0
        scores = {
            name: CategoryScore(
                recall=Share(hits=int(table[i, i]), of=int(table[i].sum())),
                precision=Share(hits=int(table[i, i]), of=int(table[:, i].sum())),
                f1=_estimate(exact[0, i], resampled[:, i]),
            )
            for i, name in enumerate(self.categories)
        }
        return scores, _estimate(exact[0, present].mean(), np.nanmean(resampled[:, present], axis=1))


def confusion(truth: NDArray[np.int64], best: NDArray[np.int64], categories: tuple[str, ...]) -> Confusion:
    """Count what was taken for what.

    Args:
        truth: The category's index of each photo, int64 [N].
        best: The index of the likeliest one, int64 [N].
        categories: Their names.
    """
    table = np.zeros((len(categories), len(categories)), dtype=np.int64)
    np.add.at(table, (truth, best), 1)
    seen = np.flatnonzero(table.sum(axis=0) + table.sum(axis=1))
    return Confusion(
        categories=tuple(categories[index] for index in seen),
        counts=tuple(tuple(row) for row in table[np.ix_(seen, seen)].tolist()),
    )


def _f1(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each category, float64 [R, C], of tables [R, C, C]; NaN where nothing is of it or said to be."""
    hits = np.diagonal(tables, axis1=1, axis2=2)
    told = tables.sum(axis=1) + tables.sum(axis=2)
    return np.where(told > 0, 2 * hits / np.maximum(told, 1), np.nan)


def _estimate(value: float, resampled: NDArray[np.float64]) -> Estimate:
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return Estimate(value=float(value), low=float(low), high=float(high))
