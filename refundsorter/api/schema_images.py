"""Photos as they are told over HTTP: the journal's fields, and what the ledger knows beside them."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from refundsorter.core.image import State
from refundsorter.core.photo_fields import change_fields, photo_fields
from refundsorter.core.port_images import Change, Photo

DATE_TIME = {"format": "date-time"}
Time = Annotated[str, Field(json_schema_extra=DATE_TIME)]  # RFC 3339, UTC
EXAMPLE: dict[str, Any] = {
    "id": 4711,
    "state": "sorted",
    "time": "2026-01-31T09:30:00.125Z",
    "file": "IMG_0042.jpg",
    "source": "/srv/refundsorter/inbox/IMG_0042.jpg",
    "destination": "/srv/refundsorter/sorted/ELECTRONICS/IMG_0042.jpg",
    "category": "ELECTRONICS",
    "label": "laptop",
    "confidence": 0.97,
    "top_predictions": [{"rank": 1, "label": "laptop", "category": "ELECTRONICS", "confidence": 0.94}],
    "model": "retail/2.0.0",
    "taxonomy": "0f343b0931126a20",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "bytes": 48213,
    "width": 1200,
    "height": 900,
    "duplicate_of": None,
    "reason": None,
    "detail": None,
    "job": None,
    "noticed_by": "event",
    "seen_at": "2026-01-31T09:29:58.900Z",
    "claimed_at": "2026-01-31T09:30:00.050Z",
    "queued_s": 1.15,
    "decode_ms": 3.1,
    "infer_ms": 4.2,
    "move_ms": 0.4,
    "attempts": 0,
    "trouble": None,
    "not_before": None,
}


class Prediction(BaseModel):
    """One line of the model's answer."""

    rank: Annotated[int, Field(description="1 is the best.")]
    label: Annotated[str, Field(description="What the model says.")]
    category: Annotated[str | None, Field(description="Its folder; null where the taxonomy has none.")]
    confidence: Annotated[float, Field(description="The label's probability, 0..1.")]


class Image(BaseModel):
    """One photo. The fields have the journal's names and meanings; what is not known yet is null."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: Annotated[int, Field(description="Its number, for ever.")]
    state: Annotated[State, Field(description="Where it stands.")]
    time: Annotated[Time | None, Field(description="When it was filed.")]
    file: Annotated[str, Field(description="The file's name as it came.")]
    source: Annotated[str, Field(description="Where it lay, or lies until it is filed.")]
    destination: Annotated[str | None, Field(description="Where it lies, or is about to be moved to.")]
    category: Annotated[str | None, Field(description="The best category, whether or not it is filed there.")]
    label: Annotated[str | None, Field(description="The best label of that category.")]
    confidence: Annotated[float | None, Field(description="The category's probability, 0..1.")]
    top_predictions: Annotated[list[Prediction], Field(description="The best labels, best first.")]
    model: Annotated[str | None, Field(description="The bundle that answered, NAME/VERSION.")]
    taxonomy: Annotated[str | None, Field(description="The digest of the taxonomy.")]
    sha256: Annotated[str | None, Field(description="Of its bytes; null where it was too large to be read.")]
    bytes: Annotated[int, Field(description="The file's size.")]
    width: Annotated[int | None, Field(description="Pixels, as displayed.")]
    height: Annotated[int | None, Field(description="Pixels, as displayed.")]
    duplicate_of: Annotated[int | None, Field(description="The first photo with this content.")]
    reason: Annotated[str | None, Field(description="Why it is not filed under its category.")]
    detail: Annotated[str | None, Field(description="What exactly was found in a rejected file.")]
    job: Annotated[int | None, Field(description="The job it belongs to.")]
    noticed_by: Annotated[str, Field(description="How it was noticed first: event, scan, sweep or upload.")]
    seen_at: Annotated[Time, Field(description="When it was seen to be complete.")]
    claimed_at: Annotated[Time | None, Field(description="When a worker last took it.")]
    queued_s: Annotated[float | None, Field(description="Seconds from being seen to being claimed.")]
    decode_ms: Annotated[float | None, Field(description="Milliseconds of reading, hashing, decoding.")]
    infer_ms: Annotated[float | None, Field(description="Of inference; null for an earlier answer.")]
    move_ms: Annotated[float | None, Field(description="Milliseconds of moving.")]
    attempts: Annotated[int, Field(description="How often passing trouble sent it back.")]
    trouble: Annotated[str | None, Field(description="The last of it.")]
    not_before: Annotated[Time | None, Field(description="When it is tried again.")]

    @classmethod
    def of(cls, photo: Photo) -> Self:
        """Of a row of the ledger."""
        return cls.model_validate(photo_fields(photo))


class Correction(BaseModel):
    """One correction of a photo."""

    correction: Annotated[int, Field(description="Its number, as in the journal.")]
    state: Annotated[str, Field(description="asked, intended, done or refused.", examples=["done"])]
    how: Annotated[str, Field(description="command, moved by hand, or undone.", examples=["command"])]
    by: Annotated[str | None, Field(description="Who, where it is known.", examples=["clerk"])]
    asked_at: Annotated[Time, Field(description="When it was asked for.")]
    time: Annotated[Time | None, Field(description="When it was done.")]
    from_category: Annotated[str | None, Field(description="The folder it lay in.", examples=["TOYS"])]
    to_category: Annotated[
        str | None, Field(description="The folder it belongs to; null: the inbox.", examples=["GARDEN"])
    ]
    trouble: Annotated[str | None, Field(description="What holds it back, or why it was refused.")]

    @classmethod
    def of(cls, change: Change) -> Self:
        """Of a row of the ledger."""
        return cls.model_validate(change_fields(change))


class ImageWithHistory(Image):
    """One photo, with what people put right."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "corrections": []}]})

    corrections: Annotated[list[Correction], Field(description="The first one first.")]

    @classmethod
    def told(cls, photo: Photo, changes: "list[Correction]") -> Self:
        """Of a row of the ledger and its corrections."""
        return cls.model_validate(photo_fields(photo) | {"corrections": changes})


class ImageList(BaseModel):
    """A page of photos."""

    images: Annotated[list[Image], Field(description="The newest first.")]
    next: Annotated[
        str | None,
        Field(description="The `cursor` of the next page; null: there are no more.", examples=["4661"]),
    ]
