"""The journal's line: one JSON object an outcome, projected from the ledger, the same bytes every time.

`docs/journal.md` says what each field means; a test holds the two together.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Any, NamedTuple, Protocol

from refundsorter.core.image import Ranked

SCHEMA = 1
_UTF8 = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ASCII = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


class Event(StrEnum):
    """What a line tells."""

    FILED = "filed"  # a photo reached its destination: `Record`
    CORRECTED = "corrected"  # a person put it right: `core.correction.Correction`
    UNDONE = "undone"  # a person had it put back into the inbox: likewise, and of its numbers
    PREDICTED = "predicted"  # somebody asked about an image: `core.prediction.Prediction`


# The field that tells lines of an event apart; those of two events may share their numbers.
NUMBERS = {Event.FILED: "id", Event.CORRECTED: "correction", Event.PREDICTED: "prediction"}
COUNTED_AS = {Event.UNDONE: Event.CORRECTED}


class Key(NamedTuple):
    """What tells a line from all others."""

    event: Event
    number: int

    def __str__(self) -> str:
        """In words."""
        return f"{'photo' if self.event is Event.FILED else NUMBERS[self.event]} {self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One outcome, with the journal's fields in the journal's order."""

    id: int  # the ledger's key of the photo
    time: float  # when it reached its destination, unix seconds
    source: str  # where it lay
    destination: str  # where it lies
    state: str  # sorted, review or rejected
    category: str | None  # the best category, whether or not it was filed there
    label: str | None  # the best label of that category
    confidence: float | None  # the category's probability, 0..1
    top_predictions: tuple[Ranked, ...]  # best first; empty for a rejected photo
    model: str  # the bundle that was active, NAME/VERSION
    sha256: str | None  # of its bytes; None where it was too large to be read
    size: int  # bytes
    width: int | None  # pixels, as displayed; None when it could not be decoded
    height: int | None  # likewise
    job: int | None  # the job it belonged to
    queued_s: float  # seconds from being seen to being claimed
    decode_ms: float  # milliseconds of reading, hashing and decoding
    infer_ms: float | None  # milliseconds of inference; None when an earlier answer was used
    move_ms: float  # milliseconds of moving
    reason: str | None  # why it is not filed under its category
    duplicate_of: int | None  # the first photo with this content
    taxonomy: str  # the digest of the taxonomy that gave the category; "" where it is not known

    def fields(self) -> dict[str, Any]:
        """The line as a mapping; see `Entry`."""
        return {
            "schema": SCHEMA,
            "event": Event.FILED.value,
            "id": self.id,
            "time": rfc3339(self.time),
            "file": PurePath(self.source).name,
            "source": self.source,
            "destination": self.destination,
            "state": self.state,
            "category": self.category,
            "label": self.label,
            "confidence": self.confidence,
            "top_predictions": ranked_fields(self.top_predictions),
            "model": self.model,
            "sha256": self.sha256,
            "bytes": self.size,
            "width": self.width,
            "height": self.height,
            "job": self.job,
            "queued_s": self.queued_s,
            "decode_ms": self.decode_ms,
            "infer_ms": self.infer_ms,
            "move_ms": self.move_ms,
            "reason": self.reason,
            "duplicate_of": self.duplicate_of,
            "taxonomy": self.taxonomy,
        }

    @property
    def key(self) -> Key:
        """What tells its line from all others."""
        return Key(Event.FILED, self.id)

    @property
    def day(self) -> str:
        """The UTC date whose journal file holds the line, YYYY-MM-DD."""
        return day_of(self.time)


class Entry(Protocol):
    """What the journal has a line of; see `Event`."""

    @property
    def key(self) -> Key:
        """What tells its line from all others."""

    @property
    def time(self) -> float:
        """Unix seconds."""

    @property
    def day(self) -> str:
        """The UTC date of the file, YYYY-MM-DD."""

    def fields(self) -> dict[str, Any]:
        """The line as a mapping, in the order in which it is written; see `core.chain.line_of`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Up to where a journal file is known to be whole, durable and marked in the ledger."""

    day: str  # the file's date, YYYY-MM-DD
    offset: int  # bytes
    tip: str | None  # the hash of the line that was written last; see `core.chain`. None: to be looked up


def ranked_fields(ranked: tuple[Ranked, ...]) -> list[dict[str, Any]]:
    """Top predictions as JSON objects."""
    return [
        {"rank": one.rank, "label": one.label, "category": one.category, "confidence": one.confidence}
        for one in ranked
    ]


def key_of(fields: object) -> Key | None:
    """What tells a line from all others; None for what is no line.

    Args:
        fields: What the line's JSON holds. An event that is not known here, as a later version may write,
            counts as one of a photo.
    """
    if not isinstance(fields, dict):
        return None
    told = fields.get("event")
    event = Event(told) if told in tuple(Event) else Event.FILED
    event = COUNTED_AS.get(event, event)
    number = fields.get(NUMBERS[event])
    return Key(event, number) if isinstance(number, int) else None


def json_line(fields: dict[str, Any]) -> bytes:
    r"""One JSON object and a line feed.

    Text is written as UTF-8. A name that is no UTF-8 cannot be; its line is written in ASCII, and each byte
    0xNN that is no UTF-8 appears as the escape `\udcNN`, which `os.fsencode` turns back into that byte.
    """
    try:
        return _UTF8.encode(fields).encode() + b"\n"
    except UnicodeEncodeError:
        return _ASCII.encode(fields).encode() + b"\n"


def day_of(time: float) -> str:
    """The UTC date of unix seconds, YYYY-MM-DD, as `rfc3339` rounds them."""
    return rfc3339(time)[:10]


def rfc3339(time: float) -> str:
    """Unix seconds as RFC 3339 in UTC with milliseconds: 2026-01-31T09:30:00.125Z."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
