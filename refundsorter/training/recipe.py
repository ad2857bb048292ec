"""What is taught, and how: every figure that changes what comes out of a training run."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train: every figure that changes what comes out."""

    size: int = 224  # side of the input in pixels
    alpha: float = 1.0  # width of MobileNetV2
    head_steps: int = 300  # steps of the head, 512 photos each
    head_rate: float = 0.03  # Adam's rate for the head, falling to zero along a cosine
    head_scale: float = 32.0  # what a label's mean is multiplied by to start as its column of the kernel
    head_pull: float = 4e-6  # weight of keeping the head to that start
    tune_steps: int = 400  # steps over every layer
    tune_batch: int = 32  # photos a step
    tune_size: int = 160  # side of the input while tuning: half the work, and crops look as large as at 224
    tune_rate: float = 2e-5  # Adam's rate for the trunk, falling to zero along a cosine
    smoothing: float = 0.1  # share of the truth given to all labels alike while tuning: labels carry noise
    distil: float = 2.0  # weight of keeping to the start's features
    anchor: float = 1e-2  # weight of keeping to the start's weights (L2-SP, Li et al. 2018, arXiv:1802.01483)
    mix: float = (
        0.5  # share of the tuned weights in the mean (WiSE-FT, Wortsman et al. 2022, arXiv:2109.01903)
    )
    held: float = 0.12  # share of each category held out, by source, for calibration

    def changed(self, *, size: int | None, width: float | None, steps: int | None) -> "Recipe":
        """The recipe with what a person asked for; None keeps a figure, and tuning is never the larger."""
        side = size or self.size
        return replace(
            self,
            size=side,
            alpha=width or self.alpha,
            tune_steps=steps or self.tune_steps,
            tune_size=min(side, self.tune_size),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What photos are to be taught as."""

    targets: NDArray[np.int64]  # the label's index of each photo, [N]
    weights: NDArray[np.float64]  # how often each photo is drawn, [N], summing to 1
    labels: int  # how many labels there are; each has at least one photo
