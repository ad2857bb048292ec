"""What a person puts right: a photo moved from where the daemon, or somebody, had filed it.

A correction has a number of its own and a line of its own in the journal; the photo keeps its number. The
latest one counts: whoever moves a photo back has corrected the correction. One that puts a photo back into
the inbox is an undoing, and the last one of that photo.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from refundsorter.core.fault import RefundsorterError
from refundsorter.core.image import Claimed, Ranked
from refundsorter.core.placement import DUPLICATES, REJECTED, REVIEW
from refundsorter.core.record import SCHEMA, Event, Key, day_of, rfc3339
from refundsorter.core.stability import FileIdentity
from refundsorter.core.taxonomy import folder_problem


class How(StrEnum):
    """How it was said."""

    COMMAND = "command"  # by `refundsorter correct`
    MOVED = "moved"  # by moving the photo on the shelf; a scan has found it
    UNDONE = "undone"  # by having it put back into the inbox
    RECLASSIFIED = "reclassified"  # nobody did: another model was asked; `by` says which


NOWHERE = ""  # the category of a photo that is put back


class CategoryRefused(RefundsorterError):
    """It is no category; the message says which there are."""


class Stage(StrEnum):
    """Where a correction stands."""

    ASKED = "asked"  # a command has asked for it
    INTENDED = "intended"  # its destination is written down; the photo is being moved
    DONE = "done"  # the photo lies there
    REFUSED = "refused"  # it cannot be done; the command that asked tells why


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One that is done, with what its line in the journal tells."""

    id: int  # its own number, which no other has
    image: int  # the photo's
    time: float  # when the photo lay there, or was found there, unix seconds
    source: str  # where it had lain
    destination: str  # where it lay then
    origin: str  # the folder of the shelf that it came from: a category, or `_review`, `_rejected`, …
    category: str  # the folder of the shelf that it was put in, likewise; `NOWHERE` for the inbox
    by: str | None  # who did it, where that is known
    how: How  # how it was said
    model: str  # whose answer it corrects, or confirms: NAME/VERSION
    sha256: str | None  # of the photo's bytes; None where it was too large to be read
    size: int  # bytes

    @property
    def key(self) -> Key:
        """What tells its line from all others."""
        return Key(Event.CORRECTED, self.id)

    @property
    def day(self) -> str:
        """The UTC date whose journal file holds the line, YYYY-MM-DD."""
        return day_of(self.time)

    def fields(self) -> dict[str, Any]:
        """The line as a mapping; see `core.record.Entry`."""
        return {
            "schema": SCHEMA,
            "event": (Event.UNDONE if self.how is How.UNDONE else Event.CORRECTED).value,
            "id": self.image,
            "correction": self.id,
            "time": rfc3339(self.time),
            "file": PurePath(self.destination).name,
            "source": self.source,
            "destination": self.destination,
            "from": self.origin,
            "to": self.category or None,
            "by": self.by,
            "how": self.how.value,
            "model": self.model,
            "sha256": self.sha256,
            "bytes": self.size,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedPhoto:
    """A photo that a person has put into a category, and what the model had said of it."""

    image: int  # the photo's number
    path: str  # where it lies, as far as the ledger knows
    category: str  # where the latest correction put it
    sha256: str  # of its bytes
    top_predictions: tuple[Ranked, ...]  # the model's best labels, best first


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """A photo on the shelf, as the ledger knows it."""

    image: int  # its number
    path: str  # where it lies
    identity: FileIdentity  # its file, as it was last seen; that of the inbox where it was copied from there
    sha256: str | None  # of its bytes; None where it was too large to be read
    model: str  # whose answer filed it, NAME/VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a photo came from."""

    path: str  # where it lay
    root: str  # the inbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A correction that a command has asked for."""

    id: int  # its number
    image: int  # the photo's
    category: str  # where it belongs; `NOWHERE` where it is to be put back
    photo: Shelved | None  # None: no photo with this number was filed
    home: Home | None  # likewise
    is_undone: bool = False  # whether it was put back before
    is_as_filed: bool = False  # whether it was never moved on the shelf: its file is known from the inbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocation:
    """A correction that is being done: in the ledger before the photo is touched."""

    id: int  # its number
    claimed: Claimed  # the photo, where it lies now
    sha256: str | None  # of its bytes, if it was read
    origin: str  # the folder of the shelf it comes from
    category: str  # the one it goes to; `NOWHERE` where it is put back
    destination: str  # the path it goes to
    model: str  # whose answer is corrected
    home: Home  # where it came from

    @property
    def is_undoing(self) -> bool:
        """Whether it is put back into the inbox."""
        return self.category == NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocated:
    """A photo that was found elsewhere on the shelf than the ledger says."""

    photo: Shelved  # as the ledger knows it
    path: str  # where it lies
    identity: FileIdentity  # its file there
    origin: str  # the folder of the shelf it was in
    category: str  # the one it is in

    @property
    def is_correction(self) -> bool:
        """Whether it is in another folder of the shelf, and not only under another name."""
        return self.origin != self.category


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a request."""

    stage: Stage
    trouble: str | None  # what holds it back, or why it is refused
    origin: str | None  # the folder it came from, once that is known
    source: str | None  # the path it came from, likewise
    destination: str | None  # the path it goes or went to


def claimed_on_shelf(photo: Shelved, *, root: str, identity: FileIdentity) -> Claimed:
    """A photo that lies on the shelf, as whoever moves photos takes it.

    Args:
        photo: As the ledger knows it.
        root: The shelf.
        identity: The file that lies there now.
    """
    return Claimed(
        id=photo.image,
        path=photo.path,
        root=root,
        identity=identity,
        seen_at=0.0,
        claimed_at=0.0,
        attempts=0,
        job=None,
    )


def is_on_shelf(folder: str) -> bool:
    """Whether photos lie in a folder of the shelf: it could be a category, or is the daemon's for photos."""
    return folder in (REVIEW, REJECTED, DUPLICATES) or folder_problem(folder) is None


def shelf_folder(root: str, path: str) -> str:
    """The folder of the shelf that a path lies in: its first part below the root.

    Args:
        root: The shelf.
        path: A photo's path on it.

    Returns:
        A category, a reserved folder such as `_review`, or "" for what lies in none.
    """
    below = path.removeprefix(root.rstrip("/") + "/")
    folder, slash, _ = below.partition("/")
    return folder if slash and below != path else ""
