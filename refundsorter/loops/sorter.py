"""The sorter: claims micro-batches, lets examiners work on them side by side, and files what comes back.

One thread claims and files; as many more as there are examiners read, decode and infer. While one group is
being made durable the next ones are examined. What has been examined is filed as one group: at once when
nothing else waits, and with a backlog in groups that are worth their commits and syncs.
Trouble that cuts a group short drains the workers, is waited out, and ends in the same repair as a start.
"""

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from refundsorter.core.batching import BatchPolicy, is_group
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.image import Claimed
from refundsorter.core.metric import BATCH, Meter, tell_trouble
from refundsorter.core.port import Clock, LedgerPort, Log
from refundsorter.loops.beat import Beat
from refundsorter.loops.contents import Contents
from refundsorter.loops.corrector import Corrector
from refundsorter.loops.crew import Crew
from refundsorter.loops.examiner import Batch
from refundsorter.loops.filer import Filer
from refundsorter.loops.reconciler import Reconciler

IDLE_S = 10.0  # how long the sorter sleeps when there is nothing to do and nobody wakes it
LOOK_S = 1.0  # how often it looks whether the examiners still make progress
STALLED_S = 60.0  # examiners of whom none finishes a photo for longer make no progress
LAST_TRIES = 5  # troubles without a photo filed after which a single sweep ends, with the rest left
BATCHES_AHEAD = 2  # micro-batches a worker: the one in work, and the next so that it never waits


@dataclass(frozen=True, slots=True)
class _Task:
    """A micro-batch that was given to the examiners."""

    claimed: Sequence[Claimed]
    crew: Crew


class Sorter:
    """The loop between the queue and the shelf.

    `crew` may be replaced at any time, by another one with as many examiners; batches that are in hand are
    finished by the old one, under its rules.
    """

    def __init__(
        self,
        *,
        ledger: LedgerPort,
        filer: Filer,
        corrector: Corrector,
        reconciler: Reconciler,
        crew: Crew,
        contents: Contents,
        policy: BatchPolicy,
        beat: Beat,
        clock: Clock,
        log: Log,
        meter: Meter,
    ) -> None:
        self.crew = crew
        self.policy = policy
        self.beat = beat
        self.filer = filer
        self.corrector = corrector
        self.reconciler = reconciler
        self._ledger = ledger
        self._contents = contents
        self._clock = clock
        self._log = log
        self._meter = meter
        self._workers = len(crew.examiners)
        self._steps, self._stepped_at = 0, clock.monotonic()  # what they had done, and when that changed
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="examiner")
        self._tasks: dict[Future[Batch], _Task] = {}
        self._backlog = False  # whether the last claim left photos behind
        self._grouped_since = (
            math.inf
        )  # when the first of the examined photos was found so, monotonic seconds
        self._wake = threading.Event()
        self._has_lines = threading.Event()
        self._stopping = threading.Event()
        self._shadow_troubles: set[str] = set()  # those of candidates that were told
        self._troubles = 0  # in a row
        self._fruitless = 0  # troubles since a photo was filed
        self._settled = False  # whether what was cut short has been made good
        self._held_looks = 0  # in a row that left moves which cannot be told yet
        self._next_look = math.inf  # when to look at those again, monotonic seconds
        self._until_empty = False

    def wake(self) -> None:
        """Say that photos may be waiting; from any thread."""
        self._wake.set()

    def write_lines(self) -> None:
        """Say that the journal is owed lines of what is no photo; from any thread."""
        self._has_lines.set()
        self._wake.set()

    def stop(self) -> None:
        """Ask for the end: no new claims; what is in hand is finished or given back. From any thread."""
        self._stopping.set()
        self._wake.set()

    def finish_when_empty(self) -> None:
        """Ask for the end once nothing waits but what trouble holds back, or trouble does not end.

        From any thread.
        """
        self._until_empty = True
        self._wake.set()

    def run(self) -> None:
        """Sort until the end is asked for."""
        try:
            while not self._stopping.is_set():
                self._guarded(self._round)
            self._guarded(self._finish_in_hand)
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Take one step; wait trouble out and make good what it cut short."""
        try:
            step()
        except PassingTrouble as trouble:
            self._troubles += 1
            self._fruitless += 1
            tell_trouble(self._meter, "file", trouble)
            if self._until_empty and self._fruitless >= LAST_TRIES:
                self.stop()
            delay_s = self.filer.retry.delay_s(self._troubles)
            self._log.warning("sorter.waits", trouble=str(trouble), again_in_s=delay_s)
            self._settled = False
            self._abandon_in_hand()
            self._pause(delay_s)

    def _round(self) -> None:
        self._wake.clear()
        if not self._settled:
            self.recover()
        elif self._clock.monotonic() >= self._next_look:
            self._make_good()
        if self._has_lines.is_set():
            self._has_lines.clear()
            self.filer.write_lines()
        timeout = min(
            self._submit(),
            self.corrector.turn(),
            self.reconciler.turn(busy=bool(self._tasks)),
            max(0.0, self._next_look - self._clock.monotonic()),
        )
        done = [future for future in self._tasks if future.done()]
        if done and self._is_group(done):
            self._file(done)
        elif self._tasks:
            self._await_examiners(timeout)
        elif self._until_empty and timeout > 0 and not self._waits():
            self.stop()
        else:
            self._troubles = 0
            self.beat.tick()
            self._wake.wait(timeout)

    def _waits(self) -> bool:
        return self._ledger.queue(limit=1, now=self._clock.now()).due > 0

    def recover(self) -> None:
        """Make good what an earlier run, or trouble, cut short; before the loop or by it.

        Raises:
            PassingTrouble: It cannot be told yet; the loop tries again.
        """
        self._ledger.release_claims()
        self._make_good()
        self._settled = True

    def _make_good(self) -> None:
        """Resolve what was cut short; what cannot be told yet is looked at again, ever more seldom."""
        held = self.filer.recover() + self.corrector.recover()
        self._held_looks = self._held_looks + 1 if held else 0
        delay_s = self.filer.retry.delay_s(self._held_looks) if held else math.inf
        self._next_look = self._clock.monotonic() + delay_s

    def _submit(self) -> float:
        """Give the examiners what they can take; seconds until there may be more to give."""
        workers, crew = self._workers, self.crew
        in_work = sum(not future.done() for future in self._tasks)
        if in_work > workers:
            return IDLE_S
        now, room = self._clock.now(), self.policy.max_size * (workers * BATCHES_AHEAD - in_work)
        queue = self._ledger.queue(limit=room, now=now)
        age_s = now - queue.oldest_seen if queue.oldest_seen is not None else 0.0
        wait_s = self.policy.wait_s(queued=queue.due, oldest_age_s=age_s)
        if wait_s is None:
            self._backlog = False
            return IDLE_S if queue.next_due is None else min(IDLE_S, max(0.0, queue.next_due - now))
        if wait_s > 0:
            return wait_s
        claimed = self._ledger.claim(limit=room, now=now)
        self._backlog = len(claimed) == room
        share = min(self.policy.max_size, math.ceil(len(claimed) / workers))
        for first in range(0, len(claimed), share or 1):
            self._start(_Task(claimed[first : first + share], crew))
        return IDLE_S

    def _is_group(self, done: list[Future[Batch]]) -> bool:
        """Whether what is examined is to be filed now."""
        now = self._clock.monotonic()
        self._grouped_since = min(self._grouped_since, now)
        return is_group(
            photos=sum(len(self._tasks[future].claimed) for future in done),
            more_to_come=self._backlog and len(done) < len(self._tasks),
            waited_s=now - self._grouped_since,
        )

    def _start(self, task: _Task) -> None:
        if not self._tasks:
            self._stepped_at = self._clock.monotonic()  # nothing was asked of them until now
        future = self._pool.submit(task.crew.examine, task.claimed)
        self._tasks[future] = task
        future.add_done_callback(lambda _: self._wake.set())

    def _await_examiners(self, timeout: float) -> None:
        now = self._clock.monotonic()
        steps = sum(crew.steps for crew in {task.crew for task in self._tasks.values()})
        if steps != self._steps:
            self._steps, self._stepped_at = steps, now
        if now - self._stepped_at < STALLED_S:
            self.beat.tick()
        self._wake.wait(min(timeout, LOOK_S))

    def _file(self, done: list[Future[Batch]]) -> None:
        """File every examined batch as one group; the decisions follow the rules each was claimed under."""
        tasks = [(self._tasks.pop(future), future.result()) for future in done]
        self._grouped_since = math.inf
        self._meter.observe(BATCH, sum(len(task.claimed) for task, _ in tasks))
        taken = False
        try:
            for crew in {task.crew for task, _ in tasks}:
                group = [batch for task, batch in tasks if task.crew is crew]
                taken |= self.filer.file([one for batch in group for one in batch.examined], crew.rules)
            self.filer.give_back([one for _, batch in tasks for one in batch.unread])
        finally:
            for _, batch in tasks:
                self._contents.let_go(batch.led)
        self.beat.tick()
        self._keep_shadows([batch for _, batch in tasks])
        if not taken:
            raise PassingTrouble("the shelf took none of the photos")
        self._troubles = self._fruitless = 0

    def _keep_shadows(self, batches: Sequence[Batch]) -> None:
        """Write down what a candidate says; where that fails it is left out, for no photo depends on it."""
        troubles = {str(batch.shadow_trouble) for batch in batches if batch.shadow_trouble}
        try:
            self._ledger.keep_shadows([answer for batch in batches for answer in batch.shadows])
        except PassingTrouble as trouble:
            troubles.add(str(trouble))
        for one in sorted(troubles - self._shadow_troubles):  # once: it would be said with every batch
            self._log.warning("shadow.failed", trouble=one)
        self._shadow_troubles |= troubles

    def _finish_in_hand(self) -> None:
        """At the end: file what is examined, give back what nobody has begun."""
        for future in [future for future in self._tasks if future.cancel()]:
            self.filer.give_back_unstarted(self._tasks.pop(future).claimed)
        if self._tasks:
            wait(self._tasks)
            self._file(list(self._tasks))

    def _abandon_in_hand(self) -> None:
        """After trouble: let the workers end; recovery gives back what they had."""
        for future in self._tasks:
            future.cancel()
        while self._tasks:
            done, _ = wait(self._tasks, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            for future in done:
                del self._tasks[future]
        self._contents.clear()

    def _pause(self, seconds: float) -> None:
        """Wait until the time is over, a new photo comes, or the end is asked for."""
        self._wake.clear()
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0 and not self._stopping.is_set():
            self.beat.tick()
            if self._wake.wait(min(left, IDLE_S)):
                return
