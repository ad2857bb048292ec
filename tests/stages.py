"""Photos at each stage of their life, as values, with only what a test cares about told."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from refundsorter.core.chain import GENESIS, line_of, link
from refundsorter.core.correction import Relocation, Request, claimed_on_shelf
from refundsorter.core.image import (
    Answer,
    Claimed,
    Examined,
    Filed,
    Intent,
    Ranked,
    Rejection,
    Release,
    State,
)
from refundsorter.core.record import Entry, Record
from refundsorter.core.stability import Arrival, FileIdentity, Source
from refundsorter.edges.filesystem import identity_of

ANSWER = Answer(
    category="TOYS",
    label="teddy",
    confidence=0.9,
    top_predictions=(Ranked(rank=1, label="teddy", category="TOYS", confidence=0.9),),
    width=40,
    height=30,
)
MODEL, TAXONOMY = "tiny/1.0.0", "0123456789abcdef"
IDENTITY = FileIdentity(device=1, inode=2, size=3, mtime_ns=4)


def arrival(
    path: str = "/inbox/a.jpg",
    *,
    identity: FileIdentity = IDENTITY,
    seen_at: float = 100.0,
    source: Source = Source.EVENT,
) -> Arrival:
    """A complete file."""
    return Arrival(path=path, root=os.path.dirname(path), identity=identity, seen_at=seen_at, source=source)


def relocation(request: Request, destination: str) -> Relocation:
    """The intent to do what is asked."""
    assert request.photo is not None
    assert request.home is not None
    return Relocation(
        id=request.id,
        claimed=claimed_on_shelf(request.photo, root="/sorted", identity=request.photo.identity),
        sha256=request.photo.sha256,
        origin="TOYS",
        category=request.category,
        destination=destination,
        model=request.photo.model,
        home=request.home,
    )


def claimed_file(path: Path, image_id: int = 1) -> Claimed:
    """A file that lies there, taken from the queue as it is now."""
    return Claimed(
        id=image_id,
        path=str(path),
        root=str(path.parent),
        identity=identity_of(path.lstat()),
        seen_at=100.0,
        claimed_at=101.0,
        attempts=0,
        job=None,
    )


def examined(
    claimed: Claimed,
    *,
    outcome: Answer | Rejection = ANSWER,
    sha256: str = "ab" * 32,
    model: str = MODEL,
    taxonomy: str = TAXONOMY,
    infer_ms: float | None = 3.5,
    duplicate_of: int | None = None,
) -> Examined:
    """A photo that was read."""
    return Examined(
        claimed=claimed,
        sha256=sha256,
        outcome=outcome,
        model=model,
        taxonomy=taxonomy,
        duplicate_of=duplicate_of,
        decode_ms=2.5,
        infer_ms=infer_ms,
    )


def intent(
    one: Examined,
    destination: str = "/sorted/TOYS/a.jpg",
    *,
    state: State = State.SORTED,
    reason: str | None = None,
) -> Intent:
    """A decided photo."""
    return Intent(examined=one, state=state, reason=reason, destination=destination)


def intent_for(source: Path, destination: Path, image_id: int = 1) -> Intent:
    """A file that lies there, read as it is now and to be moved."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    return intent(examined(claimed_file(source, image_id), sha256=digest), str(destination))


def filed(image_id: int, *, state: State = State.SORTED, at: float = 110.0) -> Filed:
    """A photo at its destination."""
    return Filed(id=image_id, state=state, finished_at=at, move_ms=1.5)


def release(
    image_id: int, *, not_before: float = 0.0, attempts: int = 1, trouble: str | None = "disk full"
) -> Release:
    """A photo that goes back."""
    return Release(id=image_id, not_before=not_before, attempts=attempts, trouble=trouble)


def record(image_id: int, *, at: float = 1_769_851_800.0, source: str = "/inbox/a.jpg") -> Record:
    """An outcome, as the ledger tells it to the journal; it was filed on 2026-01-31 unless told otherwise."""
    return Record(
        id=image_id,
        time=at,
        source=source,
        destination="/sorted/TOYS/a.jpg",
        state="sorted",
        category=ANSWER.category,
        label=ANSWER.label,
        confidence=ANSWER.confidence,
        top_predictions=ANSWER.top_predictions,
        model=MODEL,
        sha256="ab" * 32,
        size=3,
        width=40,
        height=30,
        job=None,
        queued_s=1.0,
        decode_ms=2.5,
        infer_ms=3.5,
        move_ms=1.5,
        reason=None,
        duplicate_of=None,
        taxonomy=TAXONOMY,
    )


def chained(entries: Sequence[Entry], previous: str = GENESIS) -> list[bytes]:
    """The journal's lines of these, behind each other, the first behind one of this hash."""
    lines: list[bytes] = []
    for entry in entries:
        lines.append(line_of(entry, previous))
        previous = link(lines[-1])
    return lines
