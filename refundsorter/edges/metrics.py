"""The numbers behind `/metrics`, in memory: telling one costs a microsecond, nothing is formatted here."""

import threading
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass

from refundsorter.core.metric import Histogram, Metric

Key = tuple[Metric, tuple[str, ...]]


@dataclass(slots=True)
class _Buckets:
    counts: list[int]
    total: float = 0.0


class Metrics:
    """See `MetricsPort`; begins at zero with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: defaultdict[Key, int] = defaultdict(int)
        self._histograms: dict[Key, _Buckets] = {}

    def count(self, metric: Metric, *labels: str, by: int = 1) -> None:
        """It happened so many times more."""
        with self._lock:
            self._counts[metric, labels] += by

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """It was measured once."""
        with self._lock:
            found = self._histograms.get((metric, labels))
            if found is None:
                found = self._histograms[metric, labels] = _Buckets([0] * (len(metric.buckets) + 1))
            found.counts[bisect_left(metric.buckets, value)] += 1
            found.total += value

    def counts(self) -> dict[Key, int]:
        """What was counted."""
        with self._lock:
            return dict(self._counts)

    def histograms(self) -> dict[Key, Histogram]:
        """What was measured."""
        with self._lock:
            return {key: Histogram(tuple(one.counts), one.total) for key, one in self._histograms.items()}
