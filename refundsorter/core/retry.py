"""How long passing trouble is waited out: exponential back-off with a ceiling and no jitter.

There is one daemon on one machine, so there is no herd for jitter to scatter, and a test can tell the exact
time of the next try.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to try again."""

    base_s: float  # the first wait, in seconds
    max_s: float  # the longest wait, in seconds

    def delay_s(self, attempts: int) -> float:
        """Seconds to wait after the given number of attempts (1 is the first) that met trouble."""
        doublings = min(max(attempts - 1, 0), 64)  # 2**64 seconds is beyond every ceiling, and still a float
        return min(self.max_s, self.base_s * 2.0**doublings)
