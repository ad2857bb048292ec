"""How loudly a new category may speak among all that the head knew before.

Its columns are as good as its few photos; their loudness decides what they take from others, and what others
keep from them. It is fitted: photos of the category are to be named by columns that were made without them,
and all other photos are not (two figures, by their log-likelihood).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# What is tried. A head's own columns lie around 20 and 0; columns of single photos want to be narrower.
SCALES = np.linspace(10.0, 60.0, 26)
BIASES = np.linspace(-20.0, 20.0, 161)


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How cosines become logits."""

    scale: float
    bias: float

    def mass(self, cosines: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log of the sum of exponentials of the logits, float64 [N], of cosines [N, columns]."""
        summed: NDArray[np.float64] = np.logaddexp.reduce(self.scale * cosines.astype(np.float64), axis=1)
        return summed + self.bias


def fit_voice(
    own: NDArray[np.float32],
    strange: NDArray[np.float32],
    known_own: NDArray[np.float64],
    known_strange: NDArray[np.float64],
) -> Voice:
    """Find the loudness that photos of a new category, and others, are likeliest under.

    Args:
        own: Cosines of its photos with columns made of the other ones, float32 [P, columns]; minus infinity
            where there is a column less.
        strange: Cosines of photos that are not of it with its columns, float32 [M, columns].
        known_own: The log-sum-exp of all other logits of its photos, float64 [P].
        known_strange: The same of the others, float64 [M].
    """
    best, found = np.inf, Voice(scale=SCALES[0], bias=0.0)
    for scale in SCALES.tolist():
        plain = Voice(scale=scale, bias=0.0)
        missed = known_own - plain.mass(own)  # [P]; less the bias: log odds of being taken for another
        stolen = plain.mass(strange) - known_strange  # [M]; with the bias: of being taken for this one
        losses = np.logaddexp(0, missed[:, None] - BIASES).sum(axis=0)
        losses += np.logaddexp(0, stolen[:, None] + BIASES).sum(axis=0)
        place = int(losses.argmin())
        if losses[place] < best:
            best, found = float(losses[place]), Voice(scale=scale, bias=float(BIASES[place]))
    return found
