"""Whether photos, or what the model makes of them, have changed: one distribution of counts against another.

Two figures say how far they lie apart. The population stability index is the sum of (p - q) ln(p / q) over
the classes (Siddiqi 2006, who calls 0.1 small and 0.25 large); the Jensen-Shannon distance is the root of
their divergence to base 2 (Lin 1991; Endres and Schindelin 2003), from 0 to 1. Both are above 0 by chance
alone, all the more the fewer photos there are: with k classes and n and m photos the index is then about
(1/n + 1/m) times a chi-square with k - 1 degrees of freedom (Yurdakul and Naranjo 2020), and what exceeds
that once in a thousand windows only is no chance.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.share import Estimate, Share

CONFIDENCE_BINS = 10  # of equal width
_Z999 = 3.090232  # the normal distribution's 99.9 % quantile
_DRAWS = 400
_SEED = 1  # of the resampling: the same photos give the same figures
_SMOOTHING = 0.5  # photos added to each class, so that one that is empty on one side has a logarithm

Counts = Mapping[str, int]


class Verdict(StrEnum):
    """What a comparison says."""

    STEADY = "steady"  # no change that could be told from chance, or a small one
    SHIFTED = "shifted"  # a large change, and no chance
    TOO_FEW = "too_few"  # it cannot be told with so few photos


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on a change counts."""

    psi: float  # the index that is too large
    min_photos: int  # of a window, and of what it is compared with


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far a window lies from what it is compared with."""

    photos: int  # in the window
    reference: int  # in what it is compared with
    psi: Estimate | None  # the index, with the interval of resampled photos; None where there are too few
    distance: Estimate | None  # the Jensen-Shannon distance, likewise
    chance: float | None  # the index that chance alone exceeds once in a thousand windows
    moved: tuple[str, ...]  # the classes that changed most, the first one most; where it has shifted
    verdict: Verdict


def compare(reference: Counts, window: Counts, limits: Limits) -> Shift:
    """Hold a window against what was usual.

    Args:
        reference: Photos in each class, usually.
        window: Photos in each class now.
        limits: From where on a change counts.
    """
    usual, now = sum(reference.values()), sum(window.values())
    if min(usual, now) < max(1, limits.min_photos):
        return Shift(
            photos=now,
            reference=usual,
            psi=None,
            distance=None,
            chance=None,
            moved=(),
            verdict=Verdict.TOO_FEW,
        )
    classes = sorted(set(reference) | set(window))
    q = np.array([reference.get(name, 0) for name in classes], dtype=np.float64)
    p = np.array([window.get(name, 0) for name in classes], dtype=np.float64)
    psi, distance = _resampled(p, q)
    chance = (1 / now + 1 / usual) * _chi_square_999(len(classes) - 1)
    is_shifted = psi.value >= limits.psi and psi.value > chance
    parts = _psi_parts(p, q)
    return Shift(
        photos=now,
        reference=usual,
        psi=psi,
        distance=distance,
        chance=round(chance, 4),
        moved=tuple(classes[index] for index in np.argsort(-parts, kind="stable")[:3]) if is_shifted else (),
        verdict=Verdict.SHIFTED if is_shifted else Verdict.STEADY,
    )


def compare_shares(reference: Share, window: Share, *, min_photos: int) -> Verdict:
    """Whether a share has fallen: its whole interval lies below that of what was usual."""
    if min(reference.of, window.of) < min_photos:
        return Verdict.TOO_FEW
    return Verdict.SHIFTED if window.interval[1] < reference.interval[0] else Verdict.STEADY


def confidence_class(bin_index: int) -> str:
    """The name of a bin of confidence: "0.9" for 0.9 up to 1."""
    return f"{bin_index / CONFIDENCE_BINS:.1f}"


def _resampled(p: NDArray[np.float64], q: NDArray[np.float64]) -> tuple[Estimate, Estimate]:
    draws = np.random.default_rng(_SEED)
    ps = draws.multinomial(int(p.sum()), p / p.sum(), _DRAWS).astype(np.float64)
    qs = draws.multinomial(int(q.sum()), q / q.sum(), _DRAWS).astype(np.float64)
    return (
        _estimate(float(_psi_parts(p, q).sum()), _psi_parts(ps, qs).sum(axis=-1)),
        _estimate(float(_distance(p, q)), _distance(ps, qs)),
    )


def _estimate(value: float, resampled: NDArray[np.float64]) -> Estimate:
    low, high = np.quantile(resampled, [0.025, 0.975])
    # Resampling adds chance to chance, so the figure itself may lie below what was resampled.
    return Estimate(
        value=round(value, 4), low=round(min(value, float(low)), 4), high=round(max(value, float(high)), 4)
    )


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    smooth = counts + _SMOOTHING
    shares: NDArray[np.float64] = smooth / smooth.sum(axis=-1, keepdims=True)
    return shares


def _psi_parts(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each class adds to the index, float64 [..., classes]."""
    a, b = _shares(p), _shares(q)
    return (a - b) * np.log(a / b)


def _distance(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Jensen-Shannon distance, float64 [...]."""
    a, b = _shares(p), _shares(q)
    middle = (a + b) / 2
    divergence = (a * np.log2(a / middle) + b * np.log2(b / middle)).sum(axis=-1) / 2
    distance: NDArray[np.float64] = np.sqrt(np.maximum(divergence, 0.0))
    return distance


def _chi_square_999(freedom: int) -> float:
    """The 99.9 % quantile of a chi-square (Wilson and Hilferty 1931); 0 without a degree of freedom."""
    if freedom < 1:
        return 0.0
    part = 2 / (9 * freedom)
    return freedom * (1 - part + _Z999 * math.sqrt(part)) ** 3
