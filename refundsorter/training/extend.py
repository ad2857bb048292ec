"""Teach a bundle what people corrected, without the photos that it was made of.

The trunk stays. A label that has corrections moves towards them: its column, which stands for the photos that
are no longer there, counts as one more source. A new label gets columns of its own, a few where its photos
differ much. What the model knew besides keeps its columns, and so its answers, but for what the new labels
take from them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from refundsorter.training.calibrate import category_probabilities, find_thresholds
from refundsorter.training.dataset import Sample
from refundsorter.training.head import SOURCE_POWER, Columns, Head, directions, joined, unit

KNOWN_PHOTOS = 50  # that a column from before counts as; our labels had 27 on average
PHOTOS_A_COLUMN = 12  # of a new label: one column for so many photos, at most three
MOST_COLUMNS = 3
ROUNDS = 8  # of spherical k-means; a few dozen photos settle in fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """What came of it."""

    head: Head
    categories: tuple[str, ...]  # sorted
    thresholds: Mapping[str, float]  # of every category
    unseen: NDArray[np.float64]  # [N, categories], of each photo by a head that had not seen it


def extend(
    head: Head,
    categories: tuple[str, ...],
    thresholds: Mapping[str, float],
    values: NDArray[np.float32],
    samples: Sequence[Sample],
    *,
    precision: float,
) -> Extended:
    """Teach a head.

    Args:
        head: As `reopen.reopen` gives it.
        categories: What its columns' indices name, sorted.
        thresholds: The bundle's.
        values: The trunk's features of the corrected photos, float32 [N, F].
        samples: What they are.
        precision: The promise that a new category's threshold keeps.

    Raises:
        DatasetRefused: There are none.
    """
    every = tuple(sorted({*categories, *(sample.category for sample in samples)}))
    head = _renumbered(head, [every.index(name) for name in categories])
    units = directions(values, head.mean)
    taught = _taught(head, units, samples, every)
    odds = np.concatenate(
        [_odds_unseen(head, units, values, samples, row, categories=every) for row in range(len(samples))]
    )
    truth = np.array([every.index(sample.category) for sample in samples], dtype=np.int64)
    own = find_thresholds(odds, truth, every, precision)
    new = {name: own[name] for name in set(every) - set(categories)}
    return Extended(head=taught, categories=every, thresholds={**thresholds, **new}, unseen=odds)


def _odds_unseen(
    head: Head,
    units: NDArray[np.float32],
    values: NDArray[np.float32],
    samples: Sequence[Sample],
    row: int,
    *,
    categories: Sequence[str],
) -> NDArray[np.float64]:
    """Return a photo's probabilities, float64 [1, categories], of a head taught by all the others."""
    others = [*samples[:row], *samples[row + 1 :]]
    taught = _taught(head, np.delete(units, row, axis=0), others, categories)
    logits = taught.logits(values[row : row + 1])
    return category_probabilities(logits, 1.0, taught.categories, len(categories))


def _taught(
    head: Head, units: NDArray[np.float32], samples: Sequence[Sample], categories: Sequence[str]
) -> Head:
    """Return the head with the photos of directions `units` taught to it."""
    labels = np.array([sample.label for sample in samples])
    kernel = head.ours.kernel.copy()
    place = {label: index for index, label in enumerate(head.ours.labels)}
    scale = float(np.median(np.linalg.norm(kernel, axis=0)))
    fresh = []
    for label, count in sorted(Counter(labels.tolist()).items()):
        mine = units[labels == label]
        if label in place:
            before = kernel[:, place[label]]
            length = np.linalg.norm(before)
            sources = KNOWN_PHOTOS**SOURCE_POWER * before / length, count**SOURCE_POWER * mine.mean(axis=0)
            kernel[:, place[label]] = length * unit(np.add(*sources)[None])[0]
            continue
        category = next(sample.category for sample in samples if sample.label == label)
        means = clusters(mine, min(MOST_COLUMNS, max(1, count // PHOTOS_A_COLUMN)))
        fresh.append(_columns(label, categories.index(category), means * scale, head))
    ours = Columns(
        labels=head.ours.labels, categories=head.ours.categories, kernel=kernel, bias=head.ours.bias
    )
    return replace(head, ours=joined([ours, *fresh]))


def _columns(label: str, category: int, kernel: NDArray[np.float32], head: Head) -> Columns:
    """Return new columns, as loud as those of their category, or of all where it is new."""
    like = head.ours.categories == category
    bias = float(np.median(head.ours.bias[like if like.any() else head.ours.categories >= 0]))
    names = (label, *(f"{label} ({number})" for number in range(2, len(kernel) + 1)))
    return Columns(
        labels=names,
        categories=np.full(len(kernel), category, np.int64),
        kernel=kernel.T.astype(np.float32),
        bias=np.full(len(kernel), bias, np.float32),
    )


def clusters(units: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Find the directions around which directions lie: spherical k-means (Dhillon and Modha 2001).

    Args:
        units: float32 [N, F], each of length 1.
        count: How many; fewer come out where some would be of no photo.

    Returns:
        float32 [count, F], each of length 1.
    """
    chosen = [int(np.argmax(units @ units.mean(axis=0)))]
    while len(chosen) < count:
        chosen.append(int(np.argmin((units @ units[chosen].T).max(axis=1))))
    centres = units[chosen]
    for _ in range(ROUNDS):
        nearest = (units @ centres.T).argmax(axis=1)
        used = np.unique(nearest)
        centres = unit(np.stack([units[nearest == one].mean(axis=0) for one in used]))
    return centres


def _renumbered(head: Head, places: list[int]) -> Head:
    """Return the head with other indices of its categories."""
    to = np.array([*places, -1], dtype=np.int64)  # -1 stays -1

    def moved(columns: Columns) -> Columns:
        return replace(columns, categories=to[columns.categories])

    return replace(head, ours=moved(head.ours), prior=moved(head.prior) if head.prior else None)
