"""A job: a run over the photos of the inboxes, with progress that adds up.

Its request says which photos it is about. Of a job with classes every photo is looked at, and those of other
classes stay where they lie: they are *kept*. One that is put back later is *undone*.
done = sorted + review + rejected + undone + kept; found = done + left.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePath
from typing import Self

from refundsorter.core.fault import RefundsorterError
from refundsorter.core.image import Answer, IllegalTransition, Rejection
from refundsorter.core.record import rfc3339
from refundsorter.core.text import printable


class Kind(StrEnum):
    """What a job does."""

    SWEEP = "sweep"  # reconciles the inboxes


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"  # asked for; begun when those before it are over
    RUNNING = "running"  # photos are looked for and sorted
    CANCELLING = "cancelling"  # nothing more is begun; what is in hand is finished
    DONE = "done"  # over; what is left was held back by trouble, or was still being written
    CANCELLED = "cancelled"  # over, because somebody said so
    INTERRUPTED = "interrupted"  # a sweep of the command line whose process has died


JOB_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    JobState.RUNNING: frozenset({JobState.CANCELLING, JobState.DONE, JobState.INTERRUPTED}),
    JobState.CANCELLING: frozenset({JobState.CANCELLED}),
    JobState.DONE: frozenset(),
    JobState.CANCELLED: frozenset(),
    JobState.INTERRUPTED: frozenset(),
}


class NoSuchJob(RefundsorterError):
    """No job has this number."""


class JobRefused(RefundsorterError):
    """A job cannot be asked for like this; the message says why."""


class JobOver(RefundsorterError):
    """A job cannot be cancelled: it is over."""


class KeyReused(RefundsorterError):
    """A key by which another job was asked for already."""


def require_step(before: JobState, after: JobState) -> None:
    """Make sure that a job may go from one state to another.

    Raises:
        IllegalTransition: It may not.
    """
    if after not in JOB_TRANSITIONS[before]:
        raise IllegalTransition(f"a job that is {before} cannot become {after}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which photos a job is about."""

    classes: tuple[str, ...] = ()  # labels and categories; none: whatever a photo shows
    paths: tuple[str, ...] = ()  # files and folders of inboxes, absolute; none: all of them
    glob: str | None = None  # a pattern that the path in the inbox ends with, as `PurePath.match` takes it
    undone: bool = False  # also photos that a person had put back

    @classmethod
    def of(
        cls,
        *,
        classes: tuple[str, ...] = (),
        paths: tuple[str, ...] = (),
        glob: str | None = None,
        undone: bool = False,
    ) -> Self:
        """One that is equal to every other that means the same."""
        return cls(
            classes=tuple(sorted(set(classes))), paths=tuple(sorted(set(paths))), glob=glob, undone=undone
        )

    def covers(self, path: str, *, root: str) -> bool:
        """Whether it is about a file, before anybody has looked into it.

        Args:
            path: Of the file.
            root: The inbox that it lies in.
        """
        if self.paths and not any(path == one or path.startswith(f"{one}/") for one in self.paths):
            return False
        return self.glob is None or PurePath(path.removeprefix(f"{root}/")).match(self.glob)

    def reaches(self, root: str) -> bool:
        """Whether it may be about files in an inbox."""
        return not self.paths or any(path == root or path.startswith(f"{root}/") for path in self.paths)

    def wants(self, outcome: Answer | Rejection) -> bool:
        """Whether a photo that was looked at is to be sorted; else it stays where it lies."""
        if not self.classes:
            return True
        return isinstance(outcome, Answer) and not {outcome.label, outcome.category}.isdisjoint(self.classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job, as the ledger knows it."""

    id: int
    kind: str
    state: JobState
    scope: Scope
    by: str | None  # who asked for it, where that is known
    asked_at: float  # unix seconds
    started_at: float | None  # likewise
    scanned_at: float | None  # when all its photos had been found
    ended_at: float | None
    trouble: str | None  # what holds it up, or held it up at its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of a job's photos so far."""

    found: int = 0  # photos that belong to it
    review: int = 0
    undone: int = 0  # filed, and then put back
    kept: int = 0  # left where they lie, being of other classes
    categories: Mapping[str, int] = field(default_factory=dict)  # sorted photos by category
    failures: Mapping[str, int] = field(default_factory=dict)  # rejected photos by reason

    @property
    def sorted(self) -> int:
        """Photos in the folders of their categories."""
        return sum(self.categories.values())

    @property
    def rejected(self) -> int:
        """Photos that cannot be used."""
        return sum(self.failures.values())

    @property
    def done(self) -> int:
        """Photos of which the job wants no more."""
        return self.sorted + self.review + self.rejected + self.undone + self.kept


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """How a job stands, as commands and HTTP tell it: found = done + left."""

    id: int
    kind: str
    state: str  # queued, running, cancelling, done, cancelled or interrupted
    by: str | None  # who asked for it
    classes: tuple[str, ...]  # labels and categories that it is about; none: all
    paths: tuple[str, ...]  # files and folders that it is about; none: every inbox
    glob: str | None  # the pattern of the paths that it is about
    found: int  # photos that belong to it; grows until `percent` is told
    done: int  # sorted + review + rejected + undone + kept
    left: int  # photos in the inbox that it has not come to, or could not sort
    percent: float | None  # of `done`, once all photos are found
    sorted: int
    review: int
    rejected: int
    undone: int  # filed, and then put back into the inbox
    kept: int  # left in the inbox, being of other classes
    categories: Mapping[str, int]  # sorted photos by category
    failures: Mapping[str, int]  # rejected photos by reason
    rate: float | None  # photos done a second, since it was started
    time_left_s: float | None  # seconds, at that rate
    trouble: str | None  # what holds it up
    asked: str  # RFC 3339, UTC
    started: str | None  # likewise
    ended: str | None  # likewise


def report(job: Job, tally: Tally, *, now: float) -> JobReport:
    """Say how a job stands at `now`, in unix seconds."""
    left = tally.found - tally.done
    took_s = None if job.started_at is None else max(0.0, (job.ended_at or now) - job.started_at)
    rate = tally.done / took_s if took_s else None
    is_counted = job.scanned_at is not None or None not in (job.started_at, job.ended_at)
    runs = job.state is JobState.RUNNING and job.scanned_at is not None
    return JobReport(
        id=job.id,
        kind=job.kind,
        state=job.state.value,
        by=job.by,
        classes=job.scope.classes,
        paths=job.scope.paths,
        glob=job.scope.glob,
        found=tally.found,
        done=tally.done,
        left=left,
        percent=_percent(tally) if is_counted else None,
        sorted=tally.sorted,
        review=tally.review,
        rejected=tally.rejected,
        undone=tally.undone,
        kept=tally.kept,
        categories=tally.categories,
        failures=tally.failures,
        rate=None if rate is None else round(rate, 3),
        time_left_s=round(left / rate, 1) if rate and runs else None,
        trouble=job.trouble,
        asked=rfc3339(job.asked_at),
        started=None if job.started_at is None else rfc3339(job.started_at),
        ended=None if job.ended_at is None else rfc3339(job.ended_at),
    )


def shown(told: JobReport) -> JobReport:
    """The report with every name such that it can be shown: what cannot is written as escapes."""
    return replace(
        told,
        by=_shown(told.by),
        paths=tuple(map(printable, told.paths)),
        glob=_shown(told.glob),
        trouble=_shown(told.trouble),
    )


def _shown(text: str | None) -> str | None:
    return None if text is None else printable(text)


def _percent(tally: Tally) -> float:
    return round(100 * tally.done / tally.found, 1) if tally.found else 100.0
