"""A day's account: what came in, what became of it, and how that went.

Nothing in it depends on when it is made.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from refundsorter.core.day_facts import (
    BEFORE,
    OUTCOMES,
    Answered,
    Facts,
    Group,
    Move,
    Recorded,
    Refused,
    Slow,
)
from refundsorter.core.local_day import LocalDay
from refundsorter.core.record import rfc3339
from refundsorter.core.share import Share

K = TypeVar("K")

SCHEMA = 1
USUAL_DAYS = 28  # that a day is held against


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What became of some photos."""

    sorted: int
    review: int
    rejected: int
    waiting: int

    @property
    def photos(self) -> int:
        """All of them."""
        return self.sorted + self.review + self.rejected + self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What there was to do, and what became of it: came_in = sorted + review + rejected + waiting."""

    came_in: int  # seen by the end of the day, and not filed before it
    carried: int  # of these, seen before the day
    sorted: int
    review: int
    rejected: int
    waiting: int  # at the end of the day
    adds_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """What became of the photos that were seen in one hour."""

    begins: str  # HH:MM
    outcomes: Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """What the model said a photo shows."""

    category: str  # "" for none
    sorted: int
    review: int
    confidence: float | None  # the mean; None without photos
    usual_photos: float | None  # a day, in the days before; None where there were none
    usual_confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What was left to people, and what they did."""

    backlog_before: int  # at the beginning of the day
    backlog: int  # at its end
    moves: tuple[Move, ...]
    judged: Share  # of what people put into a category on the day, where the model was right
    judged_usual: Share  # in the days before


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much was filed in how much time."""

    hour: str  # the busiest
    hour_photos: int
    minute_photos: int  # in the busiest


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The account of one day."""

    schema: int
    date: str  # YYYY-MM-DD
    since: str  # RFC 3339, in local time
    until: str
    is_over: bool  # whether the day was, when what stands in `recorded` was taken
    account: Account
    sources: Mapping[str, Outcomes]
    before: Outcomes  # of what was seen before the day
    hours: tuple[Hour, ...]
    categories: tuple[Category, ...]
    usual_days: int  # the days that it is held against
    review: Review
    rejected: Mapping[str, int]
    refused: tuple[Refused, ...]
    slowest: tuple[Slow, ...]
    latency: Mapping[str, Mapping[str, float]]
    pace: Pace
    models: Mapping[str, int]
    recorded: Recorded


def report(day: LocalDay, facts: Facts, recorded: Recorded) -> Report:
    """Put a day's account together."""
    groups = [*facts.groups, *recorded.waiting]
    hours = _outcomes_by(groups, lambda one: min(one.hour, len(day.hours) - 1))
    sources = _outcomes_by(groups, lambda one: one.source)
    return Report(
        schema=SCHEMA,
        date=day.name,
        since=day.begins,
        until=day.ends,
        is_over=recorded.taken_at >= rfc3339(day.until),
        account=_account(facts.filed, recorded.waiting, sources.values(), hours),
        sources=dict(sorted(sources.items())),
        before=hours.get(BEFORE, _outcomes(())),
        hours=tuple(
            Hour(begins=begins, outcomes=hours.get(hour, _outcomes(())))
            for hour, begins in enumerate(day.hours)
        ),
        categories=_categories(facts),
        usual_days=facts.usual_days,
        review=Review(
            backlog_before=facts.backlog_before,
            backlog=facts.backlog,
            moves=tuple(facts.moves),
            judged=facts.judged,
            judged_usual=facts.judged_usual,
        ),
        rejected=facts.reasons,
        refused=tuple(facts.refused),
        slowest=tuple(facts.slowest),
        latency=facts.latency,
        pace=Pace(
            hour=day.hours[facts.busiest_hour[0]] if day.hours else "",
            hour_photos=facts.busiest_hour[1],
            minute_photos=facts.busiest_minute[1],
        ),
        models=facts.models,
        recorded=recorded,
    )


def _account(
    filed: int, waiting: Iterable[Group], sources: Iterable[Outcomes], hours: Mapping[int, Outcomes]
) -> Account:
    """Hold the photos against what became of them, however they are counted."""
    came_in = filed + sum(one.photos for one in waiting)
    total = _added(hours.values())
    carried = hours[BEFORE].photos if BEFORE in hours else 0
    return Account(
        came_in=came_in,
        carried=carried,
        sorted=total.sorted,
        review=total.review,
        rejected=total.rejected,
        waiting=total.waiting,
        adds_up=came_in == total.photos and _added(sources) == total,
    )


def _categories(facts: Facts) -> tuple[Category, ...]:
    """Those of the day and those that are usual, the most frequent first."""
    now = {one.category: one for one in facts.answered}
    usual = {one.category: one for one in facts.usual}
    found = [
        Category(
            category=name,
            sorted=now[name].sorted if name in now else 0,
            review=now[name].review if name in now else 0,
            confidence=_mean(now.get(name)),
            usual_photos=_a_day(usual.get(name), facts.usual_days),
            usual_confidence=_mean(usual.get(name)),
        )
        for name in now.keys() | usual.keys()
    ]
    return tuple(
        sorted(found, key=lambda one: (-one.sorted - one.review, -(one.usual_photos or 0.0), one.category))
    )


def _a_day(answered: Answered | None, days: int) -> float | None:
    return round(answered.photos / days, 1) if answered and days else (0.0 if days else None)


def _mean(answered: Answered | None) -> float | None:
    return round(answered.confidence / answered.photos, 4) if answered and answered.photos else None


def _outcomes_by(groups: Iterable[Group], key: Callable[[Group], K]) -> dict[K, Outcomes]:
    parted: dict[K, list[Group]] = {}
    for one in groups:
        parted.setdefault(key(one), []).append(one)
    return {found: _outcomes(some) for found, some in parted.items()}


def _outcomes(groups: Iterable[Group]) -> Outcomes:
    counts = Counter[str]()
    for one in groups:
        counts[one.state] += one.photos
    return Outcomes(**{state: counts[state] for state in OUTCOMES})


def _added(parts: Iterable[Outcomes]) -> Outcomes:
    counts = Counter[str]()
    for one in parts:
        counts.update({state: getattr(one, state) for state in OUTCOMES})
    return Outcomes(**{state: counts[state] for state in OUTCOMES})
