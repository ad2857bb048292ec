"""Which bundles are in use, and the steps from one choice to another."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.bundle import BaseWeights, Bundle
from refundsorter.core.choice import Choice, superfluous
from refundsorter.core.fault import BundleRefused

NAMES = st.sampled_from(["a/1", "a/2", "b/1"])
CHOICES = st.builds(Choice, active=NAMES, previous=st.none() | NAMES) | st.builds(
    Choice, active=st.just("a/1"), shadow=st.just("b/1"), share=st.floats(0.001, 1)
)
BUNDLE = Bundle(
    name="a",
    version="1",
    created="2026-01-01T00:00:00Z",
    input_size=32,
    dtype="uint8",
    scaling="inside",
    labels=("red",),
    sha256="0" * 64,
    temperature=1.0,
    thresholds={},
    metrics={},
    data=(),
    base_weights=BaseWeights(name="none", licence="MIT", source="none"),
)


@given(CHOICES)
def test_what_is_written_is_read_again(choice: Choice) -> None:
    """Every choice survives its file."""
    assert Choice.from_mapping(choice.to_mapping()) == choice


@given(CHOICES, NAMES)
def test_two_rollbacks_undo_each_other(choice: Choice, reference: str) -> None:
    """After any activation a rollback leads back to what was active, and a second one returns."""
    after = choice.activated(reference)
    if after.previous is not None:
        assert after == choice or after.rolled_back().active == choice.active
        assert after.rolled_back().rolled_back().active == after.active


def test_without_a_previous_one_there_is_no_way_back() -> None:
    """The refusal says how to choose instead."""
    with pytest.raises(BundleRefused, match="models activate"):
        Choice(active="a/1").rolled_back()


def test_activating_the_active_one_changes_nothing() -> None:
    """The previous one is not forgotten."""
    choice = Choice(active="a/1", previous="a/2", shadow="b/1", share=0.5)
    assert choice.activated("a/1") == choice


def test_a_candidate_that_is_promoted_is_none_any_more() -> None:
    """Its trial is over; that of another one goes on."""
    tried = Choice(active="a/1").with_shadow("b/1", 0.2)
    assert tried.activated("b/1") == Choice(active="b/1", previous="a/1")
    assert tried.activated("a/2") == Choice(active="a/2", previous="a/1", shadow="b/1", share=0.2)


@pytest.mark.parametrize(("reference", "share"), [("a/1", 0.2), ("b/1", 0.0), ("b/1", 1.1)])
def test_a_trial_that_makes_no_sense_is_refused(reference: str, share: float) -> None:
    """The active one is no candidate, and a share is above 0 to 1."""
    with pytest.raises(BundleRefused):
        Choice(active="a/1").with_shadow(reference, share)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], "expected the keys"),
        ({"aktiv": "a/1"}, "expected the keys active"),
        ({"active": 3}, "active: found 3"),
        ({"active": "a/1", "shadow": "b/1"}, "share: found nothing"),
        ({"active": "a/1", "shadow": "b/1", "share": True}, "share: found true"),
        ({"active": "a/1", "shadow": "b/1", "share": 2}, "share: found 2"),
    ],
)
def test_what_is_no_choice_is_refused(found: object, said: str) -> None:
    """The message says which key, and what was found."""
    with pytest.raises(BundleRefused, match=said):
        Choice.from_mapping(found)


def made(name: str, day: int) -> Bundle:
    """A bundle of a day."""
    return replace(BUNDLE, name=name, version=f"{day}", created=f"2026-01-{day:02}T00:00:00Z")


def test_the_newest_of_each_name_stay() -> None:
    """What is in use stays beside them, and is not counted among them."""
    bundles = [made(name, day) for day in (9, 2, 5, 7) for name in ("a", "b")]
    gone = superfluous(bundles, in_use=frozenset({"a/9", "b/2"}), keep=2)
    assert [one.reference for one in gone] == ["a/2", "b/5"]
    assert superfluous(bundles, in_use=frozenset(), keep=4) == []
