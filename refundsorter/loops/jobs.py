"""The loop that runs jobs, one after another: finds their photos, waits until they are done, and ends them.

A job stands in the ledger; this loop holds nothing that a kill could lose. What it finds is entered as
waiting for the job, and the sorter does the rest. After a restart the photos that were entered go on by
themselves, and a search that was cut short begins anew: what was entered, filed or kept counts once.
"""

import math
import threading
from collections.abc import Callable, Sequence

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.job import Job, JobState
from refundsorter.core.port import Clock, Log
from refundsorter.core.port_jobs import JobsPort
from refundsorter.core.retry import RetryPolicy
from refundsorter.loops.intake import Intake
from refundsorter.loops.job_scan import JobScan

IDLE_S = 1.0  # how often it is looked whether a job is asked for
LOOK_S = 0.1  # how often it is looked how far the job in hand is
STOP_S = 1.0  # how long a stop waits for an inbox


class JobRunner:
    """Runs jobs.

    Args:
        jobs: The ledger's jobs.
        intakes: Those of a job, in front of all its inboxes or of those that are named.
        watched: The inboxes whose photos are sorted without a job.
        retry: How long passing trouble is waited out.
        clock: The time.
        log: The operational log.
    """

    def __init__(
        self,
        *,
        jobs: JobsPort,
        intakes: Callable[[Job, Sequence[str] | None], list[Intake]],
        watched: Sequence[str],
        retry: RetryPolicy,
        clock: Clock,
        log: Log,
    ) -> None:
        self.retry = retry
        self._jobs = jobs
        self._intakes = intakes
        self._watched = tuple(watched)
        self._clock = clock
        self._log = log
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._scan: JobScan | None = None
        self._missed: list[str] | None = None  # inboxes that are still to be looked through; None: all
        self._left = 0  # files that were left out so far
        self._next_scan = -math.inf  # when to look through those again, monotonic seconds
        self._misses = 0  # looks in a row that missed an inbox
        self._told: str | None = None  # the trouble of the job in hand
        self._troubles = 0  # turns in a row that trouble cut short

    def wake(self) -> None:
        """Say that a job is asked for, or its end. From any thread."""
        self._wake.set()

    def stop(self) -> None:
        """Ask for the end; the job in hand goes on after the next start. From any thread."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Run jobs until `stop`."""
        try:
            self._guarded(self._bury)
            while not self._stopping.is_set():
                self._wake.clear()
                self._wake.wait(self._guarded(self.turn))
        finally:
            self._end_scan()

    def turn(self) -> float:
        """Go on by one step in the job that is in hand, or take the next one; seconds until the next step.

        Raises:
            PassingTrouble: The ledger cannot be used now; the same step is to be tried again.
        """
        job = self._jobs.current()
        if job is None:
            return IDLE_S
        if job.state is JobState.QUEUED:
            self._begin(job)
            return 0.0
        if job.state is JobState.CANCELLING:
            self._end_scan()
            self._end(job, JobState.CANCELLED)
        elif self._is_done(job) or self._gives_way(job):
            self._end(job, JobState.DONE)
        return LOOK_S

    def _guarded(self, step: Callable[[], float]) -> float:
        """Take one step; seconds until the next, later after trouble."""
        try:
            delay_s = step()
        except PassingTrouble as trouble:
            self._troubles += 1
            delay_s = self.retry.delay_s(self._troubles)
            self._log.warning("jobs.wait", trouble=str(trouble), again_in_s=delay_s)
        else:
            self._troubles = 0
        return 0.0 if self._stopping.is_set() else delay_s

    def _bury(self) -> float:
        self._jobs.bury(now=self._clock.now())
        return 0.0

    def _begin(self, job: Job) -> None:
        self._jobs.begin(job.id, now=self._clock.now())
        self._log.info("job.started", job=job.id, kind=job.kind, by=job.by)

    def _has_searched(self, job: Job) -> bool:
        """Go on in the search for a job's photos; whether it is over."""
        if self._scan is None:
            if self._clock.monotonic() >= self._next_scan:
                self._scan = JobScan(self._intakes(job, self._missed))
            return False
        if self._scan.is_alive():
            self._tell(job, _said(self._scan.silent(), "does not answer"))
            return False
        self._left += self._scan.left()
        self._missed, self._scan = self._scan.missed(), None
        if self._missed:
            self._misses += 1
            self._next_scan = self._clock.monotonic() + self.retry.delay_s(self._misses)
            self._tell(job, _said(self._missed, "could not be looked through"))
            return False
        self._jobs.scanned(job.id, left=self._left, now=self._clock.now())
        self._forget()
        return True

    def _is_done(self, job: Job) -> bool:
        """Whether all photos of a job are found and done."""
        if job.scanned_at is None and not self._has_searched(job):
            return False
        unfinished = self._jobs.unfinished(job.id)
        self._tell(job, unfinished.trouble)
        return not unfinished.any

    def _gives_way(self, job: Job) -> bool:
        """Whether another job waits, and trouble alone holds this one up: that one may find more."""
        return (
            self._scan is None
            and (job.scanned_at is not None or bool(self._missed))
            and self._jobs.is_another_queued()
            and not self._jobs.unfinished(job.id).untried
        )

    def _end(self, job: Job, state: JobState) -> None:
        if self._jobs.end(job.id, state, watched=self._watched, now=self._clock.now()):
            self._forget()
            self._log.info("job.ended", job=job.id, state=state.value)

    def _tell(self, job: Job, trouble: str | None) -> None:
        if trouble != self._told:
            self._jobs.tell(job.id, trouble)
            self._told = trouble

    def _end_scan(self) -> None:
        scan, self._scan = self._scan, None
        if scan is not None:
            scan.stop(STOP_S)

    def _forget(self) -> None:
        """Be ready for another search."""
        self._missed, self._left, self._misses = None, 0, 0
        self._next_scan, self._told = -math.inf, None


def _said(inboxes: Sequence[str], what: str) -> str | None:
    return f"{', '.join(inboxes)}: {what}" if inboxes else None
