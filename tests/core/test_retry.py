"""How long passing trouble is waited out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.retry import RetryPolicy

policies = st.builds(RetryPolicy, base_s=st.floats(0.001, 3600), max_s=st.floats(0.001, 86_400))


@pytest.mark.parametrize(
    ("attempts", "expected"), [(0, 1), (1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (7, 30), (10**9, 30)]
)
def test_the_waits_double_up_to_the_ceiling(attempts: int, expected: float) -> None:
    """From one second, doubled each time, never above thirty."""
    assert RetryPolicy(base_s=1, max_s=30).delay_s(attempts) == expected


@given(policies, st.integers(0, 10**12))
def test_a_wait_is_finite_and_never_shorter_than_the_one_before(policy: RetryPolicy, attempts: int) -> None:
    """For any number of attempts the wait is a number between nothing and the ceiling, and does not fall."""
    delay_s = policy.delay_s(attempts)
    assert math.isfinite(delay_s)
    assert 0 < delay_s <= policy.max_s
    assert policy.delay_s(attempts + 1) >= delay_s
