"""Teach a bundle what people corrected, without the photos that it was made of.

The trunk stays. A label that has corrections moves towards them: its column, which stands for the photos
that are no longer there, counts as one more source. A new category gets columns of its own, about one for
every two photos, as loud as serves its photos and disturbs others least (`voice`). What the model knew
besides keeps its columns, and so its answers, but for what the new ones take from them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

import numpy as np
from numpy.typing import NDArray

from refundsorter.training.calibrate import LEAST, NEVER, category_probabilities, lowest_threshold
from refundsorter.training.dataset import Sample
from refundsorter.training.head import SOURCE_POWER, Columns, Head, directions, joined, unit
from refundsorter.training.voice import Voice, fit_voice

KNOWN_PHOTOS = 50  # that a column from before counts as; our labels had 27 on average
PHOTOS_A_COLUMN = 2  # of a new category: fewer columns found fewer of its photos, and took more of others
MOST_COLUMNS = 32
ROUNDS = 8  # of spherical k-means; a few dozen photos settle in fewer

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """What came of it."""

    head: Head
    categories: tuple[str, ...]  # sorted
    thresholds: Mapping[str, float]  # of every category
    unseen: NDArray[np.float64]  # [N, categories], of each photo by a head that had not seen it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Corrected:
    """Photos that people corrected."""

    units: Array  # their directions, [N, F]
    labels: NDArray[np.str_]  # [N]
    truth: NDArray[np.int64]  # the index of each one's category, [N]

    def without(self, row: int) -> "_Corrected":
        """All but one."""
        return _Corrected(
            units=np.delete(self.units, row, axis=0),
            labels=np.delete(self.labels, row),
            truth=np.delete(self.truth, row),
        )


def extend(
    head: Head,
    categories: tuple[str, ...],
    thresholds: Mapping[str, float],
    values: Array,
    samples: Sequence[Sample],
    *,
    others: Array,
    precision: float,
) -> Extended:
    """Teach a head.

    Args:
        head: As `reopen.reopen` gives it.
        categories: What its columns' indices name, sorted.
        thresholds: The bundle's.
        values: The trunk's features of the corrected photos, float32 [N, F].
        samples: What they are.
        others: Features of photos that are of no new category, float32 [M, F]: what a new one shall not take.
        precision: The promise that a new category's threshold keeps.
    """
    every = tuple(sorted({*categories, *(sample.category for sample in samples)}))
    head = _renumbered(head, [every.index(name) for name in categories])
    corrected = _Corrected(
        units=directions(values, head.mean),
        labels=np.array([sample.label for sample in samples]),
        truth=np.array([every.index(sample.category) for sample in samples], dtype=np.int64),
    )
    new = [every.index(name) for name in sorted(set(every) - set(categories))]
    voices = {one: _voice(head, corrected, values, others, one) for one in new}
    unseen = np.concatenate(
        [
            _odds(_taught(head, corrected.without(row), voices), values[row : row + 1], len(every))
            for row in range(len(samples))
        ]
    )
    taught = _taught(head, corrected, voices)
    odds = np.concatenate([unseen, _odds(taught, others, len(every))])
    truth = np.concatenate([corrected.truth, np.full(len(others), -1)])
    own = {every[one]: _threshold(odds, truth, one, precision) for one in new}
    return Extended(head=taught, categories=every, thresholds={**thresholds, **own}, unseen=unseen)


def _odds(head: Head, values: Array, categories: int) -> NDArray[np.float64]:
    """Return probabilities of categories, float64 [N, categories], of features float32 [N, F]."""
    return category_probabilities(head.logits(values), 1.0, head.categories, categories)


def _threshold(odds: NDArray[np.float64], truth: NDArray[np.int64], category: int, precision: float) -> float:
    """Find from which probability on the photos that are named `category` are rightly so."""
    mine = odds.argmax(axis=1) == category
    if not mine.any():
        return NEVER
    sure, right = odds[mine, category], (truth == category)[mine]
    value = lowest_threshold(sure, right, np.ones(len(right)), precision)
    if value == sure.min():  # all of them keep the promise together
        return LEAST
    return min(max(float(np.ceil(value * 1000) / 1000), LEAST), NEVER)


def _voice(head: Head, corrected: _Corrected, values: Array, others: Array, category: int) -> Voice:
    """Fit how loud a new category's columns may be; with a single photo, as loud as the others."""
    mine = corrected.truth == category
    units = corrected.units[mine]
    strangers = np.concatenate([values[~mine], others])
    if len(units) < 2 or not len(strangers):  # noqa: PLR2004 - a photo and the columns of another
        return _usual(head)
    own = np.full((len(units), MOST_COLUMNS), -np.inf, np.float32)
    for row, photo in enumerate(units):
        columns = _columns_of(np.delete(units, row, axis=0))
        own[row, : len(columns)] = columns @ photo
    return fit_voice(
        own,
        directions(strangers, head.mean) @ _columns_of(units).T,
        _loudness(head, values[mine]),
        _loudness(head, strangers),
    )


def _loudness(head: Head, values: Array) -> NDArray[np.float64]:
    """Return the log-sum-exp of a head's logits, float64 [N], of features float32 [N, F]."""
    found: NDArray[np.float64] = np.logaddexp.reduce(head.logits(values).astype(np.float64), axis=1)
    return found


def _usual(head: Head) -> Voice:
    """How loud a label's column is."""
    named = head.ours.categories >= 0
    return Voice(
        scale=float(np.median(np.linalg.norm(head.ours.kernel[:, named], axis=0))),
        bias=float(np.median(head.ours.bias[named])),
    )


def _columns_of(units: Array) -> Array:
    """Return the columns of a new category's photos, float32 [columns, F], each of length 1."""
    return clusters(units, min(MOST_COLUMNS, max(1, len(units) // PHOTOS_A_COLUMN)))


def _taught(head: Head, corrected: _Corrected, voices: Mapping[int, Voice]) -> Head:
    """Return the head with photos taught to it; `voices` has one for each new category."""
    kernel = head.ours.kernel.copy()
    place = {label: index for index, label in enumerate(head.ours.labels)}
    fresh: list[Columns] = []
    for label, photos in sorted(Counter(corrected.labels.tolist()).items()):
        here = corrected.labels == label
        mine, category = corrected.units[here], int(corrected.truth[here][0])
        if label in place:
            before = kernel[:, place[label]]
            length = np.linalg.norm(before)
            sources = KNOWN_PHOTOS**SOURCE_POWER * before / length, photos**SOURCE_POWER * mine.mean(axis=0)
            kernel[:, place[label]] = length * unit(np.add(*sources)[None])[0]
            continue
        taken = {*head.labels, *(name for columns in fresh for name in columns.labels)}
        voice = voices.get(category)
        means = unit(mine.mean(axis=0)[None]) if voice is None else _columns_of(mine)
        fresh.append(_columns(label, category, means, voice or _usual(head), taken))
    ours = Columns(
        labels=head.ours.labels, categories=head.ours.categories, kernel=kernel, bias=head.ours.bias
    )
    return replace(head, ours=joined([ours, *fresh]))


def _columns(label: str, category: int, means: Array, voice: Voice, taken: set[str]) -> Columns:
    """Return new columns, under names that are free: "crane", "crane (2)"."""
    numbered = (label if number == 1 else f"{label} ({number})" for number in count(1))
    free = islice((name for name in numbered if name not in taken), len(means))
    return Columns(
        labels=tuple(free),
        categories=np.full(len(means), category, np.int64),
        kernel=(voice.scale * means.T).astype(np.float32),
        bias=np.full(len(means), voice.bias, np.float32),
    )


def clusters(units: Array, most: int) -> Array:
    """Find the directions around which directions lie: spherical k-means (Dhillon and Modha 2001).

    Args:
        units: float32 [N, F], each of length 1.
        most: How many; fewer come out where some would be of no photo.

    Returns:
        float32 [at most `most`, F], each of length 1.
    """
    chosen = [int(np.argmax(units @ units.mean(axis=0)))]
    while len(chosen) < most:
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
