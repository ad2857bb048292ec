"""Predictions that are recorded: their lines."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_page import DOCUMENT, fits, tables

from refundsorter.core.chain import GENESIS, line_of
from refundsorter.core.image import Ranked
from refundsorter.core.journal_line import Flaw, read_line
from refundsorter.core.prediction import Prediction
from refundsorter.core.record import Event, Key, json_line

PREDICTION = Prediction(
    id=3,
    time=1_769_851_800.125,
    file="Rückgabe 7.jpg",
    by="portal",
    state="review",
    category="ELECTRONICS",
    label="laptop",
    confidence=0.62,
    top_predictions=(Ranked(rank=1, label="laptop", category="ELECTRONICS", confidence=0.62),),
    reason="below_threshold",
    model="returns/1.0.0",
    taxonomy="2c26b46b68ffc68f",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    size=183421,
    width=4032,
    height=3024,
    decode_ms=21.4,
    infer_ms=3.6,
    cached=False,
)
BARE = replace(PREDICTION, file=None, by=None, category=None, reason=None, infer_ms=None, cached=True)
texts = st.none() | st.text()


@given(texts, texts, st.floats(0, 4_000_000_000), st.integers(1, 2**63 - 1))
def test_any_line_gives_back_its_prediction(
    file: str | None, by: str | None, time: float, number: int
) -> None:
    """Whatever the file is called and whoever asked, the line is written the same again."""
    one = replace(PREDICTION, id=number, time=time, file=file, by=by)
    found = read_line(line_of(one, GENESIS))
    assert found.prediction is not None
    assert line_of(found.prediction, GENESIS) == line_of(one, GENESIS)
    assert (found.key, found.id, found.flaw) == (Key(Event.PREDICTED, number), 0, None)


@pytest.mark.parametrize("field", PREDICTION.fields())
@pytest.mark.parametrize("wrong", [[1], {}, -1, 1.5, "\ud800"])
def test_a_field_that_is_not_what_it_should_be_is_damage(field: str, wrong: object) -> None:
    """No field of a stranger's line enters a ledger unlooked at."""
    found = read_line(json_line({**PREDICTION.fields(), field: wrong}))
    if isinstance(wrong, float | int) and field in ("confidence", "decode_ms", "infer_ms") and wrong > 0:
        assert found.prediction is not None
    else:
        assert found.prediction is None
        assert found.flaw in {Flaw.DAMAGED, Flaw.FOREIGN}


@pytest.mark.parametrize("one", [PREDICTION, BARE], ids=["whole", "bare"])
def test_the_document_tells_every_field(one: Prediction) -> None:
    """Names, order and types in `docs/journal.md` are those of the line."""
    *_, table = tables()
    fields = json.loads(line_of(one, GENESIS))
    assert list(fields) == [name for name, _ in table]
    assert [name for name, told in table if not fits(fields[name], told)] == []
    assert {name for name, told in table if "null" in told} == {
        name for name, value in BARE.fields().items() if value is None
    }


def test_the_documents_example_is_a_line() -> None:
    """The example in `docs/journal.md` is, byte for byte, what is written."""
    example = DOCUMENT.split("```json\n")[4].split("```")[0]
    assert example.encode() == line_of(PREDICTION, GENESIS)
