"""The life of one photo: one type a stage, and one table of every legal step between the states.

A stage's type has every field that the stage knows, so that nothing is "optional until later". A step that
the table does not hold raises `IllegalTransition` and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from refundsorter.core.fault import Reason, RefundsorterError
from refundsorter.core.stability import FileIdentity


class State(StrEnum):
    """Where a photo stands."""

    WAITING = "waiting"  # in the inbox, complete, to be claimed
    CLAIMED = "claimed"  # a worker reads and classifies it
    CLASSIFIED = "classified"  # decided, with its destination written down; being moved
    SORTED = "sorted"  # in the folder of its category
    REVIEW = "review"  # in `_review/`, for a person to decide
    REJECTED = "rejected"  # in `_rejected/`, with the reason
    UNDONE = "undone"  # in the inbox again, where a person had it put back


# From each state, the states it may become. Passing trouble leads back to waiting; a name that someone else
# took meanwhile gives a classified photo another destination.
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.WAITING: frozenset({State.CLAIMED}),
    State.CLAIMED: frozenset({State.CLASSIFIED, State.WAITING}),
    State.CLASSIFIED: frozenset(
        {State.SORTED, State.REVIEW, State.REJECTED, State.WAITING, State.CLASSIFIED}
    ),
    State.SORTED: frozenset({State.UNDONE}),
    State.REVIEW: frozenset({State.UNDONE}),
    State.REJECTED: frozenset({State.UNDONE}),
    State.UNDONE: frozenset(),
}

FILED = frozenset({State.SORTED, State.REVIEW, State.REJECTED})  # it lies on the shelf
TERMINAL = FILED | {State.UNDONE}  # nothing more is done by itself
OPEN = frozenset(State) - TERMINAL


class IllegalTransition(RefundsorterError):
    """A step that the transition table does not hold; nothing was changed."""


def predecessors(state: State) -> frozenset[State]:
    """The states from which `state` may be reached in one step."""
    return frozenset(old for old, onward in TRANSITIONS.items() if state in onward)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A photo that was taken from the queue."""

    id: int  # the ledger's key
    path: str  # where it lies, as os.fsdecode gives it
    root: str  # the inbox it came in by
    identity: FileIdentity  # the file that was seen; another one under this name is not this photo
    seen_at: float  # unix seconds
    claimed_at: float  # unix seconds
    attempts: int  # how often passing trouble sent it back
    job: int | None  # the job it belongs to, if a person or the night started one


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One line of the model's answer."""

    rank: int  # 1 is the best
    label: str  # what the model says
    category: str | None  # the folder that the taxonomy gives it; None: the taxonomy does not know it
    confidence: float  # the label's probability, 0..1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model says of one content, before anything is decided."""

    category: str | None  # the best category; None when no label of the model is in the taxonomy
    label: str  # the best label of that category, or of all where there is none
    confidence: float  # the category's probability: the sum over its labels, 0..1
    top_predictions: tuple[Ranked, ...]  # the best labels, best first
    width: int  # pixels, as displayed
    height: int  # pixels, as displayed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why a photo cannot be classified."""

    reason: Reason  # from the closed list
    detail: str  # what exactly was found


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A photo that was read, and what came of it."""

    claimed: Claimed  # the photo
    sha256: str | None  # of its bytes, 64 hex digits; None where it was too large to be read
    outcome: Answer | Rejection  # the model's answer, or why there is none
    model: str  # the bundle that was asked, NAME/VERSION
    taxonomy: str  # the digest of the taxonomy that gave the category
    duplicate_of: int | None  # the first photo with this content, by its id
    decode_ms: float  # reading, hashing and decoding, in milliseconds
    infer_ms: float | None  # its share of the inference; None when an earlier answer was used again


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A decided photo and where it is about to be moved: in the ledger before the file is touched."""

    examined: Examined  # the photo and the model's answer
    state: State  # the terminal state it is to reach
    reason: str | None  # why it is not filed under its category; None when it is
    destination: str  # absolute, as os.fsdecode gives it

    @property
    def claimed(self) -> Claimed:
        """The photo."""
        return self.examined.claimed

    @property
    def sha256(self) -> str | None:
        """Of its bytes, if it was read."""
        return self.examined.sha256


class Move(Protocol):
    """A photo and where it is to be moved: an `Intent`, or a `core.correction.Relocation`."""

    @property
    def claimed(self) -> Claimed:
        """The photo, where it lies now."""

    @property
    def sha256(self) -> str | None:
        """Of its bytes, 64 hex digits; None where it was too large to be read."""

    @property
    def destination(self) -> str:
        """Absolute, as os.fsdecode gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A photo that lies at its destination."""

    id: int  # the ledger's key
    state: State  # the terminal state that was intended
    finished_at: float  # unix seconds
    move_ms: float  # its share of the move, in milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A photo that goes back to waiting, untouched."""

    id: int  # the ledger's key
    not_before: float  # unix seconds; not claimed again before
    attempts: int  # how often it was sent back, this time included
    trouble: str | None  # what stood in the way; None when it was given back unstarted
