"""What the history comes to: counts by state, category and day, and how long photos took."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from refundsorter.core.image import State
from refundsorter.core.port_images import Tallied, Timing

EPOCH = date(1970, 1, 1)
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """How many photos of some kind are filed in which way; those that were put back do not count."""

    sorted: int
    review: int
    rejected: int


def totals(tallies: Sequence[Tallied], open_photos: Mapping[str, int]) -> dict[str, int]:
    """How many photos are in each state, over all time."""
    filed = Counter[str]()
    for one in tallies:
        filed[one.state] += one.photos - one.undone
        filed[State.UNDONE] += one.undone
    return {state.value: open_photos.get(state.value, 0) + filed[state.value] for state in State}


def by_category(tallies: Sequence[Tallied]) -> dict[str, Filed]:
    """How many photos of each best category were filed in which way, over all time."""
    return _filed((one.category, one) for one in tallies if one.category is not None)


def by_day(tallies: Sequence[Tallied], *, days: int) -> dict[str, Filed]:
    """The same for each of the last days on which any was filed, YYYY-MM-DD in UTC, the first one first."""
    last = set(sorted({one.day for one in tallies})[-days:])
    return _filed((day_name(one.day), one) for one in tallies if one.day in last)


def rejected(tallies: Sequence[Tallied]) -> dict[str, int]:
    """How many photos were rejected for each reason, the most frequent first."""
    found = Counter[str]()
    for one in tallies:
        if one.state == State.REJECTED and one.reason is not None:
            found[one.reason] += one.photos - one.undone
    return {reason: photos for reason, photos in found.most_common() if photos}


def quantiles(timings: Sequence[Timing]) -> dict[str, dict[str, float]]:
    """Of each stage, what at most a half, nine tenths and 99 of 100 photos took; none without photos."""
    stages = {
        "total_s": [one.total_s for one in timings],
        "queued_s": [one.queued_s for one in timings],
        "decode_ms": [one.decode_ms for one in timings],
        "infer_ms": [one.infer_ms for one in timings if one.infer_ms is not None],
        "move_ms": [one.move_ms for one in timings],
    }
    return {
        stage: {name: round(_quantile(sorted(values), share), 3) for name, share in QUANTILES.items()}
        for stage, values in stages.items()
        if values
    }


def day_name(day: int) -> str:
    """A day since 1970-01-01 as YYYY-MM-DD."""
    return (EPOCH + timedelta(days=day)).isoformat()


def _filed(keyed: Iterable[tuple[str, Tallied]]) -> dict[str, Filed]:
    counts: dict[str, Counter[str]] = {}
    for key, one in keyed:
        counts.setdefault(key, Counter())[one.state] += one.photos - one.undone
    return {
        key: Filed(sorted=found["sorted"], review=found["review"], rejected=found["rejected"])
        for key, found in sorted(counts.items())
    }


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank: the least value that at least this share of all does not exceed."""
    return max(0.0, ordered[max(0, math.ceil(share * len(ordered)) - 1)])
