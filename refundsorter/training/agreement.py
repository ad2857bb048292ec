"""Does an export say what the original says? Told in figures, on the same pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.share import Share

# Two labels whose probabilities differ by less than this are a tie: rounding may turn it either way.
TIE = 1e-3

# How far an export with unchanged weights may be off: other kernels add up in another order, some 1e-5.
MAX_FLOAT_DIFFERENCE = 1e-2


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How near two models' probabilities are on the same photos."""

    same: Share  # both name the same label first
    turned: int  # photos on which they do not, and the original's answer was no tie
    max_difference: float  # of any label's probability on any photo, 0..1
    mean_difference: float  # over all labels and photos, 0..1

    @property
    def is_exact(self) -> bool:
        """Whether nothing differs but rounding."""
        return not self.turned and self.max_difference <= MAX_FLOAT_DIFFERENCE


def compare(expected: NDArray[np.float32], given: NDArray[np.float32]) -> Agreement:
    """Hold probabilities against the original's.

    Args:
        expected: The original's, float32 [N, labels].
        given: The export's, likewise.
    """
    rows = np.arange(len(expected))
    first, now = expected.argmax(axis=1), given.argmax(axis=1)
    lead = expected[rows, first] - expected[rows, now]  # 0 where both name the same
    difference = np.abs(expected - given)
    return Agreement(
        same=Share(hits=int((first == now).sum()), of=len(rows)),
        turned=int((lead > TIE).sum()),
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
    )
