"""The loop that keeps the nights: waits until one is due, and asks for its job, which others then do.

It holds nothing that a kill could lose: at every look it works out the latest night that is due, and the
ledger says whether that was asked for before. It looks at least every half minute, by a clock that nobody
sets, so a wall clock that is set and a machine that wakes up are noticed within that time.
"""

import threading
from collections.abc import Callable
from datetime import date

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.job import KeyReused, Scope
from refundsorter.core.port import Clock, Log
from refundsorter.core.port_nights import NightsPort
from refundsorter.core.retry import RetryPolicy
from refundsorter.core.schedule import Night, Schedule
from refundsorter.loops.beat import Beat

LOOK_S = 30.0  # the longest wait between two looks at the clock
SET_S = 1_577_836_800.0  # 2020, unix seconds: a clock that shows less was never set
LEAST_S = 0.01  # the shortest: a wall clock and a monotonic one do not tick alike


class NightWatch:
    """Asks for the job of each night.

    Args:
        nights: The ledger's record of nights.
        schedule: When they are; None: never.
        scope: Which photos they are about.
        catch_up: Whether one that came due before the start is made up for.
        on_asked: Told that a job was asked for.
        retry: How long passing trouble is waited out.
        clock: The time.
        log: The operational log.
    """

    def __init__(
        self,
        *,
        nights: NightsPort,
        schedule: Schedule | None,
        scope: Scope,
        catch_up: bool,
        on_asked: Callable[[], None],
        retry: RetryPolicy,
        clock: Clock,
        log: Log,
    ) -> None:
        self.retry = retry
        self.beat = Beat(clock)
        self._nights = nights
        self.schedule = schedule
        self._scope = scope
        self._catch_up = catch_up
        self._on_asked = on_asked
        self._clock = clock
        self._log = log
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._troubles = 0  # looks in a row that trouble cut short
        self._known: date | None = None  # a date whose night was asked for
        self._left_out = self._past(schedule)  # a date whose night is not made up for

    def reschedule(self, schedule: Schedule | None) -> None:
        """Go on by another schedule. From any thread."""
        if schedule != self.schedule:
            self._left_out = self._past(schedule)
            self.schedule = schedule
            self._wake.set()

    def stop(self) -> None:
        """Ask for the end. From any thread."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Keep the nights until `stop`."""
        while not self._stopping.is_set():
            self._wake.clear()
            delay_s = self._guarded_turn()
            self.beat.tick()
            self._wake.wait(0.0 if self._stopping.is_set() else delay_s)

    def turn(self) -> float:
        """Ask for the night that is due, if one is; seconds until the next look.

        Raises:
            PassingTrouble: The ledger cannot be used now; the same is to be tried again.
        """
        schedule, now = self.schedule, self._clock.now()
        if schedule is None or now < SET_S:
            return LOOK_S
        night = schedule.latest(now)
        if night is not None and night.day not in (self._known, self._left_out):
            self._keep(schedule, night, now)
        following = next(schedule.after(now), None)
        return LOOK_S if following is None else min(LOOK_S, max(LEAST_S, following.due - now))

    def _guarded_turn(self) -> float:
        """Take a turn; seconds until the next, later after trouble."""
        try:
            delay_s = self.turn()
        except PassingTrouble as trouble:
            self._troubles += 1
            delay_s = min(LOOK_S, self.retry.delay_s(self._troubles))
            self._log.warning("night.waits", trouble=str(trouble), again_in_s=delay_s)
        else:
            self._troubles = 0
        return delay_s

    def _keep(self, schedule: Schedule, night: Night, now: float) -> None:
        """See to it that a night is asked for, unless the one before it still waits for its turn."""
        if not self._nights.is_known(night.day):
            if self._nights.is_waiting():
                return  # that one will find all that this one would
            self._ask(schedule, night, now)
        self._known = night.day

    def _ask(self, schedule: Schedule, night: Night, now: float) -> None:
        before = self._nights.last_before(night.day)
        try:
            job, is_new = self._nights.ask(night.day, self._scope, now=now)
        except KeyReused:  # with another scope, and a moment ago: it is asked for
            return
        if is_new:
            missed = [] if before is None else schedule.between(before, night.day)
            if missed:
                self._log.warning(
                    "night.missed", first=str(missed[0]), last=str(missed[-1]), nights=len(missed), job=job.id
                )
            self._log.info("night.asked", date=str(night.day), job=job.id, late_s=round(now - night.due, 1))
            self._on_asked()

    def _past(self, schedule: Schedule | None) -> date | None:
        """The date of the night that came due before now, where it is not made up for."""
        if self._catch_up or schedule is None:
            return None
        night = schedule.latest(self._clock.now())
        return None if night is None else night.day
