"""Between the ledger's rows and the core's values."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import BindParameter, RowMapping, bindparam

from refundsorter.core.image import Answer, Claimed, Intent, Ranked, State
from refundsorter.core.port import Pending
from refundsorter.core.record import Record, ranked_fields
from refundsorter.core.stability import Arrival, FileIdentity
from refundsorter.edges.ledger_schema import images

CLAIM_COLUMNS = [
    images.c[name] for name in ("id", "path", "root", "identity", "seen_at", "claimed_at", "attempts", "job")
]
ANSWER_COLUMNS = [
    images.c[name]
    for name in (
        "id", "sha256", "model", "taxonomy", "category", "label", "confidence", "top_predictions",
        "width", "height",
    )
]  # fmt: skip
RECORD_COLUMNS = [
    images.c[name]
    for name in (
        "id", "finished_at", "path", "destination", "state", "category", "label", "confidence",
        "top_predictions", "model", "sha256", "identity", "width", "height", "job", "seen_at", "claimed_at",
        "decode_ms", "infer_ms", "move_ms", "reason", "duplicate_of",
    )
]  # fmt: skip
CLASSIFIED_NAMES = (
    "sha256", "category", "label", "confidence", "top_predictions", "width", "height", "duplicate_of",
    "decode_ms", "infer_ms", "model", "taxonomy", "reason", "detail", "intended", "destination",
)  # fmt: skip
CLASSIFIED_VALUES: Mapping[str, BindParameter[Any]] = {
    name: bindparam(f"b_{name}", type_=images.c[name].type) for name in CLASSIFIED_NAMES
}


def identity_text(identity: FileIdentity) -> str:
    """As stored: inode numbers need 64 bits without a sign, which an SQLite integer does not have."""
    return f"{identity.device}:{identity.inode}:{identity.size}:{identity.mtime_ns}"


def identity_of(text: str) -> FileIdentity:
    """The identity that `identity_text` wrote."""
    device, inode, size, mtime_ns = map(int, text.split(":"))
    return FileIdentity(device=device, inode=inode, size=size, mtime_ns=mtime_ns)


def admission(arrival: Arrival, *, job: int | None) -> dict[str, Any]:
    """The row of a photo that enters."""
    return {
        "state": State.WAITING.value,
        "path": arrival.path,
        "root": arrival.root,
        "identity": identity_text(arrival.identity),
        "noticed_by": arrival.source.value,
        "seen_at": arrival.seen_at,
        "not_before": 0.0,
        "attempts": 0,
        "job": job,
    }


def claimed(row: RowMapping) -> Claimed:
    """A photo that was taken from the queue."""
    return Claimed(
        id=row["id"],
        path=row["path"],
        root=row["root"],
        identity=identity_of(row["identity"]),
        seen_at=row["seen_at"],
        claimed_at=row["claimed_at"],
        attempts=row["attempts"],
        job=row["job"],
    )


def classified(intent: Intent) -> dict[str, Any]:
    """The columns that a decision fills, and the row's id, as parameters."""
    examined, outcome = intent.examined, intent.examined.outcome
    answer = outcome if isinstance(outcome, Answer) else None
    values = {
        "id": examined.claimed.id,
        "sha256": examined.sha256,
        "category": answer.category if answer else None,
        "label": answer.label if answer else None,
        "confidence": answer.confidence if answer else None,
        "top_predictions": json.dumps(ranked_fields(answer.top_predictions) if answer else []),
        "width": answer.width if answer else None,
        "height": answer.height if answer else None,
        "duplicate_of": examined.duplicate_of,
        "decode_ms": examined.decode_ms,
        "infer_ms": examined.infer_ms,
        "model": examined.model,
        "taxonomy": examined.taxonomy,
        "reason": intent.reason,
        "detail": None if isinstance(outcome, Answer) else outcome.detail,
        "intended": intent.state.value,
        "destination": intent.destination,
    }
    return {f"b_{name}": value for name, value in values.items()}


def pending(row: RowMapping) -> Pending:
    """A move that was not confirmed."""
    return Pending(
        claimed=claimed(row),
        sha256=row["sha256"],
        intended=State(row["intended"]),
        destination=row["destination"],
    )


def answer(row: RowMapping) -> Answer:
    """What a model said of a content."""
    return Answer(
        category=row["category"],
        label=row["label"],
        confidence=row["confidence"],
        top_predictions=_ranked(row["top_predictions"]),
        width=row["width"],
        height=row["height"],
    )


def record(row: RowMapping) -> Record:
    """The journal's line of a finished photo."""
    return Record(
        id=row["id"],
        time=row["finished_at"],
        source=row["path"],
        destination=row["destination"],
        state=row["state"],
        category=row["category"],
        label=row["label"],
        confidence=row["confidence"],
        top_predictions=_ranked(row["top_predictions"]),
        model=row["model"],
        sha256=row["sha256"],
        size=identity_of(row["identity"]).size,
        width=row["width"],
        height=row["height"],
        job=row["job"],
        queued_s=round(max(0.0, row["claimed_at"] - row["seen_at"]), 6),
        decode_ms=row["decode_ms"],
        infer_ms=row["infer_ms"],
        move_ms=row["move_ms"],
        reason=row["reason"],
        duplicate_of=row["duplicate_of"],
    )


def _ranked(text: str) -> tuple[Ranked, ...]:
    return tuple(Ranked(**fields) for fields in json.loads(text))
