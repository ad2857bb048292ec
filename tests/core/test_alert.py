"""Alerts through time: told once, again from day to day, and when they are over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.alert import (
    Alert,
    Finding,
    Limits,
    News,
    Patience,
    Rule,
    Signs,
    after_telling,
    judge,
    kept,
    news,
)

LIMITS = Limits(waiting_s=1800.0, error_rate=0.2, in_review=500, free_bytes=1000)
PATIENCE = Patience(after_s=120.0, remind_s=86_400.0)
MINUTE = 60.0
AWAY = Finding(rule=Rule.AWAY, subject="/inbox", what="it is gone", todo="see to it")


class Story:
    """One channel, looked at from minute to minute."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.heard: list[tuple[float, News]] = []
        self.now = 0.0

    def go_on(self, minutes: int, *findings: Finding) -> None:
        """So many looks that find this."""
        for _ in range(minutes):
            self.now += MINUTE
            self.alerts = kept(self.alerts, findings, now=self.now, after_s=PATIENCE.after_s)
            for alert in list(self.alerts):
                what = news(alert, "mail", PATIENCE, now=self.now)
                if what is not None:
                    self.heard.append((self.now / MINUTE, what))
                    told = after_telling(alert, "mail", what, now=self.now)
                    self.alerts = [one for one in self.alerts if one is not alert] + ([told] if told else [])


def test_what_lasts_is_told_once_and_its_end_once() -> None:
    """After two minutes, and two minutes after it is over; then nothing is kept of it."""
    story = Story()
    story.go_on(30, AWAY)
    story.go_on(30)
    assert story.heard == [(3.0, News.BEGUN), (33.0, News.OVER)]
    assert story.alerts == []


def test_what_is_short_is_not_told() -> None:
    """Nor anything of its end, however often it comes."""
    story = Story()
    for _ in range(20):
        story.go_on(1, AWAY)
        story.go_on(3)
    assert story.heard == []


def test_what_flickers_is_one_alert() -> None:
    """A pause of a minute is no end."""
    story = Story()
    for _ in range(20):
        story.go_on(5, AWAY)
        story.go_on(1)
    assert story.heard == [(3.0, News.BEGUN)]


def test_what_lasts_for_days_is_told_again() -> None:
    """Once a day."""
    story = Story()
    story.go_on(3 * 24 * 60, AWAY)
    assert [what for _, what in story.heard] == [News.BEGUN, News.LASTS, News.LASTS]


def test_what_comes_again_after_its_end_is_new() -> None:
    """Begun and over, twice."""
    story = Story()
    for _ in range(2):
        story.go_on(10, AWAY)
        story.go_on(10)
    assert [what for _, what in story.heard] == [News.BEGUN, News.OVER] * 2


@given(st.lists(st.booleans(), max_size=200))
def test_begun_and_over_alternate(looks: list[bool]) -> None:
    """Whatever is found when, nobody hears of an end without a beginning, nor twice of either."""
    story = Story()
    for is_found in looks:
        story.go_on(1, *([AWAY] if is_found else []))
    told = [what for _, what in story.heard]
    assert told == [News.BEGUN, News.OVER] * (len(told) // 2) + [News.BEGUN] * (len(told) % 2)
    story.go_on(10)
    assert story.alerts == []


def test_two_channels_hear_each_for_itself() -> None:
    """One that could not be reached hears later; an alert ends when all that heard of it know."""
    (alert,) = kept([], [AWAY], now=0.0, after_s=0.0)
    patience = Patience(after_s=0.0, remind_s=1000.0)
    first = after_telling(alert, "mail", News.BEGUN, now=1.0)
    assert first is not None
    assert news(first, "mail", patience, now=2.0) is None
    assert news(first, "chat", patience, now=2.0) is News.BEGUN
    (over,) = kept([first], [], now=3.0, after_s=0.0)
    assert (news(over, "mail", patience, now=4.0), news(over, "chat", patience, now=4.0)) == (News.OVER, None)
    assert after_telling(over, "mail", News.OVER, now=4.0) is None


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    """What was told in the future is told again now."""
    alert = Alert(finding=AWAY, since=0.0, over=None, told={"mail": 10_000.0})
    assert news(alert, "mail", PATIENCE, now=500.0) is News.LASTS


@pytest.mark.parametrize(
    ("signs", "rule"),
    [
        (Signs(oldest_waiting_s=1801.0), Rule.WAITING),
        (Signs(filed_in_hour=20, rejected_in_hour=4), Rule.ERRORS),
        (Signs(in_review=500), Rule.REVIEW),
        (Signs(free={"shelf": 999, "state": 5000}), Rule.SPACE),
        (Signs(away={"/inbox": "it is not there"}), Rule.AWAY),
        (Signs(refused="tiny/2.0.0: its hash differs"), Rule.BUNDLE),
        (Signs(night="that of 2026-01-31 did not happen"), Rule.NIGHT),
        (Signs(shifted=("categories",)), Rule.DRIFT),
    ],
)
def test_each_sign_is_judged(signs: Signs, rule: Rule) -> None:
    """What is wrong, and what to do."""
    (found,) = judge(signs, LIMITS)
    assert found.rule is rule
    assert found.what.endswith(".")
    assert found.todo.endswith(".")


def test_what_is_well_or_switched_off_is_nothing() -> None:
    """Below the limits, or with limits of 0."""
    well = Signs(
        oldest_waiting_s=1799.0, filed_in_hour=19, rejected_in_hour=19, in_review=499, free={"shelf": 1000}
    )
    assert judge(well, LIMITS) == []
    never = Limits(waiting_s=0.0, error_rate=0.0, in_review=0, free_bytes=0)
    ill = Signs(
        oldest_waiting_s=1e9, filed_in_hour=99, rejected_in_hour=99, in_review=9999, free={"shelf": 0}
    )
    assert judge(ill, never) == []
