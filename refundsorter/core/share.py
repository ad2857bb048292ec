"""A count out of a count, and how sure one can be of it.

A share of a few hundred photos is a rough figure, so each is told with the interval that holds the truth in
95 of 100 such cases.
"""

import math
from dataclasses import dataclass

Z95 = 1.959964  # the normal distribution's 97.5 % quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many."""

    hits: int  # how many
    of: int  # out of how many

    @property
    def value(self) -> float:
        """The share, 0..1; 0 out of none."""
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson (1927): (0, 1) out of none."""
        if not self.of:
            return 0.0, 1.0
        square = Z95 * Z95 / self.of
        centre = (self.value + square / 2) / (1 + square)
        spread = (
            Z95 * math.sqrt(self.value * (1 - self.value) / self.of + square / (4 * self.of)) / (1 + square)
        )
        return max(centre - spread, 0.0), min(centre + spread, 1.0)

    def __str__(self) -> str:
        """The share, its counts and its interval, as a card quotes them."""
        if not self.of:
            return "none of none"
        low, high = self.interval
        return f"{self.value:.1%} ({self.hits} of {self.of}; 95 % interval {low:.1%} to {high:.1%})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure that is no share of counts, with an interval from resampling."""

    value: float
    low: float  # the 2.5 % quantile of the resampled figures
    high: float  # the 97.5 % quantile

    def __str__(self) -> str:
        """The figure and its interval, as a card quotes them."""
        return f"{self.value:.3f} (95 % interval {self.low:.3f} to {self.high:.3f})"
