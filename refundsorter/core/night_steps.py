"""What is done in a night, in which order, and what was done of it.

The night's sweep is a job of the ledger; what comes before and behind it are steps. Each is written down when
it begins and when it is over, so that a process that is killed goes on with what is missing, and nothing that
is over is done again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from refundsorter.core.fault import RefundsorterError


class CutShort(RefundsorterError):
    """The daemon stops: the step is done again when the next one starts."""


class Step(StrEnum):
    """The steps, in their order."""

    HEALTH = "health"  # is everything as the daemon needs it?
    SWEEP = "sweep"  # what the night's job came to
    REVIEW = "review"  # what another bundle makes of photos that were doubted
    QUALITY = "quality"  # of the photos that came
    DRIFT = "drift"  # do photos come that the model was not made for?
    REPORT = "report"  # the account of the day
    RETENTION = "retention"  # what is old is put away


class Outcome(StrEnum):
    """How a step ended."""

    DONE = "done"  # there is nothing that a person should look at
    FOUND = "found"  # there is
    FAILED = "failed"  # it could not be done


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a step came to."""

    outcome: Outcome
    sentence: str  # for a person
    details: Mapping[str, Any] = field(default_factory=dict)  # for a program; what JSON holds


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """A step as it is written down."""

    step: Step
    began: float  # unix seconds
    ended: float | None = None  # None: it is being done, or was cut short
    told: Told | None = None  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRecord:
    """A night as it is written down."""

    date: str  # the local date that it belongs to, YYYY-MM-DD
    job: int  # the number of its sweep
    steps: tuple[StepRecord, ...] = ()  # in the order in which they began

    def of(self, step: Step) -> StepRecord | None:
        """A step; None where it has not begun."""
        return next((one for one in self.steps if one.step is step), None)

    def with_step(self, record: StepRecord) -> "NightRecord":
        """The same with a step as it stands now."""
        others = [one for one in self.steps if one.step is not record.step]
        return replace(self, steps=(*others, record))

    @property
    def is_well(self) -> bool:
        """Whether there is nothing that a person should look at, as far as is known."""
        return all(one.told is None or one.told.outcome is Outcome.DONE for one in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tonight:
    """The night that was asked for last."""

    date: str  # the local date that it belongs to, YYYY-MM-DD
    job: int  # the number of its sweep
    is_swept: bool  # whether that is over


def next_step(record: NightRecord, known: Collection[Step], *, is_swept: bool) -> Step | None:
    """The step that is to be done now; None where there is none, or the sweep is to be awaited.

    Args:
        record: What was done.
        known: The steps that there are.
        is_swept: Whether the night's sweep is over.
    """
    for step in Step:
        if step is not Step.HEALTH and not is_swept:
            return None
        found = record.of(step)
        if step in known and (found is None or found.ended is None):
            return step
    return None
