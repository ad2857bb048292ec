"""The loop that does the steps of a night: in their order, each once, whatever becomes of the others.

It holds nothing that a kill could lose. A step that was cut short has begun and is not over: it is done
again, so each of them is such that beginning it twice does no harm.
"""

import threading
from collections.abc import Callable, Mapping

from refundsorter.core.fault import PassingTrouble, RefundsorterError, Vanished
from refundsorter.core.night_steps import (
    CutShort,
    NightRecord,
    Outcome,
    Step,
    StepRecord,
    Told,
    Tonight,
    next_step,
)
from refundsorter.core.port import Clock, Log
from refundsorter.core.port_night_steps import NightBookPort
from refundsorter.core.retry import RetryPolicy

LOOK_S = 2.0  # between two looks for a night: each takes a millisecond
SWEEP_S = 1.0  # between two looks whether its sweep is over

Work = Callable[[Tonight, Callable[[], bool]], Told]


class NightSteps:
    """Does the steps of the night that was asked for last.

    Args:
        tonight: That night; None before the first one.
        book: Where it is written down.
        work: How each step is done. It is given the night, and what says whether the daemon stops meanwhile;
            it raises `CutShort` then, and any other error where it fails.
        retry: How long passing trouble is waited out.
        clock: The time.
        log: The operational log.
    """

    def __init__(
        self,
        *,
        tonight: Callable[[], Tonight | None],
        book: NightBookPort,
        work: Mapping[Step, Work],
        retry: RetryPolicy,
        clock: Clock,
        log: Log,
    ) -> None:
        self._tonight = tonight
        self._book = book
        self._work = work
        self._retry = retry
        self._clock = clock
        self._log = log
        self._stopping = threading.Event()
        self._troubles = 0  # turns in a row that trouble cut short

    def stop(self) -> None:
        """Ask for the end. From any thread."""
        self._stopping.set()

    def run(self) -> None:
        """Do the steps of every night until `stop`."""
        while not self._stopping.is_set():
            self._stopping.wait(self._guarded_turn())

    def turn(self) -> float:
        """Do a step that is due, if one is; seconds until the next look.

        Raises:
            PassingTrouble: Ledger or disk cannot be used now; the same is to be tried again.
        """
        tonight = self._tonight()
        if tonight is None:
            return LOOK_S
        record = self._record_of(tonight)
        step = next_step(record, self._work.keys(), is_swept=tonight.is_swept)
        if step is None:
            return LOOK_S if tonight.is_swept else SWEEP_S
        self._do(step, tonight, record)
        return 0.0

    def _guarded_turn(self) -> float:
        try:
            delay_s = self.turn()
        except CutShort:
            delay_s = 0.0
        except (PassingTrouble, Vanished) as trouble:
            self._troubles += 1
            delay_s = min(LOOK_S, self._retry.delay_s(self._troubles))
            self._log.warning("night.steps_wait", trouble=str(trouble), again_in_s=delay_s)
        else:
            self._troubles = 0
        return delay_s

    def _record_of(self, tonight: Tonight) -> NightRecord:
        known = {one.date: one for one in self._book.nights()}
        found = known.get(tonight.date)
        if found is None or found.job != tonight.job:  # of a ledger that is no more
            return NightRecord(date=tonight.date, job=tonight.job)
        return found

    def _do(self, step: Step, tonight: Tonight, record: NightRecord) -> None:
        began = self._clock.now()
        self._book.keep(record.with_step(StepRecord(step=step, began=began)))
        told = self._told(step, tonight)
        ended = max(began, self._clock.now())
        self._book.keep(record.with_step(StepRecord(step=step, began=began, ended=ended, told=told)))
        say = self._log.info if told.outcome is Outcome.DONE else self._log.warning
        say(
            "night.step",
            date=tonight.date,
            step=step.value,
            outcome=told.outcome.value,
            told=told.sentence,
            seconds=round(ended - began, 1),
        )

    def _told(self, step: Step, tonight: Tonight) -> Told:
        """What a step comes to; of one that fails, why: the others are done all the same."""
        try:
            return self._work[step](tonight, self._stopping.is_set)
        except CutShort:
            raise
        except RefundsorterError as error:
            return Told(outcome=Outcome.FAILED, sentence=str(error).partition("\n")[0])
        except Exception as error:  # noqa: BLE001 - a mistake in one step must not cost the others
            self._log.error("night.step_died", step=step.value, exc_info=error)
            return Told(outcome=Outcome.FAILED, sentence=f"{type(error).__name__}: {error}")
