"""What is taught, and how: every figure that changes what comes out of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train: every figure that changes what comes out."""

    size: int = 224  # side of the input in pixels
    alpha: float = 1.0  # width of MobileNetV2
    tune_steps: int = 150  # steps over every layer
    tune_batch: int = 32  # photos a step
    tune_size: int = 224  # side of the input while tuning
    tune_rate: float = 2e-5  # Adam's rate for the trunk, falling to zero along a cosine
    categories: float = 0.5  # weight of naming the category while tuning, by whatever columns
    labels: float = 0.2  # weight of naming the label
    distil: float = 8.0  # weight of seeing what the start sees
    classes: float = 0.5  # weight of naming the earlier classifier's classes as the start does
    anchor: float = 1e-2  # weight of keeping to the start's weights (L2-SP, Li et al. 2018, arXiv:1802.01483)
    mix: float = (
        1.0  # share of the tuned weights in the mean (WiSE-FT, Wortsman et al. 2022, arXiv:2109.01903)
    )
    head_steps: int = 0  # steps of the columns from the labels' means on, 512 photos each
    head_rate: float = 0.03  # Adam's rate for them, falling to zero along a cosine
    head_scale: float = 20.5  # what cosines are multiplied by while columns or trunk are trained
    head_pull: float = 4e-6  # weight of keeping the columns to the means

    def changed(self, *, size: int | None, width: float | None, steps: int | None) -> "Recipe":
        """The recipe with what a person asked for; None keeps a figure, and tuning is never the larger."""
        side = size or self.size
        return replace(
            self,
            size=side,
            alpha=width or self.alpha,
            tune_steps=self.tune_steps if steps is None else steps,
            tune_size=min(side, self.tune_size),
        )


# `across` for photos of shops that training has nothing of; `own` for more photos of the same sources.
RECIPES: Mapping[str, Recipe] = {
    "across": Recipe(),
    "own": Recipe(tune_steps=400, tune_size=160, labels=1.0, distil=2.0, mix=0.5, head_steps=300),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What photos are to be taught as."""

    targets: NDArray[np.int64]  # the label's index of each photo, [N]
    groups: NDArray[np.int64]  # its source's number, [N]
    weights: NDArray[np.float64]  # how often each photo is drawn, [N], summing to 1
    labels: int  # how many labels there are

    def of(self, rows: NDArray[np.int64]) -> "Lesson":
        """The lesson of some photos; the labels stay as they are."""
        weights = self.weights[rows]
        return Lesson(
            targets=self.targets[rows],
            groups=self.groups[rows],
            weights=weights / weights.sum(),
            labels=self.labels,
        )
