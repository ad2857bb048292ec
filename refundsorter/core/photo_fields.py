"""Photos as commands and HTTP tell them: the journal's fields, and what the ledger knows beside them.

Times are RFC 3339 in UTC, and names can be shown: what cannot is written as escapes.
"""

from typing import Any

from refundsorter.core.port_images import Change, Found, Photo
from refundsorter.core.record import rfc3339
from refundsorter.core.text import printable

NAMES = (
    "id", "state", "time", "file", "source", "destination", "category", "label", "confidence",
    "top_predictions", "model", "taxonomy", "sha256", "bytes", "width", "height", "duplicate_of", "reason",
    "detail", "job", "noticed_by", "seen_at", "claimed_at", "queued_s", "decode_ms", "infer_ms", "move_ms",
    "attempts", "trouble", "not_before",
)  # fmt: skip


def photo_fields(photo: Photo) -> dict[str, Any]:
    """All that is told of one photo, by `NAMES`; what is not known yet is None."""
    queued_s = None if photo.claimed_at is None else round(max(0.0, photo.claimed_at - photo.seen_at), 6)
    told = {
        "id": photo.id,
        "state": photo.state.value,
        "time": _time(photo.finished_at),
        "file": printable(photo.path.rpartition("/")[2]),
        "source": printable(photo.path),
        "top_predictions": [],
        "bytes": photo.identity.size,
        "job": photo.job,
        "noticed_by": photo.noticed_by,
        "seen_at": rfc3339(photo.seen_at),
        "claimed_at": _time(photo.claimed_at),
        "queued_s": queued_s,
        "move_ms": photo.move_ms,
        "attempts": photo.attempts,
        "trouble": _shown(photo.trouble),
        "not_before": _time(photo.not_before or None),
        **({} if photo.found is None else _found(photo.found)),
    }
    return {name: told.get(name) for name in NAMES}


def change_fields(change: Change) -> dict[str, Any]:
    """All that is told of one correction."""
    return {
        "correction": change.id,
        "state": change.stage,
        "how": change.how,
        "by": _shown(change.by),
        "asked_at": rfc3339(change.asked_at),
        "time": _time(change.done_at),
        "from_category": _shown(change.origin),
        "to_category": _shown(change.category or None),
        "trouble": _shown(change.trouble),
    }


def _found(found: Found) -> dict[str, Any]:
    return {
        "destination": printable(found.destination),
        "category": found.category,
        "label": found.label,
        "confidence": found.confidence,
        "top_predictions": found.top_predictions,
        "model": found.model,
        "taxonomy": found.taxonomy,
        "sha256": found.sha256,
        "width": found.width,
        "height": found.height,
        "duplicate_of": found.duplicate_of,
        "reason": found.reason,
        "detail": _shown(found.detail),
        "decode_ms": found.decode_ms,
        "infer_ms": found.infer_ms,
    }


def _time(time: float | None) -> str | None:
    return None if time is None else rfc3339(time)


def _shown(text: str | None) -> str | None:
    return None if text is None else printable(text)
