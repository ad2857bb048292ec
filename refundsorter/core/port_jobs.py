"""The port of jobs: what the loops need of the ledger for them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from refundsorter.core.image import Claimed
from refundsorter.core.job import Job, JobReport, JobState, Scope
from refundsorter.core.stability import Arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """The photos of a job that are not done yet."""

    any: bool  # whether there are any
    untried: bool  # whether there are any but those that trouble holds back
    trouble: str | None  # what holds one of those back, where there are no others


class ScopesPort(Protocol):
    """What the filer asks about jobs. Raises `PassingTrouble` when the disk does not allow it now."""

    def scope(self, job: int) -> Scope:
        """Which photos a job is about."""

    def keep(self, claimed: Sequence[Claimed]) -> None:
        """Write down that photos of jobs stay where they lie; they are no longer in work."""


class JobsPort(ScopesPort, Protocol):
    """Jobs. See `edges.ledger_jobs.JobRows`.

    Each method is one durable transaction, and raises `PassingTrouble` when the disk does not allow it now.
    """

    def bury(self, *, now: float) -> None:
        """Write down that sweeps of processes that are gone were interrupted."""

    def current(self) -> Job | None:
        """The job that is in hand, or else the next one."""

    def is_another_queued(self) -> bool:
        """Whether a job waits for its turn."""

    def begin(self, job: int, *, now: float) -> None:
        """Write down that a job is in hand."""

    def admit(self, arrivals: Sequence[Arrival], *, job: int | None = None) -> None:
        """Enter complete files as waiting for a job."""

    def unknown(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Those that are worth entering: all, for what waits for others may be taken over."""

    def scanned(self, job: int, *, left: int, now: float) -> None:
        """Write down that all photos are found, and how many files are left out."""

    def tell(self, job: int, trouble: str | None) -> None:
        """Write down what holds a job up."""

    def unfinished(self, job: int) -> Unfinished:
        """Which photos of a job are not done yet."""

    def end(self, job: int, state: JobState, *, watched: Collection[str], now: float) -> bool:
        """End a job, unless photos of it are in hand; whether it is over."""


class JobDeskPort(Protocol):
    """Where jobs are asked for, and asked about. See `jobs.JobDesk`.

    Every method raises `PassingTrouble` when the ledger cannot be reached now.
    """

    def start(self, scope: Scope, *, by: str | None, key: str | None) -> JobReport:
        """Ask for a sweep. Raises `JobRefused` and `KeyReused`."""

    def cancel(self, number: int) -> JobReport:
        """Ask for the end of a job. Raises `NoSuchJob` and `JobOver`."""

    def one(self, number: int) -> JobReport:
        """How a job stands. Raises `NoSuchJob`."""

    def listing(self, *, limit: int, before: int | None, state: JobState | None) -> list[JobReport]:
        """How jobs stand, the newest first."""
