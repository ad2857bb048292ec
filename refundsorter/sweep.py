"""One sweep over everything in the inboxes, with an account that adds up."""

import math
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from refundsorter import signals
from refundsorter.assembly import LEDGER_FILE, Workshop
from refundsorter.core.fault import LedgerRefused, RefundsorterError
from refundsorter.core.image import FILED
from refundsorter.daemon import Loop
from refundsorter.edges.ledger_report import LedgerReport
from refundsorter.exits import ExitCode
from refundsorter.loops.intake import Intake

LOOK_S = 0.1  # how often progress is told
SILENCE_S = 15.0  # an inbox that gives no sign of life for longer hangs; a busy ledger answers before that


class SweepBroken(RefundsorterError):
    """A loop died during the sweep; what it had begun is made good by the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What became of the photos that a sweep found: found = sorted + review + rejected + left."""

    job: int  # the sweep's id
    found: int  # photos that lay in the inboxes
    sorted: int  # in their category's folder
    review: int  # in `_review/`
    rejected: int  # in `_rejected/`
    left: int  # still in the inbox: held back by trouble, or still being written
    categories: Mapping[str, int]  # sorted photos by category
    seconds: float  # from the start of the scan to the last journal line
    interrupted: bool  # a signal ended it before everything was done
    unreachable: Sequence[str]  # inboxes that could not be looked through; their photos are not in `found`
    lines_owed: int  # filed photos, of earlier runs too, whose lines could not be written to the journal
    trouble: str | None = None  # what holds or held it up, where a daemon makes it

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left for another sweep."""
        return not (self.left or self.interrupted or self.unreachable or self.lines_owed or self.trouble)


def sweep(workshop: Workshop, on_progress: Callable[[int, int], None], *, undone: bool = False) -> Account:
    """Sort everything that lies in the inboxes now.

    Args:
        workshop: The edges and loops; closed by the caller.
        on_progress: Told the photos filed and the photos found so far, about ten times a second.
        undone: Whether photos that were put back are sorted, too.

    Raises:
        SweepBroken: A loop died.
        LedgerRefused: The ledger turned out to be damaged.
        PassingTrouble: The ledger, or moves of an earlier run, cannot be checked now.
    """
    signals.block(signals.STOP_SIGNALS)
    began = time.monotonic()
    sorter = workshop.sorter
    sorter.recover()
    sorter.reconciler.run_once()
    recovered = workshop.filer.tally.filed
    job = workshop.ledger.jobs.begin_sweep(now=time.time())
    intakes = workshop.intakes(watched=False, job=job, undone=undone)
    unfinished: list[int] = []
    takers = _Takers(intakes, unfinished, workshop.sorter.finish_when_empty)
    loops = [Loop("sorter", workshop.sorter.run), *takers.loops]
    for loop in loops:
        loop.start()
    interrupted, silence_s, deadline = False, SILENCE_S, math.inf
    while takers.leave_out(silence_s) or loops[0].is_alive():
        received = signal.sigtimedwait(signals.STOP_SIGNALS, LOOK_S)
        if (interrupted and received is not None) or time.monotonic() > deadline:
            os._exit(ExitCode.FAILED)  # the next one makes it good
        if received is not None:
            interrupted, allowed_s = True, workshop.settings.stop_timeout_s
            silence_s, deadline = min(SILENCE_S, allowed_s / 2), time.monotonic() + allowed_s
            _stop(workshop, intakes)
        on_progress(workshop.filer.tally.filed - recovered, sum(intake.admitted for intake in intakes))
        if any(loop.error is not None for loop in loops):
            _stop(workshop, intakes)
    _require_sound(loops)
    unreachable = [intake.root.path for intake in intakes if not intake.root.is_reachable]
    return _account(workshop, job, unreachable, sum(unfinished), began, interrupted=interrupted)


class _Takers:
    """The intakes of a sweep: each adds to `unfinished`, and the last that ends or hangs says so."""

    def __init__(
        self, intakes: Sequence[Intake], unfinished: list[int], when_over: Callable[[], None]
    ) -> None:
        self._intakes = intakes
        self._unfinished = unfinished
        self._when_over = when_over
        self._over: set[str] = set()  # inboxes that are not waited for any more
        self.loops = [Loop(f"intake {one.root.path}", partial(self._take_in, one)) for one in intakes]

    def leave_out(self, silence_s: float) -> bool:
        """Wait no more for inboxes that hang; whether any is still waited for."""
        waited = [
            intake
            for intake, loop in zip(self._intakes, self.loops, strict=True)
            if loop.is_alive() and intake.root.path not in self._over
        ]
        for intake in waited:
            if intake.beat.age_s() > silence_s:
                intake.stop()
                intake.give_up(f"it has not answered for {silence_s:.0f} s")
                self._end(intake)
        return bool(waited)

    def _take_in(self, intake: Intake) -> None:
        self._unfinished.append(intake.run_once())
        self._end(intake)

    def _end(self, intake: Intake) -> None:
        self._over.add(intake.root.path)
        if len(self._over) == len(self._intakes):
            self._when_over()


def _stop(workshop: Workshop, intakes: Sequence[Intake]) -> None:
    for intake in intakes:
        intake.stop()
    workshop.sorter.stop()


def _require_sound(loops: Sequence[Loop]) -> None:
    for loop in loops:
        if isinstance(loop.error, LedgerRefused):
            raise loop.error
    for loop in loops:
        if loop.error is not None:
            raise SweepBroken(f"the {loop.name} loop died: {loop.error!r}") from loop.error


def _account(
    workshop: Workshop,
    job: int,
    unreachable: list[str],
    unfinished: int,
    began: float,
    *,
    interrupted: bool,
) -> Account:
    report = LedgerReport(str(workshop.settings.state_dir / LEDGER_FILE))
    try:
        states, categories = report.job_states(job), report.job_categories(job)
        lines_owed = report.lines_owed()
    finally:
        report.close()
    found = sum(states.values()) + unfinished
    workshop.ledger.jobs.end_sweep(job, left=unfinished, is_interrupted=interrupted, now=time.time())
    done = {state.value: states.get(state.value, 0) for state in FILED}
    return Account(
        job=job,
        found=found,
        sorted=done["sorted"],
        review=done["review"],
        rejected=done["rejected"],
        left=found - sum(done.values()),
        categories=categories,
        seconds=round(time.monotonic() - began, 3),
        interrupted=interrupted,
        unreachable=unreachable,
        lines_owed=lines_owed,
    )
