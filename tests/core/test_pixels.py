import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.fault import ItemFault, Reason
from refundsorter.core.pixels import ImageLimits, check_bytes, check_sides, displayed

SIDES = st.integers(min_value=1, max_value=1_000) | st.integers(min_value=1, max_value=100_000)
LIMITS = ImageLimits(max_bytes=1000, max_pixels=10_000, min_side=16)


@given(SIDES, SIDES, st.integers(min_value=1, max_value=8))
def test_only_quarter_turns_swap_the_sides(width: int, height: int, orientation: int) -> None:
    """Orientations 5 to 8 swap width and height; the others keep them."""
    expected = (height, width) if orientation >= 5 else (width, height)
    assert displayed(width, height, orientation) == expected


@pytest.mark.parametrize(
    ("count", "reason"), [(0, Reason.EMPTY), (1, None), (1000, None), (1001, Reason.TOO_LARGE)]
)
def test_the_limits_on_bytes_are_inclusive(count: int, reason: Reason | None) -> None:
    """Zero bytes are empty; the largest allowed file passes, one byte more does not."""
    if reason is None:
        check_bytes(count, LIMITS)
        return
    with pytest.raises(ItemFault) as caught:
        check_bytes(count, LIMITS)
    assert caught.value.reason is reason


@given(SIDES, SIDES)
def test_the_limits_on_sides_are_inclusive(width: int, height: int) -> None:
    """A picture passes exactly when it has few enough pixels and its shorter side is long enough."""
    expected = None
    if width * height > LIMITS.max_pixels:
        expected = Reason.TOO_MANY_PIXELS
    elif min(width, height) < LIMITS.min_side:
        expected = Reason.TOO_SMALL
    if expected is None:
        check_sides(width, height, LIMITS)
        return
    with pytest.raises(ItemFault) as caught:
        check_sides(width, height, LIMITS)
    assert caught.value.reason is expected
