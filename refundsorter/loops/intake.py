"""The intake: from hints and scans of one inbox to photos that wait in the ledger.

Events are hints, the scan is the truth. Every file is looked at before it counts, is waited for until it
holds still, and is then entered. A scan goes on in steps of `chunk` files between the hints, so that a photo
dropped during a scan of 100,000 is not kept waiting, and only a few chunks of files are held in memory.
Every inbox has an intake of its own, so that a share that hangs keeps only itself waiting.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.hints import Hint, HintKind
from refundsorter.core.metric import OVERFLOWS, RESTARTS, Meter, tell_seen, tell_trouble
from refundsorter.core.port import Clock, EntryPort, FoundPort, Log
from refundsorter.core.stability import Arrival, FileIdentity, Source, StabilityTracker
from refundsorter.loops.beat import Beat
from refundsorter.loops.hints import HintQueue
from refundsorter.loops.root import Root, Times

CHECK_S = 1.0  # how often it is made sure that the folders are still watched; one stat each
PENDING_CHUNKS = 8  # a scan pauses while more chunks of files than this wait for stillness
LAST_TRIES = 5  # failures in a row to enter files after which a single sweep leaves them
SWEEP_PATIENCE = 3.0  # a sweep waits this many times the stability for files that are still being written


class Intake:
    """The loop between one inbox and the ledger."""

    def __init__(
        self,
        *,
        root: Root,
        hints: HintQueue,
        look: Callable[[str], FileIdentity | None],
        ledger: EntryPort,
        on_admitted: Callable[[], None],
        times: Times,
        chunk: int,
        clock: Clock,
        log: Log,
        meter: Meter,
        source: Source = Source.SCAN,
        job: int | None = None,
    ) -> None:
        self.beat = Beat(clock)
        self.watching = threading.Event()  # the folder has been tried to be watched once
        self.admitted = 0  # files that were entered, for progress
        self.root = root
        self._hints = hints
        self._look = look
        self._ledger = ledger
        self._on_admitted = on_admitted
        self._times = times
        self._new_times = times
        self._tracker = StabilityTracker(times.stability_s)
        self._chunk = chunk
        self._clock = clock
        self._log = log
        self._meter = meter
        self._scans = 0  # that were begun
        self._source = source
        self._job = job
        self._ready: list[Arrival] = []  # complete, not yet in the ledger
        self._kept_out: set[str] = set()  # paths under which the ledger holds another photo that is in work
        self._stopping = threading.Event()
        self._next_scan = clock.monotonic()
        self._next_check = clock.monotonic()
        self._next_admission = clock.monotonic()
        self._troubles = 0  # admissions that failed in a row

    def stop(self) -> None:
        """Ask for the end. From any thread."""
        self._stopping.set()
        self._hints.wake()

    def give_up(self, trouble: str) -> None:
        """Count the inbox as out of reach, until it answers again. From any thread."""
        self._unreachable(PassingTrouble(trouble))

    def retime(self, times: Times) -> None:
        """Take over new times, soon; a scan follows. From any thread."""
        self._new_times = times
        self._hints.wake()

    def run(self) -> None:
        """Take in until `stop`."""
        while not self._stopping.is_set():
            hints, overflowed = self._hints.take(self._timeout_s())
            if overflowed:
                self._log.warning("watch.overflow", then="scan")
                self._meter.count(OVERFLOWS)
                self._next_scan = self._next_check = self._clock.monotonic()
            self._take_over_times()
            self._follow(hints)
            self._check()
            self.watching.set()
            self._begin_scan()
            self._turn()
        if self.root.watch is not None:
            self.root.watch.stop(CHECK_S)

    def run_once(self) -> int:
        """Take in what lies in the inbox now.

        Returns:
            How many files were left out: they were still being written, or the ledger could not take them.
        """
        self._begin_scan()
        while self.root.scans and not self.has_given_up():
            self._rest()
            self._turn()
        patience = self._clock.monotonic() + SWEEP_PATIENCE * max(self._times.stability_s, CHECK_S)
        while (len(self._tracker) or self._ready) and not self.has_given_up():
            if not self._ready and self._clock.monotonic() > patience:
                break
            self._rest()
            self._turn()
        return len(self._tracker) + len(self._ready)

    def has_given_up(self) -> bool:
        """Whether a single sweep was stopped, or the ledger could not take files for long."""
        return self._stopping.is_set() or self._troubles >= LAST_TRIES

    def _rest(self) -> None:
        """In a single sweep: wait until there is something to do."""
        self._hints.take(self._timeout_s())
        self._check()

    def _take_over_times(self) -> None:
        """Go on by the new times; what was waited for by the old ones is found again by the scan."""
        if self._new_times is not self._times:
            self._times = self._new_times
            self._tracker = StabilityTracker(self._times.stability_s)
            self._next_scan = self._clock.monotonic()

    def _turn(self) -> None:
        self._step_scan()
        self._look_again()
        self._admit()
        self.beat.tick()

    def _timeout_s(self) -> float:
        """Seconds until there is something to do without a hint."""
        if self.root.scans and not self._is_full():
            return 0.0
        times = [self._next_check]
        if self._ready:
            times.append(self._next_admission)
        if (due := self._tracker.next_due()) is not None:
            times.append(due)
        return max(0.0, min(times) - self._clock.monotonic())

    def _follow(self, hints: Sequence[Hint]) -> None:
        """Look at what the hints name."""
        for hint in hints:
            if hint.kind is HintKind.TREE:
                self.root.scans.append(self.root.scanner.scan(hint.path))
                continue
            identity = self._identity(hint.path)
            if identity is not None:
                arrival = self._arrival(hint.path, identity, Source.EVENT)
                self._note(arrival, complete=hint.complete)

    def _check(self) -> None:
        """Do what is done every second: look after the watch, and after what was kept out."""
        now = self._clock.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + CHECK_S
        self._check_watch()
        paths, self._kept_out = self._kept_out, set()
        self._follow([Hint(path=path, complete=False) for path in paths])

    def _check_watch(self) -> None:
        root = self.root
        try:
            renewed = root.watch is not None and root.watch.check()
        except PassingTrouble as trouble:
            self._unreachable(trouble)
        else:
            if renewed and self._scans:
                self._meter.count(RESTARTS)
            if renewed or not (root.is_reachable or root.scans):
                root.scans = [root.scanner.scan()]

    def _begin_scan(self) -> None:
        now = self._clock.monotonic()
        if now >= self._next_scan:
            self._next_scan = now + self._times.scan_interval_s
            self._scans += 1
            self.root.scans = [self.root.scanner.scan()]  # in place of those under way

    def _step_scan(self) -> None:
        """Go on by one chunk in the scan."""
        root = self.root
        if not root.scans or self._is_full():
            return
        try:
            found = list(islice(self._alive(root.scans[0]), self._chunk))
            if len(found) < self._chunk:
                root.scans.pop(0)
        except PassingTrouble as trouble:
            root.scans.clear()
            self._unreachable(trouble)
        else:
            self._reachable()
            self._take_in(found)

    def _alive(self, scan: Iterator[FoundPort]) -> Iterator[FoundPort]:
        """A scan that shows with every file that it goes on."""
        for one in scan:
            self.beat.tick()
            yield one

    def _take_in(self, found: Sequence[FoundPort]) -> None:
        """Note the files of a chunk that the ledger does not hold."""
        arrivals = [self._arrival(one.path, one.identity, self._source) for one in found]
        for arrival in self._unknown(arrivals):
            self._note(arrival, complete=False)

    def _unknown(self, arrivals: list[Arrival]) -> list[Arrival]:
        """Those that are worth entering; a sweep enters all, which tries again what was held back."""
        if self._source is Source.SWEEP or not arrivals:
            return arrivals
        try:
            return self._ledger.unknown(arrivals)
        except PassingTrouble:
            return arrivals  # entering what is there already changes nothing

    def _look_again(self) -> None:
        """Look at the files whose time has come."""
        for path in self._tracker.due(self._clock.monotonic()):
            try:
                identity = self._look(path)
            except PassingTrouble:
                continue  # it comes due again
            arrival = self._tracker.observe(path, identity, self._clock.monotonic())
            if arrival is not None:
                self._ready.append(arrival)

    def _admit(self) -> None:
        """Enter what is complete."""
        if not self._ready or self._clock.monotonic() < self._next_admission:
            return
        try:
            while self._ready:
                entered = self._ready[: self._chunk]
                self._ledger.admit(entered, job=self._job)
                del self._ready[: self._chunk]
                self.admitted += len(entered)
                self._on_admitted()
                tell_seen(self._meter, entered, self._clock.now(), is_rescan=self._scans > 1)
                if self._source is not Source.SWEEP:
                    self._kept_out.update(one.path for one in self._unknown(entered))
        except PassingTrouble as trouble:
            self._troubles += 1
            tell_trouble(self._meter, "intake", trouble)
            delay_s = self._times.retry.delay_s(self._troubles)
            self._next_admission = self._clock.monotonic() + delay_s
            self._log.warning("intake.waits", trouble=str(trouble), again_in_s=delay_s)
        else:
            self._troubles = 0

    def _arrival(self, path: str, identity: FileIdentity, source: Source) -> Arrival:
        now = self._clock.now()
        return Arrival(path=path, root=self.root.path, identity=identity, seen_at=now, source=source)

    def _note(self, arrival: Arrival, *, complete: bool) -> None:
        ready = self._tracker.note(arrival, self._clock.monotonic(), complete=complete)
        if ready is not None:
            self._ready.append(ready)

    def _identity(self, path: str) -> FileIdentity | None:
        try:
            return self._look(path)
        except PassingTrouble as trouble:
            self._log.warning("photo.unreadable", file=path, trouble=str(trouble))
            self._hints.overflow()  # the scan looks again
            return None

    def _unreachable(self, trouble: PassingTrouble) -> None:
        if self.root.is_reachable:
            self._log.warning("inbox.unreachable", inbox=self.root.path, trouble=str(trouble))
        self.root.is_reachable = False

    def _reachable(self) -> None:
        if not self.root.is_reachable:
            self._log.info("inbox.back", inbox=self.root.path)
        self.root.is_reachable = True

    def _is_full(self) -> bool:
        return len(self._tracker) + len(self._ready) > PENDING_CHUNKS * self._chunk
