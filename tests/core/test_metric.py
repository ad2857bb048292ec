"""What loops tell of photos and of trouble."""

import errno

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.metric import ERRORS, RECOVERED, SEEN, STAGE, Metric, tell_seen, tell_trouble
from refundsorter.core.stability import Arrival, FileIdentity, Source
from refundsorter.edges.metrics import Metrics


def arrival(source: Source) -> Arrival:
    """A file that was noticed at 100."""
    identity = FileIdentity(device=1, inode=2, size=3, mtime_ns=4)
    return Arrival(path="/inbox/a", root="/inbox", identity=identity, seen_at=100.0, source=source)


def test_what_only_a_later_scan_found_is_told_apart() -> None:
    """Not what an event told of, and not what lay there at the start."""
    metrics = Metrics()
    both = [arrival(Source.EVENT), arrival(Source.SCAN)]
    tell_seen(metrics, both, 101.0, is_rescan=False)
    assert metrics.counts() == {(SEEN, ("event",)): 1, (SEEN, ("scan",)): 1}
    tell_seen(metrics, both, 99.0, is_rescan=True)  # the clock was set back
    assert metrics.counts() == {(SEEN, ("event",)): 2, (SEEN, ("scan",)): 2, (RECOVERED, ()): 1}
    stable: tuple[Metric, tuple[str, ...]] = (STAGE, ("stable",))
    assert metrics.histograms()[stable].total == 2.0


def test_trouble_is_told_by_the_systems_name_for_it() -> None:
    """Never by its message, which holds names of files."""
    metrics = Metrics()
    full = PassingTrouble("write '/sorted/a': No space left on device")
    full.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    tell_trouble(metrics, "move", full)
    tell_trouble(metrics, "move", PassingTrouble("whatever"))
    assert metrics.counts() == {(ERRORS, ("move", "ENOSPC")): 1, (ERRORS, ("move", "other")): 1}
