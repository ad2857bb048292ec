"""What a model did on photos whose category is known: every figure, with how sure one can be of it.

What counts is the category, the sum over its labels, and whether its probability reaches the threshold:
serving decides on that. `docs/evaluation.md` explains each figure for people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.share import Estimate, Share
from refundsorter.training.confusion import CategoryScore, Confusion, confusion
from refundsorter.training.coverage import Point, curve, lowest
from refundsorter.training.reliability import Reliability, reliability

__all__ = ["PROMISE", "TOP", "Measure", "Share", "measure"]  # `Share` is what a measure is made of

PROMISE = 0.90  # the precision that is asked for unless somebody says otherwise
TOP = 3  # categories that a person would be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a model did on one set of photos."""

    right: Share  # the likeliest category is the true one, of all photos
    top3: Share  # the true one is among the three likeliest, of all photos
    macro_f1: Estimate  # the mean of F1 over the categories that have photos
    filed: Share  # the likeliest category reaches its threshold, of all photos
    filed_right: Share  # the true category, of the photos filed
    promise: float  # the precision for which `chosen` was chosen
    chosen: (
        Point | None
    )  # the lowest single threshold that keeps it on these very photos; None where none does
    categories: Mapping[str, CategoryScore]  # those that a photo is of or was said to be of
    confusion: Confusion
    reliability: Reliability
    curve: tuple[Point, ...]  # from the highest threshold to the lowest

    def lines(self) -> tuple[str, ...]:
        """Say it for people, in a list in Markdown."""
        found = self.reliability
        chance = f"{found.ideal:.3f} on as few photos, and up to {found.ideal_high:.3f}"
        kept = f"no threshold gives {self.promise:.0%} on these photos"
        if self.chosen is not None:
            kept = f"{self.chosen.filed}, at {self.chosen.threshold:.3f}, chosen on these very photos"
        return (
            f"- right category, of all photos: {self.right}",
            f"- right category among the {TOP} likeliest: {self.top3}",
            f"- macro-F1: {self.macro_f1}",
            f"- filed at the bundle's thresholds: {self.filed}",
            f"- right category, of those filed: {self.filed_right}",
            f"- filed at the lowest single threshold with {self.promise:.0%} right: {kept}",
            f"- expected calibration error of the category's probability: {found.error:.3f}",
            f"- what a perfectly calibrated model would show by chance: {chance}",
        )

    def figures(self, prefix: str) -> dict[str, float]:
        """Flatten to names and numbers, for a manifest."""
        told = {
            "photos": float(self.right.of),
            "accuracy": self.right.value,
            "top3": self.top3.value,
            "macro_f1": self.macro_f1.value,
            "filed": self.filed.value,
            "filed_precision": self.filed_right.value,
            "filed_at_promise": self.chosen.filed.value if self.chosen else 0.0,
            "calibration_error": self.reliability.error,
        }
        return {f"{prefix}_{name}": round(value, 4) for name, value in told.items()}


def measure(
    odds: NDArray[np.float64],
    truth: NDArray[np.int64],
    categories: Sequence[str],
    thresholds: Mapping[str, float],
    precision: float = PROMISE,
) -> Measure:
    """Compare probabilities with the truth.

    Args:
        odds: Probabilities of categories, float64 [N, categories], N at least 1; a row may sum to less than
            1, where labels belong to no category.
        truth: The category's index of each photo, int64 [N].
        categories: Their names, in the order of the columns of `odds`.
        thresholds: From which probability on a category's photo is filed.
        precision: The promise for which the lowest single threshold is looked for, 0..1.
    """
    best, top = odds.argmax(axis=1), odds.max(axis=1)
    right = best == truth
    filed = top >= np.array([thresholds[name] for name in categories])[best]
    # A category that the model cannot give has 0; its name coming first does not make it a likely one.
    likeliest = np.argsort(-odds, axis=1, kind="stable")[:, :TOP]
    is_given = odds[np.arange(len(truth)), truth] > 0
    table = confusion(truth, best, tuple(categories))
    scores, macro_f1 = table.scores()
    points = curve(top, right)
    return Measure(
        right=_share(right),
        top3=_share((likeliest == truth[:, None]).any(axis=1) & is_given),
        macro_f1=macro_f1,
        filed=_share(filed),
        filed_right=_share(right[filed]),
        promise=precision,
        chosen=lowest(points, precision),
        categories=scores,
        confusion=table,
        reliability=reliability(top, right),
        curve=points,
    )


def _share(hits: NDArray[np.bool_]) -> Share:
    return Share(hits=int(hits.sum()), of=len(hits))
