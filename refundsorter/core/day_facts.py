"""What is known of a day before it is put together: what the ledger tells, and what was recorded then.

What the ledger cannot tell of a day that is long over (what waited, how much room the disk had, which bundle
was active) is `Recorded`: taken once, and kept beside the report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refundsorter.core.share import Share

BEFORE = -1  # the hour of what was noticed before the day
OUTCOMES = ("sorted", "review", "rejected", "waiting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Photos that were noticed in one way and hour, and of which the same became."""

    source: str  # event, scan, sweep or upload
    hour: int  # of the day, from 0, in which it was noticed; BEFORE: before it
    state: str  # one of `OUTCOMES`
    photos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """A photo that waits."""

    id: int
    file: str  # as it can be shown; so is every text here
    seen_at: str  # RFC 3339, UTC
    attempts: int
    trouble: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the model said of some photos of one best category."""

    category: str  # "" for none
    sorted: int
    review: int
    confidence: float  # the sum

    @property
    def photos(self) -> int:
        """How many."""
        return self.sorted + self.review


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A photo that was rejected."""

    id: int
    file: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """A photo that took long."""

    id: int
    file: str
    state: str
    total_s: float  # from being seen to being filed
    queued_s: float  # of these, to being claimed
    attempts: int  # how often passing trouble sent it back


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Photos that people took from one folder of the shelf to another."""

    origin: str
    category: str  # "" for back into the inbox
    photos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How full a disk is."""

    place: str  # inbox, shelf or state
    folder: str
    free: int  # bytes
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted:
    """One comparison of `core.drift`."""

    what: str
    photos: int
    reference: int
    psi: float | None
    low: float | None  # its 95 % interval
    high: float | None
    chance: float | None
    verdict: str
    moved: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """What `refundsorter drift` found at the end of the day."""

    model: str
    since: str  # RFC 3339
    reference_since: str
    shifts: tuple[Shifted, ...]
    agreed: Share
    agreed_before: Share
    accuracy: str  # its verdict
    shifted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """How things stood when the day was over; taken once."""

    taken_at: str  # RFC 3339, UTC
    waiting: tuple[Group, ...]  # at the end of the day
    oldest: tuple[Waits, ...] | None  # of these, what waited still; None: it was taken too late to tell
    lines_owed: int | None  # photos of the day without a durable line, likewise
    disk: tuple[Room, ...]  # none, where it was taken too late
    bundle: str | None  # the active one, NAME/VERSION, likewise
    drift: Drifted | None
    pictures: Mapping[str, str]  # of rejected photos, by number: a JPEG in base64


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the ledger tells of a day, and of the time before it."""

    filed: int
    groups: Sequence[Group]
    answered: Sequence[Answered]
    usual: Sequence[Answered]  # of the days before
    usual_days: int  # how many these are
    reasons: Mapping[str, int]
    refused: Sequence[Refused]
    slowest: Sequence[Slow]
    latency: Mapping[str, Mapping[str, float]]
    busiest_hour: tuple[int, int]  # its number, and the photos filed in it
    busiest_minute: tuple[int, int]
    models: Mapping[str, int]
    moves: Sequence[Move]
    judged: Share
    judged_usual: Share
    backlog_before: int
    backlog: int
