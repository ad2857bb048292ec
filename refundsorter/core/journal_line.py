"""Reading the journal back: from a line to the record that it was made from.

Whatever lies in the files is looked at as a stranger's: a line counts only where every field is what
`docs/journal.md` says, so that nothing else can enter a ledger.
"""

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NoReturn

from refundsorter.core.bundle import SHA256
from refundsorter.core.correction import NOWHERE, Correction, How
from refundsorter.core.image import FILED, Ranked
from refundsorter.core.prediction import Prediction
from refundsorter.core.record import SCHEMA, Event, Key, Record, rfc3339

MAX_INTEGER = 2**63 - 1  # what an SQLite integer holds


class Flaw(StrEnum):
    """Why a line gives no record."""

    TORN = "torn"  # its end is missing: a write was cut short
    DAMAGED = "damaged"  # it is no line as the daemon writes them
    FOREIGN = "foreign"  # it is an object of another schema or event


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a line gives: a photo's record, a correction or a prediction, or why it gives none of them."""

    record: Record | None
    flaw: Flaw | None
    id: int  # the photo's number, also of a line that gives nothing; 0 where none can be read
    correction: Correction | None = None
    prediction: Prediction | None = None

    @property
    def entry(self) -> Record | Correction | Prediction | None:
        """Whichever it gives."""
        return self.record or self.correction or self.prediction

    @property
    def key(self) -> Key | None:
        """What tells the line from all others; None for one that gives nothing."""
        return self.entry.key if self.entry else None


def read_line(line: bytes) -> Line:
    """Read one line; only a torn one lacks its line feed."""
    if not line.endswith(b"\n"):
        return Line(record=None, flaw=Flaw.TORN, id=0)
    try:
        fields = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return Line(record=None, flaw=Flaw.DAMAGED, id=0)
    if not isinstance(fields, dict):
        return Line(record=None, flaw=Flaw.DAMAGED, id=0)
    image_id = fields["id"] if _is_id(fields.get("id")) else 0
    told = fields.get("event") if fields.get("schema") == SCHEMA else None
    if told not in tuple(Event):
        return Line(record=None, flaw=Flaw.FOREIGN, id=image_id)
    return _READERS[Event(told)](fields, image_id)


def _read_record(fields: dict[str, Any], image_id: int) -> Line:
    fields.setdefault("taxonomy", "")  # lines did not always have it; no taxonomy has this digest
    if not _fit(fields, _FIELDS):
        return Line(record=None, flaw=Flaw.DAMAGED, id=image_id)
    return Line(record=_record(fields), flaw=None, id=image_id)


def _read_correction(fields: Mapping[str, Any], image_id: int) -> Line:
    if fields.get("how") == How.UNDONE or fields.get("to") is None:
        return Line(record=None, flaw=Flaw.DAMAGED, id=image_id)
    return _read_done(fields, image_id)


def _read_done(fields: Mapping[str, Any], image_id: int) -> Line:
    if not _fit(fields, _CORRECTION):
        return Line(record=None, flaw=Flaw.DAMAGED, id=image_id)
    correction = Correction(
        id=fields["correction"],
        image=image_id,
        time=datetime.fromisoformat(fields["time"]).timestamp(),
        origin=fields["from"],
        category=fields["to"] or NOWHERE,
        how=How(fields["how"]),
        size=fields["bytes"],
        **{name: fields[name] for name in ("source", "destination", "by", "model", "sha256")},
    )
    return Line(record=None, flaw=None, id=image_id, correction=correction)


def _read_undoing(fields: Mapping[str, Any], image_id: int) -> Line:
    if fields.get("how") != How.UNDONE or fields.get("to", "") is not None:
        return Line(record=None, flaw=Flaw.DAMAGED, id=image_id)
    return _read_done(fields, image_id)


def _read_prediction(fields: Mapping[str, Any], image_id: int) -> Line:
    if not _fit(fields, _PREDICTION):
        return Line(record=None, flaw=Flaw.DAMAGED, id=image_id)
    same = _PREDICTION.keys() - {"prediction", "time", "bytes", "top_predictions"}
    prediction = Prediction(
        id=fields["prediction"],
        time=datetime.fromisoformat(fields["time"]).timestamp(),
        size=fields["bytes"],
        top_predictions=tuple(Ranked(**one) for one in fields["top_predictions"]),
        **{name: fields[name] for name in same},
    )
    return Line(record=None, flaw=None, id=image_id, prediction=prediction)


def _fit(fields: Mapping[str, Any], table: Mapping[str, Callable[[object], bool]]) -> bool:
    """Whether every field of a table is there and is what it should be."""
    return all(name in fields and fits(fields[name]) for name, fits in table.items())


def _record(fields: Mapping[str, Any]) -> Record:
    values = {name: fields[name] for name in _FIELDS if name not in ("time", "bytes", "top_predictions")}
    return Record(
        time=datetime.fromisoformat(fields["time"]).timestamp(),
        size=fields["bytes"],
        top_predictions=tuple(Ranked(**one) for one in fields["top_predictions"]),
        **values,
    )


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are no JSON


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_path(value: object) -> bool:
    try:
        return isinstance(value, str) and value.startswith("/") and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INTEGER


def _is_id(value: object) -> bool:
    return _is_whole(value) and value != 0


def _is_number(value: object) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and rfc3339(datetime.fromisoformat(value).timestamp()) == value
    except (ValueError, OverflowError):
        return False


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def _is_folder(value: object) -> bool:
    is_name = isinstance(value, str) and value not in ("", ".", "..") and "/" not in value
    return is_name and _is_path(f"/{value}")


def _is_ranking(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict)
        and one.keys() == _RANKED.keys()
        and all(fits(one[name]) for name, fits in _RANKED.items())
        for one in value
    )


def _or_null(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or fits(value)


_RANKED: Mapping[str, Callable[[object], bool]] = {
    "rank": _is_id,
    "label": _is_text,
    "category": _or_null(_is_text),
    "confidence": _is_number,
}
_FIELDS: Mapping[str, Callable[[object], bool]] = {
    "id": _is_id,
    "time": _is_time,
    "source": _is_path,
    "destination": _is_path,
    "state": lambda value: isinstance(value, str) and value in FILED,
    "category": _or_null(_is_text),
    "label": _or_null(_is_text),
    "confidence": _or_null(_is_number),
    "top_predictions": _is_ranking,
    "model": _is_text,
    "sha256": _or_null(_is_sha256),
    "bytes": _is_whole,
    "width": _or_null(_is_whole),
    "height": _or_null(_is_whole),
    "job": _or_null(_is_id),
    "queued_s": _is_number,
    "decode_ms": _is_number,
    "infer_ms": _or_null(_is_number),
    "move_ms": _is_number,
    "reason": _or_null(_is_text),
    "duplicate_of": _or_null(_is_id),
    "taxonomy": _is_text,
}
_PREDICTION: Mapping[str, Callable[[object], bool]] = {
    "prediction": _is_id,
    "time": _is_time,
    "file": _or_null(_is_text),
    "by": _or_null(_is_text),
    "state": lambda value: isinstance(value, str) and value in FILED,
    "category": _or_null(_is_text),
    "label": _is_text,
    "confidence": _is_number,
    "top_predictions": _is_ranking,
    "reason": _or_null(_is_text),
    "model": _is_text,
    "taxonomy": _is_text,
    "sha256": _is_sha256,
    "bytes": _is_whole,
    "width": _is_whole,
    "height": _is_whole,
    "decode_ms": _is_number,
    "infer_ms": _or_null(_is_number),
    "cached": lambda value: isinstance(value, bool),
}
_CORRECTION: Mapping[str, Callable[[object], bool]] = {
    "id": _is_id,
    "correction": _is_id,
    "time": _is_time,
    "source": _is_path,
    "destination": _is_path,
    "from": _is_folder,
    "to": _or_null(_is_folder),
    "by": _or_null(_is_text),
    "how": lambda value: isinstance(value, str) and value in set(How),
    "model": _is_text,
    "sha256": _or_null(_is_sha256),
    "bytes": _is_whole,
}
_READERS: Mapping[Event, Callable[[dict[str, Any], int], Line]] = {
    Event.FILED: _read_record,
    Event.CORRECTED: _read_correction,
    Event.UNDONE: _read_undoing,
    Event.PREDICTED: _read_prediction,
}
