"""When a micro-batch is taken, and when what was examined is filed as one group."""

from dataclasses import dataclass

GROUP = 64  # photos; what a commit and a sync cost is little when so many share them
GROUP_S = 0.5  # longest that an examined photo waits for its group


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


def is_group(*, photos: int, more_to_come: bool, waited_s: float) -> bool:
    """Say whether examined photos are filed now, or wait for others to share a commit and a sync with.

    Args:
        photos: How many there are.
        more_to_come: Whether others of a backlog are being examined.
        waited_s: How long the first of them has waited, in seconds.
    """
    return not more_to_come or photos >= GROUP or waited_s >= GROUP_S
