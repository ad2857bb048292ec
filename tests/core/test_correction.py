"""Corrections: their lines, and the folders they are between."""

import json
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_page import DOCUMENT, fits, tables
from stages import record

from refundsorter.core.chain import GENESIS, line_of
from refundsorter.core.correction import NOWHERE, Correction, How, is_on_shelf, shelf_folder
from refundsorter.core.journal_line import Flaw, read_line
from refundsorter.core.record import Event, Key, json_line, key_of

CORRECTION = Correction(
    id=7,
    image=42,
    time=1_769_853_900.0,
    source="/srv/sorted/_review/ELECTRONICS/Rückgabe 7.jpg",
    destination="/srv/sorted/ELECTRONICS/Rückgabe 7.jpg",
    origin="_review",
    category="ELECTRONICS",
    by="anna",
    how=How.COMMAND,
    model="returns/1.0.0",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    size=183421,
)
UNDONE = replace(
    CORRECTION,
    id=8,
    source="/srv/sorted/ELECTRONICS/Rückgabe 7.jpg",
    destination="/srv/inbox/Rückgabe 7.jpg",
    origin="ELECTRONICS",
    category=NOWHERE,
    how=How.UNDONE,
)
BY_HAND = replace(CORRECTION, by=None, how=How.MOVED, sha256=None)
names = st.binary(min_size=1, max_size=60).filter(
    lambda raw: not {0, ord("/")} & set(raw) and raw not in {b".", b".."}
)


@given(names, names, st.floats(0, 4_000_000_000), st.integers(1, 2**63 - 1))
def test_any_line_gives_back_its_correction(folder: bytes, name: bytes, time: float, number: int) -> None:
    """Whatever bytes folder and name have, the line that is read would be written the same again."""
    path = os.fsdecode(b"/srv/sorted/" + folder + b"/" + name)
    one = replace(CORRECTION, id=number, time=time, source=path, origin=os.fsdecode(folder))
    found = read_line(line_of(one, GENESIS))
    assert found.correction is not None
    assert line_of(found.correction, GENESIS) == line_of(one, GENESIS)
    assert (found.key, found.id, found.record, found.flaw) == (one.key, 42, None, None)


@pytest.mark.parametrize("field", CORRECTION.fields())
@pytest.mark.parametrize("wrong", [[], {}, False, -1, 1.5, "\ud800"])
def test_a_field_that_is_not_what_it_should_be_is_damage(field: str, wrong: object) -> None:
    """No field of a stranger's line enters a ledger unlooked at."""
    found = read_line(json_line({**CORRECTION.fields(), field: wrong}))
    if field == "file":  # it is the last part of `destination`, and not read
        assert found.correction == CORRECTION
    else:
        assert found.correction is None
        assert found.flaw in {Flaw.DAMAGED, Flaw.FOREIGN}


@pytest.mark.parametrize("folder", ["", ".", "..", "a/b", "/"])
def test_a_folder_that_is_none_is_damage(folder: str) -> None:
    """A line cannot name a place outside the shelf as a category."""
    assert read_line(json_line({**CORRECTION.fields(), "to": folder})).flaw is Flaw.DAMAGED


def test_a_line_of_a_photo_that_was_put_back_is_read() -> None:
    """It gives back what it tells; one that names a category, or a correction that names none, is damage."""
    found = read_line(line_of(UNDONE, GENESIS))
    assert (found.correction, found.key, found.id) == (UNDONE, Key(Event.CORRECTED, 8), 42)
    for one, wrong in ((UNDONE, {"to": "TOYS"}), (UNDONE, {"how": "moved"}), (CORRECTION, {"to": None})):
        assert read_line(json_line({**one.fields(), **wrong})).flaw is Flaw.DAMAGED
    assert read_line(json_line({**CORRECTION.fields(), "how": "undone"})).flaw is Flaw.DAMAGED


@pytest.mark.parametrize("one", [CORRECTION, BY_HAND], ids=["command", "moved"])
def test_the_document_tells_every_field(one: Correction) -> None:
    """Names, order and types in `docs/journal.md` are those of the line."""
    *_, table, _, _ = tables()
    fields = json.loads(line_of(one, GENESIS))
    assert list(fields) == [name for name, _ in table]
    assert [name for name, told in table if not fits(fields[name], told)] == []
    nullable = {name for name, told in table if "null" in told}
    assert nullable == {name for name, value in BY_HAND.fields().items() if value is None}


def test_the_documents_example_is_a_line() -> None:
    """The example in `docs/journal.md` is, byte for byte, what is written."""
    example = DOCUMENT.split("```json\n")[2].split("```")[0]
    assert example.encode() == line_of(CORRECTION, GENESIS)


def test_the_document_tells_every_field_of_an_undoing() -> None:
    """Names, order and types are those of the line, and the example is one, byte for byte."""
    *_, table, _ = tables()
    fields = json.loads(line_of(UNDONE, GENESIS))
    assert list(fields) == [name for name, _ in table]
    assert [name for name, told in table if not fits(fields[name], told)] == []
    assert DOCUMENT.split("```json\n")[3].split("```")[0].encode() == line_of(UNDONE, GENESIS)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        (UNDONE.fields(), Key(Event.CORRECTED, 8)),
        (record(5).fields(), Key(Event.FILED, 5)),
        (replace(CORRECTION, id=5, image=3).fields(), Key(Event.CORRECTED, 5)),
        ({"event": "told later", "id": 3}, Key(Event.FILED, 3)),
        ({"event": ["filed"], "id": 3}, Key(Event.FILED, 3)),
        ({"event": "corrected", "id": 3}, None),
        ({"id": "3"}, None),
        ([], None),
    ],
)
def test_a_key_tells_lines_apart(fields: Any, key: Key | None) -> None:
    """A photo and a correction of one number have two keys; what is no line has none."""
    assert key_of(json.loads(json.dumps(fields))) == key


@given(names, st.lists(names, min_size=1, max_size=3))
def test_the_folder_is_the_first_part_below_the_shelf(folder: bytes, rest: list[bytes]) -> None:
    """However deep a photo lies and whatever its folder's bytes; what lies in no folder has none."""
    root = "/srv/shelf"
    path = os.fsdecode(b"/".join([b"/srv/shelf", folder, *rest]))
    assert shelf_folder(root, path) == shelf_folder(root + "/", path) == os.fsdecode(folder)
    assert shelf_folder(root, os.fsdecode(b"/srv/shelf/" + folder)) == ""
    assert shelf_folder(root, os.fsdecode(b"/srv/shelf2/" + folder + b"/x")) == ""


@pytest.mark.parametrize(
    ("folder", "is_one"),
    [
        ("GARDEN", True), ("Möbel", True), ("_review", True), ("_rejected", True), ("_duplicates", True),
        ("_journal", False), ("_reports", False), ("_old", False), (".trash", False), ("~x", False),
        ("x.", False), ("a:b", False), ("\udcff", False),
    ],
)  # fmt: skip
def test_which_folders_hold_photos(folder: str, is_one: bool) -> None:  # noqa: FBT001
    """Those that could be categories, and the daemon's own for photos."""
    assert is_on_shelf(folder) is is_one
