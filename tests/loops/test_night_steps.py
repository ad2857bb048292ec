"""The loop of a night's steps, with a real book on the disk, and processes that are killed."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import pytest
from support import eventually
from workbench import Events

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.night_steps import CutShort, NightRecord, Outcome, Step, Told, Tonight
from refundsorter.core.retry import RetryPolicy
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.night_book import FILE, KEPT, NightBook
from refundsorter.filing import SystemClock
from refundsorter.loops.night_steps import NightSteps, Work

TONIGHT = Tonight(date="2026-01-31", job=7, is_swept=True)
STEPS = (Step.HEALTH, Step.SWEEP, Step.QUALITY, Step.DRIFT, Step.RETENTION)


def told(_tonight: Tonight, _is_stopping: Callable[[], bool]) -> Told:
    """A step that is soon done."""
    return Told(outcome=Outcome.DONE, sentence="all well")


def loop_of(
    folder: Path, work: Mapping[Step, Work], *, tonight: Tonight = TONIGHT, files: FileSystem | None = None
) -> tuple[NightSteps, Events]:
    """A loop, and its log."""
    log = Events()
    loop = NightSteps(
        tonight=lambda: tonight,
        book=NightBook(folder, files),
        work=work,
        retry=RetryPolicy(base_s=0.01, max_s=0.05),
        clock=SystemClock(),
        log=log,
    )
    return loop, log


def until_idle(loop: NightSteps) -> None:
    """Take turns as long as there is something to do at once."""
    while loop.turn() == 0.0:
        pass


def only(folder: Path) -> NightRecord:
    """The night that is kept."""
    (night,) = NightBook(folder).nights()
    return night


def test_a_step_that_fails_keeps_none_from_being_done(tmp_path: Path) -> None:
    """Passing trouble and a mistake are both told, and all steps are done in their order."""

    def troubled(_tonight: Tonight, _is_stopping: Callable[[], bool]) -> Told:
        raise PassingTrouble("the disk is full")

    def mistaken(_tonight: Tonight, _is_stopping: Callable[[], bool]) -> Told:
        raise ZeroDivisionError("by nothing")

    work = {**dict.fromkeys(STEPS, told), Step.QUALITY: troubled, Step.DRIFT: mistaken}
    loop, log = loop_of(tmp_path, work)
    until_idle(loop)
    found = {one.step: one.told for one in only(tmp_path).steps}
    assert tuple(found) == STEPS
    assert [one.sentence for one in found.values() if one and one.outcome is Outcome.FAILED] == [
        "the disk is full",
        "ZeroDivisionError: by nothing",
    ]
    assert [one["outcome"] for one in log.named("night.step")] == ["done", "done", "failed", "failed", "done"]


def test_a_night_waits_for_its_sweep_and_a_new_one_begins_anew(tmp_path: Path) -> None:
    """Before its job is over only health is looked at; each night is kept apart, and old ones go."""
    unswept = Tonight(date=TONIGHT.date, job=TONIGHT.job, is_swept=False)
    until_idle(loop_of(tmp_path, dict.fromkeys(STEPS, told), tonight=unswept)[0])
    assert [one.step for one in only(tmp_path).steps] == [Step.HEALTH]
    until_idle(loop_of(tmp_path, dict.fromkeys(STEPS, told))[0])
    for job in range(8, 8 + KEPT):
        night = Tonight(date=f"night {job}", job=job, is_swept=True)
        until_idle(loop_of(tmp_path, {Step.HEALTH: told}, tonight=night)[0])
    nights = NightBook(tmp_path).nights()
    assert (len(nights), nights[0].job, nights[-1].job) == (KEPT, 8, 7 + KEPT)


def test_a_kill_at_any_call_leaves_the_rest_to_the_next_start(tmp_path: Path) -> None:
    """What is over is never done again; what was cut short is; in the end each step is done."""
    for call in count(1):
        folder = tmp_path / str(call)
        folder.mkdir()
        was_killed = _killed_at(call, folder)
        over = [one for night in NightBook(folder).nights() for one in night.steps if one.ended is not None]
        until_idle(loop_of(folder, _counting(folder))[0])
        steps = only(folder).steps
        assert [one for one in steps if one in over] == over
        assert [one.step for one in steps] == list(STEPS)
        assert all(one.told == Told(outcome=Outcome.DONE, sentence=one.step) for one in steps)
        times = (folder / "done").read_text().split()
        assert list(dict.fromkeys(times)) == list(STEPS)
        assert len(times) <= len(STEPS) + 1
        if not was_killed:
            break
    assert call > 40, "the calls were not counted"


def _counting(folder: Path) -> dict[Step, Work]:
    """Steps that write down that they were done."""

    def counted(step: Step) -> Work:
        def work(_tonight: Tonight, _is_stopping: Callable[[], bool]) -> Told:
            with (folder / "done").open("a") as file:
                file.write(f"{step}\n")
            return Told(outcome=Outcome.DONE, sentence=step)

        return work

    return {step: counted(step) for step in STEPS}


def _killed_at(call: int, folder: Path) -> bool:
    """Do the steps in a process that is killed before its n-th system call; whether it lived that long."""
    pid = os.fork()
    if not pid:
        calls = count(1)

        def before(_operation: str, _path: str) -> None:
            if next(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)

        until_idle(loop_of(folder, _counting(folder), files=FileSystem(before))[0])
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def test_a_stop_cuts_a_step_short(tmp_path: Path) -> None:
    """A step that is told to stop is not over; the next start does it again."""
    begun = threading.Event()

    def patient(_tonight: Tonight, is_stopping: Callable[[], bool]) -> Told:
        begun.set()
        eventually(is_stopping, "the stop told")
        raise CutShort("the daemon stops")

    loop, log = loop_of(tmp_path, {Step.HEALTH: told, Step.QUALITY: patient})
    thread = threading.Thread(target=loop.run)
    thread.start()
    assert begun.wait(10)
    loop.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert [(one.step, one.ended is None) for one in only(tmp_path).steps] == [
        (Step.HEALTH, False),
        (Step.QUALITY, True),
    ]
    until_idle(loop_of(tmp_path, dict.fromkeys(STEPS, told))[0])
    assert all(one.ended for one in only(tmp_path).steps)
    assert len(log.named("night.step")) == 1


def test_trouble_with_the_book_is_waited_out(tmp_path: Path) -> None:
    """Where it cannot be written nothing is done, and all is done once it can."""
    fails = iter([True] * 3)

    def before(operation: str, _path: str) -> None:
        if operation == "write" and next(fails, False):
            raise OSError(28, "No space left on device")

    loop, log = loop_of(tmp_path, _counting(tmp_path), files=FileSystem(before))
    thread = threading.Thread(target=loop.run)
    thread.start()
    log.wait_for("night.step", len(STEPS))
    loop.stop()
    thread.join(10)
    assert len(log.named("night.steps_wait")) == 3
    assert (tmp_path / "done").read_text().split() == list(STEPS)


@pytest.mark.parametrize("content", ["", "[]", '{"nights": [{"date": 1}]}', "{"])
def test_a_damaged_book_is_begun_anew(content: str, tmp_path: Path) -> None:
    """Nothing depends on it but what is told of past nights."""
    (tmp_path / FILE).write_text(content)
    until_idle(loop_of(tmp_path, dict.fromkeys(STEPS, told))[0])
    assert only(tmp_path).is_well
