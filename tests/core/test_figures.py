"""What counts and times come to."""

from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core import figures
from refundsorter.core.figures import Filed
from refundsorter.core.port_images import Tallied, Timing

TALLIES = [
    Tallied(day=0, state="sorted", category="TOYS", reason=None, photos=5, undone=2),
    Tallied(day=0, state="rejected", category=None, reason="empty", photos=2),
    Tallied(day=20484, state="review", category="TOYS", reason="below_threshold", photos=1),
    Tallied(day=20484, state="rejected", category=None, reason="corrupt", photos=5),
    Tallied(day=20485, state="sorted", category="GARDEN", reason=None, photos=4),
]


def test_totals_are_of_all_states() -> None:
    """Filed photos of all days, those that were put back, and those that are not filed yet."""
    assert figures.totals(TALLIES, {"waiting": 9}) == {
        "waiting": 9,
        "claimed": 0,
        "classified": 0,
        "sorted": 7,
        "review": 1,
        "rejected": 7,
        "undone": 2,
    }


def test_categories_are_counted_apart() -> None:
    """By name, in each way of filing; what has no category is in none."""
    assert figures.by_category(TALLIES) == {
        "GARDEN": Filed(sorted=4, review=0, rejected=0),
        "TOYS": Filed(sorted=3, review=1, rejected=0),
    }


def test_the_last_days_are_told() -> None:
    """As many as are asked for, the first one first; days on which nothing was filed are left out."""
    assert list(figures.by_day(TALLIES, days=9)) == ["1970-01-01", "2026-01-31", "2026-02-01"]
    assert figures.by_day(TALLIES, days=2) == {
        "2026-01-31": Filed(sorted=0, review=1, rejected=5),
        "2026-02-01": Filed(sorted=4, review=0, rejected=0),
    }


def test_reasons_are_told_by_their_frequency() -> None:
    """Of rejected photos only."""
    assert list(figures.rejected(TALLIES).items()) == [("corrupt", 5), ("empty", 2)]


@given(st.lists(st.floats(min_value=0, max_value=1e4), min_size=1, max_size=300))
def test_a_quantile_is_the_least_that_enough_photos_do_not_exceed(values: list[float]) -> None:
    """At least the share of all is at or below it, and less than the share below it."""
    timings = [
        Timing(total_s=value, queued_s=0.0, decode_ms=1.0, infer_ms=None, move_ms=1.0) for value in values
    ]
    found = figures.quantiles(timings)
    assert "infer_ms" not in found
    for name, share in figures.QUANTILES.items():
        told = found["total_s"][name]
        assert sum(round(value, 3) <= told for value in values) >= share * len(values)
        assert sum(round(value, 3) < told for value in values) < share * len(values)


def test_no_photos_have_no_times() -> None:
    """Nothing is told rather than nought."""
    assert figures.quantiles([]) == {}
