"""When a micro-batch is taken: as soon as it is full, or when its oldest photo has waited long enough."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """The size and the age of a micro-batch."""

    max_size: int  # photos
    max_delay_s: float  # how long the first photo waits for company, in seconds

    def wait_s(self, *, queued: int, oldest_age_s: float) -> float | None:
        """Say how long to wait before the next batch is taken.

        Args:
            queued: Photos that could be taken now.
            oldest_age_s: How long the oldest of them has been queued, in seconds.

        Returns:
            Seconds; 0 for "take it now"; None for "there is nothing to wait for".
        """
        if queued == 0:
            return None
        if queued >= self.max_size:
            return 0.0
        return max(0.0, self.max_delay_s - max(0.0, oldest_age_s))
