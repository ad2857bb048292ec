"""The ports: what the loops need of the edges, and the values that the ledger answers with.

Loops know these Protocols only; the composition root hands them the real edges, in tests too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.fault import ItemFault, NameTaken, PassingTrouble, Vanished
from refundsorter.core.image import Answer, Claimed, Filed, Intent, Move, Release, State
from refundsorter.core.pixels import Decoded
from refundsorter.core.record import Checkpoint, Entry, Key
from refundsorter.core.recovery import Found
from refundsorter.core.shadow import ShadowAnswer
from refundsorter.core.stability import Arrival, FileIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What waits to be claimed."""

    due: int  # photos that may be claimed now, counted up to the limit that was asked for
    oldest_seen: float | None  # when the first of them was seen, unix seconds
    next_due: float | None  # when the next one that is held back may be claimed, unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the ledger knows of one content."""

    first_id: int  # the first photo with this content that was inferred and filed
    answer: Answer | None  # this model's answer under this taxonomy, if it was asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A move that was written down and not confirmed."""

    claimed: Claimed  # the photo
    sha256: str | None  # of its bytes; None where it was too large to be read
    intended: State  # the terminal state that was meant
    destination: str  # where it was to go


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The ledger at a glance."""

    by_state: Mapping[str, int]  # photos in each state
    by_category: Mapping[str, int]  # sorted photos in each category
    by_reason: Mapping[str, int]  # rejected photos by reason
    trouble: Mapping[str, int]  # what the waiting photos were last sent back for, and how many
    held: int  # moves begun that recovery could not tell the end of yet
    held_trouble: str | None  # why, for the oldest of them
    oldest_open: float | None  # when the oldest unfinished photo was seen, unix seconds
    lines_owed: int  # filed photos whose lines are not known to be in the journal
    corrections: int  # done, over all time
    jobs_running: int  # also those that are being cancelled
    last_finished: float | None  # unix seconds
    has_predictions: bool  # whether any was recorded

    @property
    def is_blank(self) -> bool:
        """Whether it knows of nothing that could have a line in a journal."""
        return not (self.by_state or self.has_predictions)


class HistoryPort(Protocol):
    """What was seen before. Raises `PassingTrouble` when it cannot be asked."""

    def known(self, contents: Collection[str], *, model: str, taxonomy: str) -> dict[str, Known]:
        """What is known of contents, by their sha256."""


class EntryPort(Protocol):
    """Where photos enter. Each method is one durable transaction, and raises `PassingTrouble` likewise."""

    def admit(self, arrivals: Sequence[Arrival], *, job: int | None = None) -> None:
        """Enter complete files as waiting; one that is there already is not entered twice."""

    def unknown(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Those that no unfinished row holds with the same identity."""


class LedgerPort(HistoryPort, EntryPort, Protocol):
    """The truth about every photo. Each method is one durable transaction.

    Every method raises `PassingTrouble` when the disk is full, read-only or held by another process.
    """

    def queue(self, *, limit: int, now: float) -> Queue:
        """What waits; counts at most `limit`."""

    def claim(self, *, limit: int, now: float) -> list[Claimed]:
        """Take the photos that have waited longest."""

    def classify(self, intents: Sequence[Intent]) -> None:
        """Write down answers and intended destinations."""

    def finish(self, filed: Sequence[Filed]) -> None:
        """Write down that photos lie at their destinations."""

    def release(self, releases: Sequence[Release]) -> None:
        """Give photos back to waiting."""

    def forget(self, ids: Collection[int]) -> None:
        """Drop unfinished rows of photos that their owners took away."""

    def release_claims(self) -> int:
        """At start: give back what an earlier process had claimed; how many."""

    def pending(self) -> list[Pending]:
        """Moves that were written down and not confirmed."""

    def hold(self, image_id: int, trouble: str) -> None:
        """Write down why such a move cannot be told yet."""

    def finished(self, ids: Collection[int]) -> set[int]:
        """Those of some photos that have reached a destination."""

    def owed(self, limit: int) -> Sequence[Entry]:
        """What has no line that is marked as durable, a photo's own line before that of its correction."""

    def checkpoint(self) -> Checkpoint | None:
        """The journal's last checkpoint."""

    def mark_journaled(self, keys: Collection[Key], checkpoint: Checkpoint) -> None:
        """Write down that lines are durable, by their keys."""

    def owe_again(self, day: str, held: Collection[Key]) -> int:
        """Owe the journal the marked lines of a day that its file does not hold; how many."""

    def keep_shadows(self, answers: Sequence[ShadowAnswer]) -> None:
        """Write down what a candidate says of photos that are filed."""


class FoundPort(Protocol):
    """A regular file that a scan came upon. See `edges.scan.Found`."""

    @property
    def path(self) -> str:
        """As os.fsdecode gives it."""

    @property
    def identity(self) -> FileIdentity:
        """What it was at that moment."""


class WatchPort(Protocol):
    """Keeps a folder watched. See `edges.inbox.Watch`."""

    def check(self) -> bool:
        """Make sure that it is watched; whether only a scan tells what happened before."""

    def stop(self, timeout: float) -> None:
        """Stop watching."""


class ScannerPort(Protocol):
    """Looks through a folder. See `edges.scan.Scanner`."""

    def scan(self, tree: str | None = None) -> Iterator[FoundPort]:
        """Every regular file, one at a time."""


class ShelfPort(Protocol):
    """Durable moves. See `edges.shelf.Shelf`."""

    def place(self, folder: PurePath, name: str, reserved: set[str]) -> str:
        """A free path in a folder, on the shelf or an absolute one."""

    def move(self, intents: Sequence[Move]) -> list[float | NameTaken | PassingTrouble | Vanished]:
        """Move a batch; durable when it returns."""

    def found(self, path: str, identity: FileIdentity, sha256: str | None) -> Found:
        """Whether the photo itself lies at a path."""

    def is_reachable(self) -> bool:
        """Whether the shelf is the one that was used before."""

    def discard_partial(self, destination: str, image_id: int) -> None:
        """Remove a half-made copy."""

    def let_go(self, claimed: Claimed, sha256: str | None, *, arrived_at: str | None) -> None:
        """End what was begun with a photo that was taken."""

    def is_inbox_away(self, claimed: Claimed) -> bool:
        """Whether what is missing in an inbox may lie there when the inbox is back."""

    def unmounted_device(self, root: str) -> int | None:
        """The device of an inbox on which nothing is mounted; None where something is."""

    def drop_source(self, source: str, identity: FileIdentity, sha256: str | None, destination: str) -> None:
        """Remove a source whose photo lies at its destination."""


class JournalPort(Protocol):
    """The journal's files. See `edges.journal.Journal`."""

    def append(self, records: Sequence[Entry]) -> Checkpoint | None:
        """Append a batch, durable when it returns."""

    def settle(self, unmarked: Sequence[Entry], checkpoint: Checkpoint | None) -> Checkpoint | None:
        """Make the files hold exactly one line for each."""

    def look_over(self, checkpoint: Checkpoint) -> set[Key] | None:
        """The keys of the whole lines in a checkpoint's file, where it is not as it was left."""


class PhotoPort(Protocol):
    """A photo's content. See `edges.photos.Photo`."""

    @property
    def sha256(self) -> str | None:
        """64 hex digits; None where it was too large to be read."""

    @property
    def data(self) -> bytes:
        """The whole file."""


class ReaderPort(Protocol):
    """Reads photos. See `edges.photos.PhotoReader`."""

    def read(self, path: str, identity: FileIdentity, progress: Callable[[], None]) -> PhotoPort:
        """The photo's content, or proof that it is not the one that was seen."""

    def fault(self, identity: FileIdentity) -> ItemFault | None:
        """The fault that the size alone tells."""


class DecoderPort(Protocol):
    """From bytes to pixels. See `edges.fence.FencedDecoder`."""

    def decode(self, photos: Sequence[bytes], out: NDArray[np.uint8]) -> list[Decoded]:
        """Write uint8 [N, S, S, 3] RGB to `out`, the photos that can be used one behind another."""


class ClassifierPort(Protocol):
    """From pixels to logits; one a worker. See `edges.classifier.Classifier`."""

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """float32 [N, labels] for uint8 [N, S, S, 3]."""


class Clock(Protocol):
    """The time, told by the composition root."""

    def now(self) -> float:
        """Unix seconds; may be stepped."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class Log(Protocol):
    """Operational log: one event name a line and context as fields."""

    def debug(self, event: str, **fields: Any) -> Any:
        """Of interest to a developer."""

    def info(self, event: str, **fields: Any) -> Any:
        """What the daemon did."""

    def warning(self, event: str, **fields: Any) -> Any:
        """What an operator should know."""

    def error(self, event: str, **fields: Any) -> Any:
        """What an operator must mend."""
