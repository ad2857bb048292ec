"""The pictures of a report."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.report import Category, Hour, Outcomes
from refundsorter.core.report_charts import _round_up, by_category, by_confidence, by_hour

SVG = "{http://www.w3.org/2000/svg}"


@given(st.floats(0, 1e9))
def test_an_axis_ends_above_what_it_shows(count: float) -> None:
    """And not far above; its quarters are whole."""
    end = _round_up(count)
    assert end >= count
    assert end % 4 == 0
    assert end <= max(4, 2 * count)


def test_bars_stand_on_one_another_in_proportion() -> None:
    """Of an hour the photos that were sorted, left to a person, rejected and left waiting."""
    hours = [
        Hour(begins="00:00", outcomes=Outcomes(sorted=4, review=2, rejected=1, waiting=1)),
        Hour(begins="01:00", outcomes=Outcomes(sorted=0, review=0, rejected=0, waiting=0)),
    ]
    bars = [
        (one.get("class"), float(one.get("y", "")), float(one.get("height", "")))
        for one in ET.fromstring(by_hour(hours)).iter(f"{SVG}rect")
        if one.get("width") == "16.0"
    ]
    assert bars == [
        ("hit", 144.0, 100.0), ("doubt", 94.0, 50.0), ("miss", 69.0, 25.0), ("rest", 44.0, 25.0),
    ]  # fmt: skip


def test_a_category_that_never_came_before_has_no_mark() -> None:
    """Where there is no day before, nothing is held against it; and no category gives an empty picture."""
    one = Category(
        category="TOYS", sorted=3, review=1, confidence=0.5, usual_photos=None, usual_confidence=None
    )
    known = Category(
        category="TOYS", sorted=3, review=1, confidence=None, usual_photos=2.0, usual_confidence=0.25
    )
    for draw in (by_category, by_confidence):
        assert draw([one]).count('class="tick"') == 1  # of the legend
        assert ET.fromstring(draw([])).tag == f"{SVG}svg"
    assert by_category([known]).count('class="tick"') == 2
    assert "TOYS" not in by_confidence([known])
