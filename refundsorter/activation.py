"""The commands' side of a release: verify, write `active.yaml`, and hear what the daemon says to it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from refundsorter.core.bundle import Bundle
from refundsorter.core.choice import Choice
from refundsorter.core.fault import BundleRefused
from refundsorter.edges import serving
from refundsorter.edges.bundle import BundleStore
from refundsorter.edges.choice import Change, ChoiceFile
from refundsorter.edges.serving import Serving
from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.locks import sorter_pid
from refundsorter.settings import Settings
from refundsorter.verifying import require, require_same_input

PATIENCE_S = 20.0  # how long the daemon may take to answer; it takes a fraction of a second
ASK_S = 0.02  # how often it is asked

Waiting = Callable[[int], None]  # told the pid of the process that is waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What a change of the choice came to."""

    active: str  # NAME/VERSION, as `active.yaml` says now
    previous: str | None  # likewise
    shadow: str | None  # likewise
    share: float  # of photos that the shadow is asked about; 0 without one
    pid: int | None  # of the process that sorts; None when none does
    served: bool | None  # whether it does so; None when no daemon has said anything
    seconds: float  # until it was
    remarks: Sequence[str] = ()  # where its labels and the taxonomy do not meet


def activate(settings: Settings, reference: str, waiting: Waiting) -> Released:
    """Make a bundle the active one.

    Args:
        settings: The settings in force.
        reference: NAME/VERSION.
        waiting: Told whose answer is waited for.

    Raises:
        BundleRefused: It cannot be served, or the daemon does not serve it; the old choice stands.
        ConfigurationInvalid: The taxonomy is wrong.
        PassingTrouble: The disk does not allow it now.
    """
    bundle = require(settings, reference)
    released = _release(settings, lambda choice: choice.activated(reference), waiting)
    return replace(released, remarks=read_taxonomy(settings.taxonomy).misfits(bundle.labels))


def roll_back(settings: Settings, waiting: Waiting) -> Released:
    """Make the previous bundle the active one again; see `activate`.

    Raises:
        BundleRefused: Also when there is none.
    """
    choices = ChoiceFile(settings.models)
    reference = choices.read().rolled_back().active
    assert reference is not None, "rolling back leads to a bundle"
    require(settings, reference)

    def step(choice: Choice) -> Choice:
        after = choice.rolled_back()
        if after.active != reference:
            raise BundleRefused(f"{choices.path} was changed meanwhile: see `refundsorter models list`")
        return after

    return _release(settings, step, waiting)


def start_shadow(settings: Settings, reference: str, share: float, waiting: Waiting) -> Released:
    """Have a candidate answer a share of the photos as well; see `activate`.

    Raises:
        BundleRefused: Also when it is the active one, or looks at pixels of another size.
    """
    candidate = require(settings, reference)
    require_same_input(candidate, _active(settings))
    return _release(settings, lambda choice: choice.with_shadow(reference, share), waiting)


def stop_shadow(settings: Settings, waiting: Waiting) -> Released:
    """End that."""
    return _release(settings, Choice.without_shadow, waiting)


def _active(settings: Settings) -> Bundle:
    return BundleStore(settings.models).active().manifest


def _release(settings: Settings, step: Callable[[Choice], Choice], waiting: Waiting) -> Released:
    began = time.monotonic()
    choices = ChoiceFile(settings.models)
    pid = sorter_pid(settings)  # first: who may not ask is to change nothing
    change = choices.change(step)
    answer = _answer(settings, change, pid, waiting) if pid is not None else None
    if answer is not None and (why := _refusal(answer, change)) is not None:
        now = "is as it was" if choices.undo(change) else "still names it, or was changed meanwhile"
        raise BundleRefused(f"the daemon (process {pid}) refused it: {why}. {choices.path} {now}")
    after = change.after
    return Released(
        active=str(after.active),
        previous=after.previous,
        shadow=after.shadow,
        share=after.share,
        pid=pid,
        served=None if answer is None else answer.stamp == change.stamp,
        seconds=round(time.monotonic() - began, 3),
    )


def _refusal(answer: Serving, change: Change) -> str | None:
    """Why the daemon does not do what was asked for."""
    if answer.stamp != change.stamp:
        return None
    is_shadow_new = change.after.shadow not in (None, change.before.shadow)
    return answer.refused or (answer.shadow_refused if is_shadow_new else None)


def _answer(settings: Settings, change: Change, pid: int, waiting: Waiting) -> Serving | None:
    """What the daemon says to a choice; what it said last when it takes too long; None if it never spoke."""
    said: Serving | None = None
    for said in _sayings(settings, pid):
        if said is None or said.stamp == change.stamp:  # a sweep, or an older daemon, says nothing
            return said
        waiting(pid)
    return said


def _sayings(settings: Settings, pid: int) -> Iterator[Serving | None]:
    """What the daemon says, again and again, for as long as there is patience and it lives."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and sorter_pid(settings) == pid:
        yield serving.read(settings.state_dir, pid=pid)
        time.sleep(ASK_S)
