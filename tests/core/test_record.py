"""The journal's line, and the document that tells its fields."""

import json
import os
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_page import DOCUMENT, fits, tables

from refundsorter.core.chain import GENESIS, line_of
from refundsorter.core.decision import BELOW_THRESHOLD
from refundsorter.core.fault import Reason
from refundsorter.core.image import FILED, Ranked
from refundsorter.core.record import SCHEMA, Record, json_line, rfc3339

RECORD = Record(
    id=42,
    time=1_769_851_800.125,
    source="/srv/inbox/Rückgabe 7.jpg",
    destination="/srv/sorted/ELECTRONICS/Rückgabe 7.jpg",
    state="sorted",
    category="ELECTRONICS",
    label="laptop",
    confidence=0.935,
    top_predictions=(
        Ranked(rank=1, label="laptop", category="ELECTRONICS", confidence=0.875),
        Ranked(rank=2, label="phone", category="ELECTRONICS", confidence=0.06),
        Ranked(rank=3, label="gargoyle", category=None, confidence=0.02),
    ),
    model="returns/1.0.0",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    size=183421,
    width=4032,
    height=3024,
    job=None,
    queued_s=0.031,
    decode_ms=21.4,
    infer_ms=3.6,
    move_ms=0.9,
    reason=None,
    duplicate_of=None,
    taxonomy="2c26b46b68ffc68f",
)
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
    sha256=None,
    reason="too_large",
    duplicate_of=7,
)
names = (
    st.one_of(st.binary(min_size=1, max_size=255), st.text(min_size=1, max_size=60).map(str.encode))
    .map(lambda raw: raw.replace(b"/", b"-").replace(b"\0", b"0"))
    .filter(lambda raw: raw not in {b".", b".."})
)


@pytest.mark.parametrize("record", [RECORD, REJECTED], ids=["sorted", "rejected"])
def test_the_document_tells_every_field(record: Record) -> None:
    """Names, order and types in `docs/journal.md` are those of the line."""
    fields_table, ranked_table, *_ = tables()
    fields = json.loads(line_of(record, GENESIS))
    assert list(fields) == [name for name, _ in fields_table]
    assert [name for name, told in fields_table if not fits(fields[name], told)] == []
    for ranked in fields["top_predictions"]:
        assert list(ranked) == [name for name, _ in ranked_table]
        assert [name for name, told in ranked_table if not fits(ranked[name], told)] == []


def test_the_document_tells_what_may_be_null() -> None:
    """A field may be null exactly where the document says so."""
    fields_table, *_ = tables()
    nullable = {name for name, told in fields_table if "null" in told}
    seen = {name for one in (RECORD, REJECTED) for name, value in one.fields().items() if value is None}
    assert nullable == seen


def test_the_documents_example_is_a_line() -> None:
    """The example in `docs/journal.md` is, byte for byte, what is written."""
    example = DOCUMENT.split("```json\n")[1].split("```")[0]
    assert example.encode() == line_of(RECORD, GENESIS)


@pytest.mark.parametrize("word", [*sorted(FILED), *Reason, BELOW_THRESHOLD, f"{SCHEMA}.", "filed"])
def test_the_document_tells_every_word(word: str) -> None:
    """Each state and reason that a line can hold stands in the document."""
    assert f"`{word}`" in DOCUMENT or f": {word}" in DOCUMENT


@given(names, names)
def test_any_name_survives(source: bytes, destination: bytes) -> None:
    """Whatever bytes a path has, `os.fsencode` of what its one line says gives them back."""
    record = replace(
        RECORD,
        source=os.fsdecode(b"/inbox/" + source),
        destination=os.fsdecode(b"/sorted/A/" + destination),
    )
    line = line_of(record, GENESIS)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    found = json.loads(line.decode())
    assert os.fsencode(found["source"]) == b"/inbox/" + source
    assert os.fsencode(found["file"]) == source
    assert os.fsencode(found["destination"]) == b"/sorted/A/" + destination


def test_text_is_written_as_utf8() -> None:
    """A line of a UTF-8 name shows the name as it is, not as escapes."""
    assert "Rückgabe 7.jpg".encode() in line_of(RECORD, GENESIS)


def test_a_name_that_is_no_utf8_is_written_as_the_document_says() -> None:
    """A byte that is no UTF-8 appears as its escape, in a line of ASCII."""
    line = line_of(replace(RECORD, source=os.fsdecode(b"/inbox/caf\xe9.jpg")), GENESIS)
    assert b'"file":"caf\\udce9.jpg"' in line
    assert line.isascii()
    assert r'"caf\udce9.jpg"' in DOCUMENT


def test_the_same_record_gives_the_same_bytes() -> None:
    """A line that is written again after a crash is the line that was lost."""
    assert line_of(replace(RECORD), GENESIS) == line_of(RECORD, GENESIS)


@given(st.floats(0, 253_402_300_799))
def test_the_day_is_that_of_the_time(time: float) -> None:
    """The file that holds a line is named after the UTC date that the line's time shows."""
    record = replace(RECORD, time=time)
    assert record.fields()["time"].startswith(record.day)
    assert abs(datetime.fromisoformat(record.fields()["time"]).timestamp() - time) < 0.0011


def test_midnight_divides_the_days() -> None:
    """The last millisecond of a day and the first of the next are in two files."""
    midnight = datetime.fromisoformat("2026-02-01T00:00:00Z").timestamp()
    assert replace(RECORD, time=midnight - 0.001).day == "2026-01-31"
    assert replace(RECORD, time=midnight).day == "2026-02-01"


def test_times_are_rfc3339() -> None:
    """A time is told in UTC with milliseconds."""
    assert rfc3339(1_769_851_800.125) == "2026-01-31T09:30:00.125Z"


@given(st.dictionaries(st.text(), st.text() | st.none() | st.integers()))
def test_any_object_is_one_line(fields: dict[str, Any]) -> None:
    """No text breaks the line in two, or comes back different."""
    line = json_line(fields)
    assert line.count(b"\n") == 1
    assert json.loads(line) == fields
