import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.share import Share
from refundsorter.training.plain import plain


def test_the_wilson_interval_is_the_published_one() -> None:
    """15 of 20 gives 0.531 to 0.888 (R's prop.test without continuity correction)."""
    low, high = Share(hits=15, of=20).interval
    assert low == pytest.approx(0.5313, abs=1e-3)
    assert high == pytest.approx(0.8881, abs=1e-3)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_holds_the_share(hits: int, misses: int) -> None:
    """Whatever the counts, the interval lies within 0..1 and around the share."""
    share = Share(hits=hits, of=hits + misses)
    low, high = share.interval
    assert 0 <= low <= share.value + 1e-9
    assert high <= 1
    assert not share.of or share.value <= high + 1e-9


def test_a_share_of_nothing_says_so() -> None:
    """Out of none nothing is known."""
    assert Share(hits=0, of=0).interval == (0.0, 1.0)
    assert str(Share(hits=0, of=0)) == "none of none"


def test_a_share_in_json_has_its_interval() -> None:
    """Whatever a share stands in, JSON gets counts, share and interval."""
    assert plain({"right": (Share(hits=1, of=1),)}) == {
        "right": [{"hits": 1, "of": 1, "share": 1.0, "low": 0.206549, "high": 1.0}]
    }
