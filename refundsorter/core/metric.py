"""What is counted and measured while photos are sorted: one table, and the port that loops tell it by.

Labels are of closed lists, never from a photo or a file's name. Units are base units.
"""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from refundsorter.core.image import Answer, Examined
from refundsorter.core.stability import Arrival, Source

PREFIX = "refundsorter_"
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)  # seconds
SLOW = (
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    3600.0,
    86400.0,
)  # likewise
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # 0..1
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)  # photos


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that is counted, or measured where it has buckets."""

    name: str  # without the prefix, and without what the format adds
    about: str  # one sentence
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()  # upper bounds, without the infinite one


SEEN = Metric("files_seen", "Files that were found complete in an inbox.", ("source",))
RECOVERED = Metric("scan_recovered_files", "Files that no event told of, found by a scan after the first.")
OVERFLOWS = Metric("watch_overflows", "Times that events came too fast to be kept, so that a scan followed.")
RESTARTS = Metric("watch_restarts", "Times that a watch was set anew, after its folder was replaced or away.")
ERRORS = Metric(
    "errors", "Photos that could not be used, and passing trouble, by the stage.", ("stage", "reason")
)
RETRIES = Metric("retries", "Times that a photo went back to waiting for passing trouble.")
BATCH = Metric("batch_files", "Photos that were filed as one group.", buckets=SIZES)
STAGE = Metric(
    "stage_duration_seconds", "What one photo took in a stage; journal: one group.", ("stage",), FAST
)
WHOLE = Metric("photo_duration_seconds", "From a photo's being noticed to its being filed.", buckets=SLOW)
CONFIDENCE = Metric("confidence_ratio", "The confidence of the best category.", buckets=SHARES)
REQUESTS = Metric("http_requests", "Requests that were answered.", ("route", "method", "status"))
ANSWERING = Metric("http_request_duration_seconds", "From a request to its answer's end.", ("route",), FAST)
ALL = (
    SEEN, RECOVERED, OVERFLOWS, RESTARTS, ERRORS, RETRIES, BATCH, STAGE, WHOLE, CONFIDENCE, REQUESTS,
    ANSWERING,
)  # fmt: skip


class Meter(Protocol):
    """Where it is told; from any thread, and for the price of a counter."""

    def count(self, metric: Metric, *labels: str, by: int = 1) -> None:
        """It happened so many times more."""

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """It was measured once."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """What was measured so far."""

    counts: Sequence[int]  # in each bucket alone; the infinite one is the last
    total: float


class MetricsPort(Meter, Protocol):
    """A meter that can be read."""

    def counts(self) -> Mapping[tuple[Metric, tuple[str, ...]], int]:
        """What was counted, by metric and labels."""

    def histograms(self) -> Mapping[tuple[Metric, tuple[str, ...]], Histogram]:
        """What was measured, likewise."""


def tell_seen(meter: Meter, arrivals: Sequence[Arrival], now: float, *, is_rescan: bool) -> None:
    """Tell of files that were entered at `now`, in unix seconds."""
    for one in arrivals:
        meter.count(SEEN, one.source)
        meter.observe(STAGE, max(0.0, now - one.seen_at), "stable")
        if is_rescan and one.source is Source.SCAN:
            meter.count(RECOVERED)


def tell_filed(meter: Meter, examined: Examined, now: float, move_ms: float) -> None:
    """Tell of a photo that was moved to where it belongs, at `now`."""
    claimed, outcome = examined.claimed, examined.outcome
    meter.observe(STAGE, max(0.0, claimed.claimed_at - claimed.seen_at), "queue")
    meter.observe(STAGE, examined.decode_ms / 1000, "decode")
    if examined.infer_ms is not None:
        meter.observe(STAGE, examined.infer_ms / 1000, "infer")
    meter.observe(STAGE, move_ms / 1000, "move")
    meter.observe(WHOLE, max(0.0, now - claimed.seen_at))
    if isinstance(outcome, Answer):
        meter.observe(CONFIDENCE, outcome.confidence)
    else:
        meter.count(ERRORS, "decode", outcome.reason)


def tell_trouble(meter: Meter, stage: str, trouble: Exception) -> None:
    """Tell of passing trouble by the name that the system has for it: ENOSPC."""
    cause = trouble.__cause__
    known = errno.errorcode.get(cause.errno or 0) if isinstance(cause, OSError) else None
    meter.count(ERRORS, stage, known or "other")
