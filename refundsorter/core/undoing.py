"""Which photos are to be put back where they came from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a photo has to fit, all of it; None: whatever it is."""

    ids: tuple[int, ...] | None = None  # its number is one of these
    job: int | None = None  # this job filed it
    since: float | None = None  # it was filed at this time or later, unix seconds
    folder: str | None = None  # it lies in this folder of the shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A photo that fits."""

    id: int  # its number
    path: str  # where it lies
    home: str  # where it lay in the inbox
    is_undone: bool  # whether it was put back before
