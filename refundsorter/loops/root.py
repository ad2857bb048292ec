"""One inbox as the intake sees it, and how often it looks."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from refundsorter.core.port import FoundPort, ScannerPort, WatchPort
from refundsorter.core.retry import RetryPolicy


@dataclass(slots=True)
class Root:
    """One inbox."""

    path: str  # as os.fsdecode gives it
    scanner: ScannerPort
    watch: WatchPort | None  # None in a single sweep, which looks only once
    scans: list[Iterator[FoundPort]] = field(default_factory=list)  # under way
    is_reachable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What the settings may change while the loop runs."""

    stability_s: float  # how long a file must hold still
    scan_interval_s: float  # from scan to scan
    retry: RetryPolicy  # how long passing trouble is waited out
