"""`active.yaml` on a real disk: one writer at a time, and what was put in its place can be put back."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from support import PATIENCE_S

from refundsorter.core.choice import Choice
from refundsorter.core.fault import BundleRefused, Vanished
from refundsorter.edges.choice import ChoiceFile


def test_changes_at_once_take_turns(tmp_path: Path) -> None:
    """Of many writers none overwrites what another has read: each previous one is the one before."""
    writers = 8
    together = threading.Barrier(writers)

    def activate(number: int) -> tuple[str | None, str | None]:
        together.wait(PATIENCE_S)
        after = ChoiceFile(tmp_path).change(lambda choice: choice.activated(f"a/{number}")).after
        return after.previous, after.active

    with ThreadPoolExecutor(writers) as pool:
        steps = dict(pool.map(activate, range(writers)))
    turn, count = steps.get(None), 1
    while turn in steps:
        turn, count = steps[turn], count + 1
    assert count == writers
    assert ChoiceFile(tmp_path).read().active == turn


def test_a_change_is_undone(tmp_path: Path) -> None:
    """What stood before stands there again."""
    choices = ChoiceFile(tmp_path)
    choices.change(lambda choice: choice.activated("a/1"))
    change = choices.change(lambda choice: choice.activated("a/2"))
    assert choices.undo(change)
    assert choices.read() == Choice(active="a/1")


def test_nobodys_later_choice_is_undone(tmp_path: Path) -> None:
    """Whoever chose meanwhile wins, even when it is the same bundle."""
    choices = ChoiceFile(tmp_path)
    change = choices.change(lambda choice: choice.activated("a/1"))
    later = choices.change(lambda choice: choice.activated("a/1"))
    assert later.stamp != change.stamp
    assert not choices.undo(change)
    assert choices.read().active == "a/1"


def test_a_step_that_refuses_changes_nothing(tmp_path: Path) -> None:
    """The file is the same one, byte for byte and by its stamp."""
    choices = ChoiceFile(tmp_path)
    before = choices.change(lambda choice: replace(choice, active="a/1")).stamp
    with pytest.raises(BundleRefused):
        choices.change(Choice.rolled_back)
    assert choices.stamp() == before


def test_without_a_file_there_is_no_choice_and_no_stamp(tmp_path: Path) -> None:
    """An empty folder is no error; one that is not there cannot be chosen in."""
    assert ChoiceFile(tmp_path).read() == Choice()
    assert ChoiceFile(tmp_path).stamp() == ""
    with pytest.raises(Vanished):
        ChoiceFile(tmp_path / "gone").change(lambda choice: choice)
