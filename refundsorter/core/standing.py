"""How the daemon and its photos stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from refundsorter.core.job import JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class LastNight:
    """The night that was asked for last."""

    date: str  # the local date that it belongs to
    job: int  # its number
    state: str  # as a job's
    ended: str | None  # RFC 3339, UTC
    found: int  # photos
    left: int  # those that it has not come to, or could not sort
    trouble: str | None  # what holds or held it up

    @property
    def flaw(self) -> str | None:
        """What a person should look at, as a sentence without its end; None where there is nothing."""
        is_over_badly = self.ended is not None and (self.left > 0 or self.state != JobState.DONE)
        if not (is_over_badly or self.trouble):
            return None
        why = self.trouble or f"{self.left} of {self.found} photos were left"
        return f"that of {self.date} is {self.state}: {why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nights:
    """How they stand."""

    schedule: str | None  # the cron expression; None where there are none
    next: str | None  # when the next one is due: RFC 3339, UTC
    last: LastNight | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What `refundsorter status` and `/v1/status` tell."""

    pid: int | None  # of the process that sorts; None when none does
    model: str | None  # the bundle that `active.yaml` names; None when it cannot be loaded
    serving: str | None  # the bundle that the daemon decides by; None without one
    shadow: str | None  # the candidate that it tries beside it
    refused: str | None  # why it does not do what `active.yaml` says; None when it does
    http: str | None  # where it answers HTTP; None where it does not
    http_refused: str | None  # why it does not, though it should
    photos: Mapping[str, int]  # photos in each state, over all time
    sorted_by_category: Mapping[str, int]  # over all time
    rejected_by_reason: Mapping[str, int]  # over all time
    trouble: Mapping[str, int]  # what waiting photos are held back for, and how many
    held: int  # moves begun that cannot be told the end of yet
    held_trouble: str | None  # why, for the oldest of them
    oldest_waiting_s: float | None  # seconds since the oldest unfinished photo was seen
    lines_owed: int  # filed photos whose lines are still to be written to the journal
    corrections: int  # done, over all time
    jobs_running: int  # also those that are being cancelled
    last_finished: str | None  # RFC 3339, UTC
    nights: Nights


def nights_of(fields: Mapping[str, Any]) -> Nights:
    """How nights stand, by the names of JSON; `KeyError` and `TypeError` where they are others."""
    last = fields["last"]
    return Nights(
        schedule=fields["schedule"],
        next=fields["next"],
        last=None if last is None else LastNight(**last),
    )
