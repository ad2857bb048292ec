"""Between the ledger's rows and the core's values."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BindParameter, RowMapping, bindparam

from refundsorter.core.correction import Correction, Shelved, Stage
from refundsorter.core.image import Answer, Claimed, Filed, Intent, Ranked, Release, State
from refundsorter.core.port import Pending
from refundsorter.core.record import Checkpoint, Record, ranked_fields
from refundsorter.core.stability import Arrival, FileIdentity, Source
from refundsorter.edges.ledger_tables import images

DAY_S = 86_400.0
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
        "decode_ms", "infer_ms", "move_ms", "reason", "duplicate_of", "taxonomy", "filed_as",
        "intended",
    )
]  # fmt: skip
SHELVED_COLUMNS = [images.c[name] for name in ("destination", "identity", "sha256", "model")]
CLASSIFIED_NAMES = (
    "sha256", "category", "label", "confidence", "top_predictions", "width", "height", "duplicate_of",
    "decode_ms", "infer_ms", "model", "taxonomy", "reason", "detail", "intended", "destination",
)  # fmt: skip
FILED_NAMES = (
    "id", "state", "path", "root", "identity", "noticed_by", "seen_at", "not_before", "attempts", "job",
    "claimed_at", *(name for name in CLASSIFIED_NAMES if name != "detail"), "finished_at", "move_ms",
    "journaled",
)  # fmt: skip
INSERT_FILED = "INSERT INTO images ({}) VALUES ({})".format(  # noqa: S608 - constants
    ", ".join(FILED_NAMES), ", ".join(f":{name}" for name in FILED_NAMES)
)
CORRECTED_NAMES = (
    "id", "image", "stage", "how", "by_whom", "asked_at", "to_category", "from_category", "from_destination",
    "to_destination", "identity", "model", "done_at", "written",
)  # fmt: skip
INSERT_CORRECTED = "INSERT INTO correction ({}) VALUES ({})".format(  # noqa: S608 - constants
    ", ".join(CORRECTED_NAMES), ", ".join(f":{name}" for name in CORRECTED_NAMES)
)
# Where the latest correction of each photo put it; lines may have been entered in any order.
PUT_CORRECTED = """
UPDATE images SET filed_as = destination, destination = latest.to_destination, identity = latest.identity,
    state = CASE WHEN latest.how = 'undone' THEN 'undone' ELSE state END
FROM (SELECT image, to_destination, identity, how, max(id) FROM correction GROUP BY image) AS latest
WHERE images.id = latest.image
"""
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


def finished(one: Filed) -> dict[str, Any]:
    """The parameters of `FINISH`."""
    return {
        "b_id": one.id,
        "b_state": one.state.value,
        "b_finished_at": one.finished_at,
        "b_move_ms": one.move_ms,
    }


def released(one: Release) -> dict[str, Any]:
    """The parameters of `RELEASE`."""
    return {
        "b_id": one.id,
        "b_not_before": one.not_before,
        "b_attempts": one.attempts,
        "b_trouble": one.trouble,
    }


def kept(one: Checkpoint) -> dict[str, Any]:
    """The parameters of `KEEP_CHECKPOINT`."""
    return {"id": 1, "day": one.day, "offset": one.offset, "tip": one.tip}


def about(day: str) -> dict[str, Any]:
    """The parameters of `MARKED_ABOUT`: the day and half of its neighbours, however times are rounded."""
    noon = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC).timestamp()
    return {"since": noon - DAY_S, "until": noon + DAY_S}


def pending(row: RowMapping) -> Pending:
    """A move that was not confirmed."""
    return Pending(
        claimed=claimed(row),
        sha256=row["sha256"],
        intended=State(row["intended"]),
        destination=row["destination"],
    )


def shelved(row: RowMapping, image: int) -> Shelved:
    """A filed photo, where it lies as far as is known."""
    return Shelved(
        image=image,
        path=row["destination"],
        identity=identity_of(row["identity"]),
        sha256=row["sha256"],
        model=row["model"],
    )


def answer(row: RowMapping | Mapping[str, Any]) -> Answer:
    """What a model said of a content."""
    return Answer(
        category=row["category"],
        label=row["label"],
        confidence=row["confidence"],
        top_predictions=ranked(row["top_predictions"]),
        width=row["width"],
        height=row["height"],
    )


def record(row: RowMapping | Mapping[str, Any]) -> Record:
    """The journal's line of a finished photo."""
    return Record(
        id=row["id"],
        time=row["finished_at"],
        source=row["path"],
        destination=row["filed_as"] or row["destination"],
        state=row["intended"] if row["state"] == State.UNDONE else row["state"],  # as it was filed
        category=row["category"],
        label=row["label"],
        confidence=row["confidence"],
        top_predictions=ranked(row["top_predictions"]),
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
        taxonomy=row["taxonomy"],
    )


def filed_values(record: Record, root: str, identity: FileIdentity) -> dict[str, Any]:
    """The row of a finished photo, from its line: `record` of that row is the same record again.

    Of the time between being seen and being filed the line knows how long the photo waited; that it was
    claimed when it was filed is within a second of the truth.
    """
    return {
        "id": record.id,
        "state": record.state,
        "path": os.fsencode(record.source),
        "root": os.fsencode(root),
        "identity": identity_text(identity),
        "noticed_by": Source.SCAN.value,
        "seen_at": record.time - record.queued_s,
        "not_before": 0.0,
        "attempts": 0,
        "job": record.job,
        "claimed_at": record.time,
        "sha256": record.sha256,
        "category": record.category,
        "label": record.label,
        "confidence": record.confidence,
        "top_predictions": json.dumps(ranked_fields(record.top_predictions)),
        "width": record.width,
        "height": record.height,
        "duplicate_of": record.duplicate_of,
        "decode_ms": record.decode_ms,
        "infer_ms": record.infer_ms,
        "model": record.model,
        "taxonomy": record.taxonomy,
        "reason": record.reason,
        "intended": record.state,
        "destination": os.fsencode(record.destination),
        "finished_at": record.time,
        "move_ms": record.move_ms,
        "journaled": 1,
    }


def corrected_values(correction: Correction, identity: FileIdentity) -> dict[str, Any]:
    """The row of a correction that is done, from its line."""
    return {
        "id": correction.id,
        "image": correction.image,
        "stage": Stage.DONE.value,
        "how": correction.how.value,
        "by_whom": correction.by,
        "asked_at": correction.time,
        "to_category": correction.category,
        "from_category": correction.origin,
        "from_destination": os.fsencode(correction.source),
        "to_destination": os.fsencode(correction.destination),
        "identity": identity_text(identity),
        "model": correction.model,
        "done_at": correction.time,
        "written": 1,
    }


def ranked(text: str) -> tuple[Ranked, ...]:
    """Top predictions, from their column."""
    return tuple(Ranked(**fields) for fields in json.loads(text))
