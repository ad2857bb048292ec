"""When a micro-batch is taken, and when a group is filed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.batching import GROUP, GROUP_S, BatchPolicy, is_group

POLICY = BatchPolicy(max_size=16, max_delay_s=0.02)


@pytest.mark.parametrize(
    ("queued", "oldest_age_s", "expected"),
    [
        (0, 0.0, None),
        (0, 99.0, None),
        (1, 0.0, 0.02),
        (15, 0.005, 0.015),
        (15, 0.02, 0.0),
        (1, 99.0, 0.0),
        (16, 0.0, 0.0),
        (17, 0.0, 0.0),
        (1, -3600.0, 0.02),
    ],
    ids=[
        "nothing", "nothing, long ago", "the first waits for company", "the rest of its wait", "old enough",
        "long old enough", "full", "more than full", "seen in the future: the clock was set back",
    ],
)  # fmt: skip
def test_when_a_batch_is_taken(queued: int, oldest_age_s: float, expected: float | None) -> None:
    """A batch is taken when it is full, or when its oldest photo has waited long enough."""
    found = POLICY.wait_s(queued=queued, oldest_age_s=oldest_age_s)
    assert found == (None if expected is None else pytest.approx(expected))


@given(st.integers(1, 100), st.floats(-1e9, 1e9))
def test_no_photo_waits_longer_than_the_delay(queued: int, oldest_age_s: float) -> None:
    """Whatever the clock says, the wait lies between nothing and the longest delay."""
    wait_s = POLICY.wait_s(queued=queued, oldest_age_s=oldest_age_s)
    assert wait_s is not None
    assert 0 <= wait_s <= POLICY.max_delay_s


def test_without_a_delay_nothing_waits() -> None:
    """A delay of zero takes every photo at once."""
    assert BatchPolicy(max_size=16, max_delay_s=0).wait_s(queued=1, oldest_age_s=0) == 0


@pytest.mark.parametrize(
    ("photos", "more_to_come", "waited_s", "expected"),
    [
        (1, False, 0.0, True),
        (1, True, 0.0, False),
        (GROUP - 1, True, GROUP_S / 2, False),
        (GROUP, True, 0.0, True),
        (1, True, GROUP_S, True),
    ],
    ids=["alone", "others are in work", "nearly", "enough of them", "long enough"],
)
def test_when_a_group_is_filed(*, photos: int, more_to_come: bool, waited_s: float, expected: bool) -> None:
    """A photo that comes alone is filed at once; those of a backlog share a commit, but not for ever."""
    assert is_group(photos=photos, more_to_come=more_to_come, waited_s=waited_s) is expected
