"""One inbox as the intake sees it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from refundsorter.core.port import FoundPort, ScannerPort, WatchPort


@dataclass(slots=True)
class Root:
    """One inbox."""

    path: str  # as os.fsdecode gives it
    scanner: ScannerPort
    watch: WatchPort | None  # None in a single sweep, which looks only once
    scans: list[Iterator[FoundPort]] = field(default_factory=list)  # under way
    is_reachable: bool = True
