"""Tables that a spreadsheet opens."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.table import FORMULA, cell, csv_rows

ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from("=+-@;,\"'\t\r\n \udcff"))


def read(rows: list[list[object]]) -> list[list[str]]:
    """What a program finds in the table."""
    content = b"".join(csv_rows(rows)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content, newline=""), strict=True))


@given(st.lists(st.lists(ANY, min_size=1, max_size=4), max_size=4))
def test_no_name_is_a_formula_and_no_cell_is_lost(names: list[list[str]]) -> None:
    """Whatever the names hold, each stays a cell of its own, of one line, and begins like no formula."""
    found = read([list(row) for row in names])
    assert [len(row) for row in found] == [len(row) for row in names]
    for told in (one for row in found for one in row):
        assert told[:1] not in tuple(FORMULA)
        assert told.isprintable()
        assert not re.search(r";\s*[=+\-@]", told)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2", "'-2"),
        ("\t=1", "'\\t=1"),
        ("\r=1", "'\\r=1"),
        ("a;=cmd|' /C calc'!A0", "a;'=cmd|' /C calc'!A0"),
        ("a;b,c", "a;b,c"),
        ("Rückgabe\n7.jpg", "Rückgabe\\n7.jpg"),
        ("caf\udce9.jpg", "caf\\xe9.jpg"),
        (-2, "-2"),
        (0.25, "0.25"),
        (None, ""),
        (True, "true"),
        ([{"label": "=x"}], '[{"label":"=x"}]'),
        ("", ""),
    ],
)
def test_a_value_as_a_cell(value: object, told: str) -> None:
    """Text that begins like a formula has an apostrophe; numbers are numbers; nothing is an empty cell."""
    assert cell(value) == told
    assert read([[value, "x"]]) == [[told, "x"]]
