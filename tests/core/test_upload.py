"""A client's name for a photo becomes a file name that any inbox can hold."""

from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.ignore import IgnoreRules
from refundsorter.core.upload import MAX_BYTES, NAMELESS, safe_name

IS_IGNORED = IgnoreRules().matches


@given(st.text())
def test_a_name_is_always_one(told: str) -> None:
    """Whatever is told: one component, seen by scans, printable, and short enough."""
    name = safe_name(told, IS_IGNORED)
    assert name
    assert "/" not in name
    assert name not in (".", "..")
    assert name.isprintable()
    assert not IS_IGNORED(name)
    assert len(name.encode()) <= MAX_BYTES


@given(st.from_regex(r"[A-Za-z0-9_-]{1,40}\.(jpg|png|webp)", fullmatch=True))
def test_a_good_name_stays(told: str) -> None:
    """Also at the end of a path of another system."""
    assert safe_name(told, IS_IGNORED) == told
    assert safe_name(f"C:\\photos\\{told}", IS_IGNORED) == told


def test_a_long_name_keeps_its_suffix() -> None:
    """The stem is cut, at a whole character."""
    assert safe_name("é" * 150 + ".jpg", IS_IGNORED) == "é" * 98 + ".jpg"
    assert safe_name("a" * 300, IS_IGNORED) == "a" * MAX_BYTES
    assert safe_name("..", IS_IGNORED) == NAMELESS
