"""The ledger's photos as they are asked for from outside: by filters, page by page, or one of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from refundsorter.core.image import State
from refundsorter.core.stability import FileIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a page of a list ends, and the next one goes on."""

    id: int
    time: float | None  # of filing, in a list that is in the order of time; else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which photos are asked for; None: whichever."""

    state: State | None = None
    category: str | None = None  # the best one, whether or not the photo was filed there
    label: str | None = None
    model: str | None = None  # NAME/VERSION
    name: str | None = None  # of the file as it came; letters of ASCII are alike in either case
    since: float | None = None  # filed at this time or later, unix seconds
    until: float | None = None  # filed before
    min_confidence: float | None = None  # 0..1

    @property
    def is_by_time(self) -> bool:
        """Whether the list is in the order of time, the latest first; else of ids, the highest first."""
        return self.since is not None or self.until is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in a photo and decided about it."""

    sha256: str | None
    category: str | None
    label: str | None
    confidence: float | None
    top_predictions: Sequence[Mapping[str, Any]]  # as in the journal
    width: int | None  # pixels
    height: int | None
    duplicate_of: int | None
    decode_ms: float
    infer_ms: float | None
    model: str
    taxonomy: str
    reason: str | None
    detail: str | None  # what exactly was found in a rejected file
    destination: str  # where it lies, or, until it is filed, is meant to lie


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One photo, in whatever state."""

    id: int
    state: State
    path: str  # in the inbox, as os.fsdecode gives it
    identity: FileIdentity
    noticed_by: str  # event, scan, sweep or upload
    seen_at: float  # unix seconds
    claimed_at: float | None
    not_before: float  # not claimed before; 0 for one that met no trouble
    attempts: int  # how often passing trouble sent it back
    trouble: str | None  # the last of it
    job: int | None
    found: Found | None  # from `classified` on
    finished_at: float | None
    move_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One correction of a photo."""

    id: int
    stage: str
    how: str  # command, moved or undone
    by: str | None
    asked_at: float
    done_at: float | None
    origin: str | None  # the folder it lay in
    category: str  # the folder it belongs to; "" for the inbox
    trouble: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some photos of a list."""

    photos: tuple[Photo, ...]
    next: Position | None  # None: there are no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallied:
    """How many photos were filed on one day in one way."""

    day: int  # since 1970-01-01, UTC
    state: str
    category: str | None
    reason: str | None
    photos: int
    undone: int = 0  # of these, in the inbox again


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long one photo took."""

    total_s: float  # from being seen to being filed
    queued_s: float  # to being claimed
    decode_ms: float
    infer_ms: float | None
    move_ms: float


class ImagesPort(Protocol):
    """The ledger's photos; read only, and from any thread.

    Each method raises `PassingTrouble` where the ledger cannot be read now, and `LedgerRefused` where it is
    damaged.
    """

    def page(self, wanted: Wanted, *, after: Position | None, limit: int) -> Page:
        """Some photos of a list; it may hold fewer than `limit`, even none, and yet have a next one."""

    def photo(self, image: int) -> Photo | None:
        """One photo."""

    def changes(self, image: int) -> Sequence[Change]:
        """Its corrections, the first one first."""

    def tallies(self) -> Sequence[Tallied]:
        """What was filed, by day; the first one first."""

    def open(self) -> Mapping[str, int]:
        """How many photos are in each state that is not the last."""

    def timings(self, count: int) -> Sequence[Timing]:
        """Of the photos that were filed last."""

    def troubles(self, count: int) -> Mapping[str, int]:
        """What holds waiting photos back, and how many, among those that are tried again first."""


class OpenPhotoPort(Protocol):
    """A photo's file that is open."""

    def close(self) -> None:
        """Close it."""

    def pieces(self) -> Iterator[bytes]:
        """What is in it; closed at the end. Raises `PassingTrouble`."""


class PicturesPort(Protocol):
    """The photos themselves; from any thread."""

    def open(self, photo: Photo) -> OpenPhotoPort:
        """The photo's file.

        Raises:
            Vanished: It is not where the ledger says, or another file lies there.
            PassingTrouble: It cannot be read now.
        """

    def small(self, photo: Photo) -> bytes:
        """A JPEG of the whole photo, upright, that fits into 256 × 256 pixels.

        Raises:
            ItemFault: It cannot be decoded.
            Vanished: As `open`.
            PassingTrouble: As `open`, or too many ask at once.
        """
