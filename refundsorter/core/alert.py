"""Alerts: what a person should hear of without looking, told once, and told again when it is over.

`judge` says what is wrong at a moment. `kept` carries it through time: what is found for long enough is told
to every channel, once and then again from day to day, and its end to those that were told of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

MIN_HOUR = 20  # photos of an hour, below which their share of rejected ones tells nothing


class Rule(StrEnum):
    """What alerts are about."""

    WAITING = "waiting"  # photos wait for longer than was promised
    ERRORS = "errors"  # many photos are rejected
    REVIEW = "review"  # many photos wait for a person
    SPACE = "space"  # a disk is nearly full
    AWAY = "away"  # an inbox or the shelf cannot be used
    BUNDLE = "bundle"  # the daemon does not serve the bundle that it should
    NIGHT = "night"  # a nightly sweep failed, or did not happen
    DRIFT = "drift"  # photos, or the model's answers, have changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong now."""

    rule: Rule
    subject: str  # which of several: a folder, a disk; "" where there is one only
    what: str  # a sentence
    todo: str  # another


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is looked at; None, or nothing, where it cannot be told."""

    oldest_waiting_s: float | None = None
    filed_in_hour: int = 0  # photos
    rejected_in_hour: int = 0  # of these
    in_review: int = 0  # photos that wait for a person
    free: Mapping[str, int] = field(default_factory=dict)  # bytes, by place
    away: Mapping[str, str] = field(default_factory=dict)  # why a folder cannot be used, by its path
    refused: str | None = None  # why the bundle that `active.yaml` names is not served
    night: str | None = None  # what is wrong with the last night
    shifted: tuple[str, ...] = ()  # what has changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on it is told; 0 for never."""

    waiting_s: float
    error_rate: float  # 0..1
    in_review: int
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that is wrong, or was until a while ago, and who knows of it."""

    finding: Finding
    since: float  # unix seconds
    over: float | None  # when it ended; None while it lasts
    told: Mapping[str, float]  # when each channel was told last, by its name


class News(StrEnum):
    """What a channel is told."""

    BEGUN = "begun"
    LASTS = "lasts"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How alerts are carried through time, in seconds."""

    after_s: float  # so long it is found before it is told
    remind_s: float  # so often it is told again while it lasts


def judge(signs: Signs, limits: Limits) -> list[Finding]:
    """Say what is wrong."""
    return [*_with_photos(signs, limits), *_around_them(signs, limits)]


def _with_photos(signs: Signs, limits: Limits) -> Iterator[Finding]:
    waiting_s = signs.oldest_waiting_s or 0.0
    if limits.waiting_s and waiting_s > limits.waiting_s:
        what = f"The oldest photo has waited for {waiting_s / 60:.0f} minutes."
        yield _finding(Rule.WAITING, what, "See `refundsorter status`: it says what photos wait for.")
    rate = signs.rejected_in_hour / max(1, signs.filed_in_hour)
    if limits.error_rate and signs.filed_in_hour >= MIN_HOUR and rate >= limits.error_rate:
        what = f"Of the last hour's {signs.filed_in_hour} photos {signs.rejected_in_hour} were rejected."
        yield _finding(Rule.ERRORS, what, "Look into `_rejected/`: what sends photos may be broken.")
    if limits.in_review and signs.in_review >= limits.in_review:
        what = f"{signs.in_review} photos wait in `_review/` for a person."
        yield _finding(Rule.REVIEW, what, "Review them, or see with `refundsorter drift` what has changed.")
    if signs.shifted:
        yield _finding(Rule.DRIFT, f"Changed: {', '.join(signs.shifted)}.", "See `refundsorter drift`.")


def _around_them(signs: Signs, limits: Limits) -> Iterator[Finding]:
    for place, free in sorted(signs.free.items()):
        if free < limits.free_bytes:
            yield _finding(Rule.SPACE, f"{free} bytes are free for {place}.", "Make room.", place)
    for folder, why in sorted(signs.away.items()):
        todo = "Photos wait until it is back: see to the share or disk."
        yield _finding(Rule.AWAY, f"{folder}: {why}.", todo, folder)
    if signs.refused:
        what = f"A bundle is refused: {signs.refused}."
        yield _finding(Rule.BUNDLE, what, "`refundsorter models list` tells more.")
    if signs.night:
        yield _finding(Rule.NIGHT, f"The nightly sweep: {signs.night}.", "See `refundsorter jobs list`.")


def _finding(rule: Rule, what: str, todo: str, subject: str = "") -> Finding:
    return Finding(rule=rule, subject=subject, what=what, todo=todo)


def kept(alerts: Sequence[Alert], findings: Sequence[Finding], *, now: float, after_s: float) -> list[Alert]:
    """The alerts, after another look.

    Args:
        alerts: Those from before.
        findings: What is wrong now.
        now: Unix seconds.
        after_s: So long something has to be found until it counts; what ended sooner is forgotten.
    """
    found = {(one.rule, one.subject): one for one in findings}
    left: list[Alert] = []
    for alert in alerts:
        key = (alert.finding.rule, alert.finding.subject)
        if key in found and (alert.over is None or 0 <= now - alert.over < after_s):
            left.append(replace(alert, finding=found.pop(key), over=None))  # it lasts, or had only paused
        elif alert.over is not None or alert.told:
            left.append(alert if alert.over is not None else replace(alert, over=now))
    return left + [Alert(finding=one, since=now, over=None, told={}) for one in found.values()]


def news(alert: Alert, channel: str, patience: Patience, *, now: float) -> News | None:
    """What a channel is to be told of an alert now; None for nothing."""
    told = alert.told.get(channel)
    if alert.over is not None:
        is_over = now - alert.over >= patience.after_s or now < alert.over
        return News.OVER if told is not None and is_over else None
    if told is None:
        return News.BEGUN if now - alert.since >= patience.after_s else None
    return News.LASTS if not 0 <= now - told < patience.remind_s else None


def after_telling(alert: Alert, channel: str, what: News, *, now: float) -> Alert | None:
    """The alert once a channel was told; None where nobody is left to be told of it."""
    told = dict(alert.told)
    if what is News.OVER:
        del told[channel]
    else:
        told[channel] = now
    if alert.over is not None and not told:
        return None
    return replace(alert, told=told)
