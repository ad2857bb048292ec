"""The daemon's life: start, supervise, read settings again, stop.

Main waits for signals and looks after the loops; every loop has a thread of its own. A loop that dies, or a
ledger that is deleted under it, stops the daemon with a non-zero exit: the service manager starts it again,
and recovery at start is the one repair path. Signals are blocked in every thread and taken one at a time by
main, so no handler ever interrupts anything.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from refundsorter import night_work, signals
from refundsorter import settings as configuration
from refundsorter.alarming import channels_of, herald
from refundsorter.assembly import Workshop, settle
from refundsorter.core.fault import LedgerRefused, StartRefused
from refundsorter.core.port import Log
from refundsorter.door import keyring
from refundsorter.edges.log import LEVELS, Gate
from refundsorter.edges.night_book import NightBook
from refundsorter.edges.systemd import Notifier
from refundsorter.exits import ExitCode, exit_code
from refundsorter.face import Face
from refundsorter.filing import SystemClock
from refundsorter.loops.beat import Beat
from refundsorter.loops.intake import Intake
from refundsorter.loops.night_steps import NightSteps
from refundsorter.policies import batch_policy, intake_times, retry_policy, schedule
from refundsorter.releasing import Releaser
from refundsorter.settings import Settings

SUPERVISION_S = 1.0  # how often main looks after the loops when no signal comes
WATCHING_S = 5.0  # how long "ready" waits for the watches; a share that hangs does not keep the rest waiting
ASIDE_S = 2.0  # how long a stop waits for a bundle that is being loaded, or an alert that is being sent
FACE_S = 3.0  # and for requests that are being answered
SILENCE_S = 60.0  # a loop that has been silent for longer keeps the watchdog from being told that all is well


class Loop(threading.Thread):
    """A loop on a thread of its own, and what ended it."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self.error: BaseException | None = None

    def run(self) -> None:
        """Run the loop; remember what it died of."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the supervisor must learn of it
            self.error = error


class Watchdog:
    """Tells systemd that all is well, but only while the sorter and one intake at least make progress.

    An intake that hangs with its share would hang again after a restart, and the others would suffer.
    """

    def __init__(self, notifier: Notifier, sorter: Beat, intakes: Sequence[Beat]) -> None:
        self._notifier = notifier
        self._sorter = sorter
        self._intakes = intakes
        allowed_s = notifier.watchdog_interval_s
        self.interval_s = SUPERVISION_S if allowed_s is None else min(SUPERVISION_S, allowed_s)

    def feed(self) -> None:
        """Tell it, if it is so and somebody wants to know."""
        if self._notifier.watchdog_interval_s is None:
            return
        oldest_s = max(self._sorter.age_s(), min((beat.age_s() for beat in self._intakes), default=0.0))
        if oldest_s < SILENCE_S:
            self._notifier.alive()


class Daemon:
    """One run of the service.

    Args:
        settings: The settings in force.
        reload: Reads them again; raises `StartRefused` when they are wrong.
        log: The operational log.
        gate: What the log lets pass.

    Raises:
        StartRefused: It cannot start; the message says what to do.
        PassingTrouble: It cannot start now.
    """

    def __init__(self, settings: Settings, *, reload: Callable[[], Settings], log: Log, gate: Gate) -> None:
        signals.block()
        self._settings = settings
        self._reload = reload
        self._log = log
        self._gate = gate
        self._started_with = settings
        self._notifier = Notifier(os.environ, log)
        keys, channels = keyring(settings), channels_of(settings)  # first: what they refuse ends the start
        self._workshop = Workshop(settings, log)
        self._releaser = Releaser(self._workshop, settings, log, self._notifier.status)
        sorter = self._workshop.sorter
        self._intakes: list[Intake] = self._workshop.intakes(watched=True)
        self._watchdog = Watchdog(self._notifier, sorter.beat, [intake.beat for intake in self._intakes])
        self._loops = [
            Loop("sorter", sorter.run),
            Loop("jobs", self._workshop.jobs.run),
            *(Loop(f"intake {intake.root.path}", intake.run) for intake in self._intakes),
        ]
        self._night_steps = NightSteps(
            tonight=lambda: night_work.tonight(settings),
            book=NightBook(settings.state_dir),
            work=night_work.work(settings, log),
            retry=retry_policy(settings),
            clock=SystemClock(),
            log=log,
        )
        self._face = Face(self._workshop, self._intakes, keys)
        self._herald = herald(self._workshop, channels)
        # No photo waits for these: a stop does not wait long for them either.
        self._aside = [Loop("release", self._releaser.run), Loop("alerts", self._herald.run)]

    def run(self) -> ExitCode:
        """Run until a signal or the death of a loop; the exit status."""
        settle()
        for loop in (*self._loops, *self._aside):
            loop.start()
        patience = time.monotonic() + WATCHING_S
        for intake in self._intakes:
            if not intake.watching.wait(max(0.0, patience - time.monotonic())):
                intake.give_up("it does not answer; it is watched as soon as it does")
        self._notifier.ready(self._releaser.status)
        self._log.info(
            "ready",
            inbox=[str(path) for path in self._settings.inbox],
            sorted=str(self._settings.sorted),
            model=self._workshop.model.rules.model,
            pid=os.getpid(),
        )
        self._loops.append(Loop("nights", self._workshop.nights.run))  # one that was missed burdens no start
        self._aside.append(Loop("night steps", self._night_steps.run))
        for loop in (self._loops[-1], self._aside[-1]):
            loop.start()
        self._face.start()
        code = self._supervise()
        return self._stop(code)

    def _supervise(self) -> ExitCode:
        """Wait for a reason to stop, answering the watchdog and SIGHUP meanwhile."""
        while True:
            received = signal.sigtimedwait(signals.SIGNALS, self._watchdog.interval_s)
            if received is not None and received.si_signo in signals.STOP_SIGNALS:
                self._log.info("stopping", signal=signal.Signals(received.si_signo).name)
                return ExitCode.OK
            if received is not None:
                self._read_settings_again()
            if any(not loop.is_alive() for loop in (*self._loops, *self._aside)):
                return ExitCode.FAILED
            if not self._workshop.has_ledger():  # what it still writes would be lost
                self._log.error(
                    "ledger.gone", path=self._workshop.ledger_path, then="refundsorter ledger rebuild"
                )
                return ExitCode.FAILED
            self._watchdog.feed()

    def _stop(self, code: ExitCode) -> ExitCode:
        """Stop in this order: no new arrivals, no new claims, what is in hand filed, HTTP, then the ledger.

        One deadline covers it all; a second signal ends it at once. Either way recovery makes it good.
        """
        self._notifier.stopping()
        self._face.leave()
        deadline = time.monotonic() + self._settings.stop_timeout_s
        self._releaser.stop()
        self._herald.stop()
        self._workshop.nights.stop()
        self._night_steps.stop()
        self._workshop.jobs.stop()
        for intake in self._intakes:
            intake.stop()
        self._workshop.sorter.stop()
        while any(loop.is_alive() for loop in self._loops):
            left = deadline - time.monotonic()
            forced = signal.sigtimedwait(signals.STOP_SIGNALS, max(0.0, min(0.02, left)))
            if forced is not None or left <= 0:
                why = "a second signal" if forced is not None else "stop_timeout_s is over"
                self._log.error("stopped_hard", why=why, then="recovery at the next start")
                os._exit(ExitCode.FAILED)
        for loop in self._aside:
            loop.join(min(ASIDE_S, max(0.0, deadline - time.monotonic())))
        self._face.stop(min(FACE_S, deadline - time.monotonic()))
        code = self._tell_deaths(code)
        self._workshop.close()
        self._log.info("stopped", **self._workshop.filer.tally.by_state)
        return code

    def _tell_deaths(self, code: ExitCode) -> ExitCode:
        """Log what loops died of; the exit status. Of a damaged ledger one sentence says all, once."""
        refused: LedgerRefused | None = None
        for loop in (*self._loops, *self._aside):
            if isinstance(loop.error, LedgerRefused):
                refused = refused or loop.error
            elif loop.error is not None:
                self._log.error("loop.died", loop=loop.name, exc_info=loop.error)
                code = ExitCode.FAILED
        if refused is None:
            return code
        self._log.error("ledger.refused", trouble=str(refused))
        return exit_code(refused)

    def _read_settings_again(self) -> None:
        """Take over what can change while running, and say what needs a restart."""
        self._notifier.reloading()
        status = self._releaser.status
        try:
            new = self._reload()
            is_taxonomy_new = self._releaser.judge_by(new)
        except StartRefused as refused:
            self._log.error("settings.refused", problems=str(refused), then="the old ones stay in force")
            status += "; the settings are wrong and were not read again, see the log"
        else:
            live, _ = configuration.changes(self._settings, new)
            _, restart = configuration.changes(self._started_with, new)
            sorter = self._workshop.sorter
            if is_taxonomy_new and "taxonomy" not in live:
                live.append("taxonomy")  # the same file with another content
            sorter.policy = replace(batch_policy(new), max_size=sorter.policy.max_size)
            self._workshop.filer.retry = self._workshop.jobs.retry = retry_policy(new)
            self._workshop.nights.retry = retry_policy(new)
            self._workshop.nights.reschedule(schedule(new))
            sorter.reconciler.scan_s = new.corrections.scan_s
            for intake in self._intakes:
                intake.retime(intake_times(new))
            self._gate.level = min(self._gate.level, LEVELS[new.log.level])  # this is told at either level
            self._settings = new
            self._log.info(
                "settings.read", changed=live, need_restart=restart, taxonomy=sorter.crew.rules.taxonomy
            )
            self._gate.level = LEVELS[new.log.level]
        self._releaser.look_again()
        self._notifier.ready(status)
