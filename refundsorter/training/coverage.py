"""What a threshold buys: the fewer photos are filed, the more of them are right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.share import Share

MAX_POINTS = 200  # of a curve; more cannot be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What one threshold for all categories would do."""

    threshold: float  # photos whose likeliest category is at least this probable are filed
    filed: Share  # of all photos
    right: Share  # of those filed


def curve(top: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Point, ...]:
    """Say for every threshold that tells photos apart what it would do (El-Yaniv and Wiener 2010).

    Args:
        top: The probability of each photo's likeliest category, float64 [N], 0..1.
        right: Whether it is the true one, bool [N].

    Returns:
        From the highest threshold to the lowest, which files every photo.
    """
    order = np.argsort(-top, kind="stable")
    sure, hits = top[order], np.cumsum(right[order])
    last = np.flatnonzero(np.append(sure[1:] < sure[:-1], True))  # photos that are equally sure go together
    return tuple(
        Point(
            threshold=float(sure[index]),
            filed=Share(hits=int(index) + 1, of=len(top)),
            right=Share(hits=int(hits[index]), of=int(index) + 1),
        )
        for index in last
    )


def lowest(points: tuple[Point, ...], precision: float) -> Point | None:
    """Return the lowest threshold that kept a promise; None where none does.

    Args:
        points: As `curve` gives them.
        precision: The least share of right ones among those filed, 0..1.
    """
    kept = [point for point in points if point.right.value >= precision]
    return kept[-1] if kept else None


def thinned(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Leave out points of a long curve, evenly, and neither end."""
    chosen = np.unique(np.linspace(0, len(points) - 1, MAX_POINTS).round().astype(int))
    return tuple(points[index] for index in chosen)
