"""A loop's sign of life: systemd is told that all is well only while every loop makes progress."""

from refundsorter.core.port import Clock


class Beat:
    """When a loop last made progress."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = clock.monotonic()

    def tick(self) -> None:
        """The loop went round, or has nothing to do."""
        self._at = self._clock.monotonic()

    def age_s(self) -> float:
        """Seconds since the last progress."""
        return self._clock.monotonic() - self._at
