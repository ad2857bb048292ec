"""Counters and histograms in memory."""

import threading

from refundsorter.core.metric import ALL, BATCH, RETRIES, SEEN, Histogram
from refundsorter.edges.metrics import Metrics


def test_what_is_counted_and_measured_can_be_read() -> None:
    """By labels; a value on a bucket's bound is in it, and one beyond all is in the last."""
    metrics = Metrics()
    metrics.count(SEEN, "scan", by=3)
    metrics.count(SEEN, "event")
    metrics.count(SEEN, "scan")
    for value in (1.0, 2.0, 3.0, 1000.0):
        metrics.observe(BATCH, value)
    assert metrics.counts() == {(SEEN, ("scan",)): 4, (SEEN, ("event",)): 1}
    assert metrics.histograms() == {(BATCH, ()): Histogram((1, 1, 1, 0, 0, 0, 0, 0, 0, 1), 1006.0)}


def test_no_count_is_lost_between_threads() -> None:
    """Eight that count at once come to the sum."""
    metrics = Metrics()

    def count() -> None:
        for _ in range(2000):
            metrics.count(RETRIES)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert metrics.counts() == {(RETRIES, ()): 16_000}


def test_buckets_rise_and_names_differ() -> None:
    """The table is one that can be shown."""
    assert len({one.name for one in ALL}) == len(ALL)
    assert all(list(one.buckets) == sorted(set(one.buckets)) for one in ALL)
