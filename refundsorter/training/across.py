"""What a head says of photos whose source it has not seen: whole sources are left out in turn.

What a model says about photos of a shop it has learned from tells little about the next shop. So scale,
biases and thresholds are found on these answers. Few photos of each source are judged, or a source of
thousands would decide alone; and none that has a near twin in another source, which would be no stranger.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from refundsorter.training.dataset import Sample
from refundsorter.training.head import directions, fit_columns
from refundsorter.training.progress import Progress, Report
from refundsorter.training.recipe import Lesson, Recipe

FOLDS = 8
MOST_OF_SOURCE = 40  # photos of one category of one source that are judged, at most
TWIN = 0.93  # cosine of two photos' directions from which on they count as twins
BLOCK = 1024  # photos compared with all others at a time


def judged_rows(
    units: NDArray[np.float32], categories: NDArray[np.int64], groups: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """Choose the photos that are judged.

    Args:
        units: Directions of all photos, float32 [N, F].
        categories: The category's index of each, int64 [N].
        groups: The source of each, int64 [N].
        seed: Of the choice.

    Returns:
        Their rows, ascending, int64 [J].
    """
    counts: Counter[tuple[int, int]] = Counter()
    chosen = []
    for row in np.random.default_rng(seed).permutation(len(units)).tolist():
        key = int(groups[row]), int(categories[row])
        counts[key] += 1
        if counts[key] <= MOST_OF_SOURCE:
            chosen.append(row)
    rows = np.sort(np.array(chosen, dtype=np.int64))
    twins = np.zeros(len(rows), np.bool_)
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        alike = units[part] @ units.T >= TWIN
        twins[start : start + BLOCK] = (alike & (groups[part][:, None] != groups[None])).any(axis=1)
    return rows[~twins]


def folds(groups: NDArray[np.int64], categories: NDArray[np.int64]) -> NDArray[np.int64]:
    """Divide whole sources among `FOLDS` folds, each category as evenly as its sources allow.

    Returns:
        The fold of each photo, int64 [N].
    """
    totals = np.bincount(categories).astype(np.float64)
    shares: defaultdict[int, NDArray[np.float64]] = defaultdict(lambda: np.zeros(len(totals)))
    for group, category in zip(groups.tolist(), categories.tolist(), strict=True):
        shares[group][category] += 1 / totals[category]
    load = np.zeros((FOLDS, len(totals)))
    fold = {}
    for group in sorted(shares, key=lambda group: (-shares[group].sum(), group)):
        fold[group] = int(np.argmin((load * shares[group]).sum(axis=1) + 1e-3 * load.sum(axis=1)))
        load[fold[group]] += shares[group]
    return np.array([fold[group] for group in groups.tolist()], dtype=np.int64)


def strange_cosines(
    values: NDArray[np.float32],
    lesson: Lesson,
    rows: NDArray[np.int64],
    fold: NDArray[np.int64],
    *,
    recipe: Recipe,
    seed: int,
    report: Report,
) -> NDArray[np.float32]:
    """Ask of photos a head that has seen nothing of their fold.

    Args:
        values: Features of all photos, float32 [N, F].
        lesson: What all are.
        rows: Which are judged, int64 [J].
        fold: The fold of each photo, int64 [N].
        recipe: How the head is made.
        seed: Of its draws.
        report: Told after every fold.

    Returns:
        float32 [J, labels]; minus infinity for labels that are known from the photo's own fold only.
    """
    found = np.full((len(rows), lesson.labels), -np.inf, np.float32)
    for number in range(FOLDS):
        mine = np.flatnonzero(fold[rows] == number)
        rest = np.flatnonzero(fold != number)
        if len(mine) and len(rest):
            mean, kernel, bias = fit_columns(values[rest], lesson.of(rest), recipe, seed, lambda _: None)
            found[mine] = directions(values[rows[mine]], mean) @ kernel + bias
        report(Progress(stage="across", done=number + 1, total=FOLDS))
    return found


def groups_of(samples: Sequence[Sample]) -> NDArray[np.int64]:
    """Number the sources, int64 [N]; where all photos are of one, each is a source of its own."""
    names = [sample.group for sample in samples]
    if len(set(names)) == 1:
        names = [str(sample.path) for sample in samples]
    _, numbers = np.unique(np.array(names), return_inverse=True)
    return numbers.astype(np.int64)
