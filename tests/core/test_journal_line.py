"""Lines that are read back into records."""

import json
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stages import record

from refundsorter.core.chain import GENESIS, line_of
from refundsorter.core.journal_line import Flaw, read_line
from refundsorter.core.record import Record, json_line

RECORD = record(42)
REJECTED = replace(
    RECORD,
    state="rejected",
    category=None,
    label=None,
    confidence=None,
    top_predictions=(),
    width=None,
    height=None,
    job=3,
    infer_ms=None,
    reason="truncated",
    duplicate_of=7,
)
names = st.binary(min_size=1, max_size=60).filter(lambda raw: not {0, ord("/")} & set(raw))


@pytest.mark.parametrize("written", [RECORD, REJECTED], ids=["sorted", "rejected"])
def test_a_line_gives_back_its_record(written: Record) -> None:
    """What was written is read, and would be written the same again."""
    found = read_line(line_of(written, GENESIS))
    assert found.record == written
    assert line_of(found.record, GENESIS) == line_of(written, GENESIS)


@given(names, st.floats(0, 4_000_000_000), st.floats(0, 100_000))
def test_any_name_and_time_come_back(name: bytes, time: float, queued_s: float) -> None:
    """Whatever bytes a path has and whenever it was filed, the record gives the same line again."""
    line = line_of(
        replace(RECORD, source=os.fsdecode(b"/in/" + name), time=time, queued_s=round(queued_s, 6)), GENESIS
    )
    found = read_line(line).record
    assert found is not None
    assert line_of(found, GENESIS) == line


def test_a_line_of_before_the_taxonomy_is_read() -> None:
    """A line that lacks the field that was added later gives a record whose taxonomy is not known."""
    fields = RECORD.fields()
    del fields["taxonomy"]
    assert read_line(json_line(fields)).record == replace(RECORD, taxonomy="")


@pytest.mark.parametrize(
    ("line", "flaw"),
    [
        (line_of(RECORD, GENESIS)[:-1], Flaw.TORN),
        (b"", Flaw.TORN),
        (line_of(RECORD, GENESIS)[:100] + b"\n", Flaw.DAMAGED),
        (b"\0" * 50 + b"\n", Flaw.DAMAGED),
        (b"[1]\n", Flaw.DAMAGED),
        (b"[" * 100_000 + b"\n", Flaw.DAMAGED),
        (json_line({**RECORD.fields(), "schema": 2}), Flaw.FOREIGN),
        (json_line({**RECORD.fields(), "event": "told later"}), Flaw.FOREIGN),
    ],
    ids=["no line feed", "nothing", "cut", "hole", "list", "deep", "schema", "event"],
)
def test_what_is_no_line_is_told_apart(line: bytes, flaw: Flaw) -> None:
    """Each kind of bad line has its name and gives no record."""
    found = read_line(line)
    assert (found.record, found.flaw) == (None, flaw)


def test_the_id_of_another_schema_is_known() -> None:
    """A line of a later version still says which id is taken."""
    assert read_line(json_line({**RECORD.fields(), "schema": 2})).id == RECORD.id


@pytest.mark.parametrize("name", sorted(set(RECORD.fields()) - {"schema", "event", "file", "taxonomy"}))
@pytest.mark.parametrize(
    "value", [True, -1, 2**63, [], {}, "\ud800", "relative\0", float("nan"), 1e999, [{}]]
)
def test_a_field_of_another_kind_damages_a_line(name: str, value: Any) -> None:
    """No field takes what its kind is not; nothing raises."""
    line = json.dumps({**RECORD.fields(), name: value}).encode() + b"\n"
    found = read_line(line)
    texts = {"category", "label", "model", "reason"}
    allowed = (name in texts and value == "relative\0") or (name == "top_predictions" and value == [])
    assert (found.record is not None) == allowed, (name, value)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_json_raises(value: Any) -> None:
    """Any value in any place is a flaw at most."""
    for name in RECORD.fields():
        read_line(json.dumps({**RECORD.fields(), name: value}).encode() + b"\n")
