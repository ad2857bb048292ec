"""Builds the edges and the loops from the settings: the only place that knows them all."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.job import Job
from refundsorter.core.port import EntryPort, HistoryPort, Log
from refundsorter.core.shadow import Shadow
from refundsorter.core.stability import Source
from refundsorter.edges import ledger_schema, mounts
from refundsorter.edges.bundle import StoredBundle
from refundsorter.edges.classifier import Classifier
from refundsorter.edges.fence import Fence, FencedDecoder
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.inbox import Watch
from refundsorter.edges.ledger_returned import WithReturned
from refundsorter.edges.patience import Share
from refundsorter.edges.photos import PhotoReader
from refundsorter.edges.scan import Oddity, Scanner, stat_file
from refundsorter.filing import Filing, SystemClock
from refundsorter.loops.contents import Contents
from refundsorter.loops.crew import Crew
from refundsorter.loops.examiner import Examiner
from refundsorter.loops.hints import HintQueue
from refundsorter.loops.intake import Intake
from refundsorter.loops.job_scan import ScopedScanner
from refundsorter.loops.jobs import JobRunner
from refundsorter.loops.night import NightWatch
from refundsorter.loops.root import Root
from refundsorter.loops.sorter import Sorter
from refundsorter.model import Model, classifiers, load_model
from refundsorter.policies import (
    batch_policy,
    decode_limits,
    ignore_rules,
    intake_times,
    night_scope,
    retry_policy,
    schedule,
    watch_mode,
    watched_inboxes,
    worker_count,
)
from refundsorter.settings import Settings

LEDGER_FILE = ledger_schema.FILE
# A worker that comes back from native code waits this long for the interpreter's lock while another thread
# runs Python; the default, 5 ms, is as long as an inference and costs the workers a fifth of their speed.
SWITCH_INTERVAL_S = 0.0005
GARBAGE_EVERY = 2_000  # new objects: some twenty photos


def settle() -> None:
    """Say that what was made until now lasts; garbage is then looked for among what comes, and often.

    While a process starts it is looked for hardly ever (`__main__`).
    """
    gc.freeze()
    gc.set_threshold(GARBAGE_EVERY)


def examiners(
    settings: Settings,
    stored: StoredBundle,
    history: HistoryPort,
    contents: Contents,
    *,
    files: FileSystem,
    fence: Fence,
    candidates: Sequence[Classifier] = (),
) -> list[Examiner]:
    """One examiner a worker, each with a warmed-up interpreter and a decoding process of its own.

    Args:
        settings: The settings in force.
        stored: The bundle that decides.
        history: What was seen before.
        contents: What is in hand.
        files: The system calls.
        fence: Where decoding processes come from.
        candidates: The interpreters of a candidate with the same input, one a worker; or none.

    Raises:
        BundleRefused: The model does not load, or has another shape than its manifest says.
    """
    bundle = stored.manifest
    beside: Sequence[Classifier | None] = candidates or [None] * worker_count(settings)
    return [
        Examiner(
            reader=PhotoReader(files, max_bytes=settings.image.max_bytes),
            decoder=FencedDecoder(fence, limits=decode_limits(settings), input_size=bundle.input_size),
            classifier=classifier,
            candidate=candidate,
            history=history,
            contents=contents,
            input_size=bundle.input_size,
            max_size=settings.batch.max_size,
        )
        for classifier, candidate in zip(classifiers(settings, stored), beside, strict=True)
    ]


def scanners(settings: Settings, log: Log) -> list[Scanner]:
    """One scanner an inbox; what it leaves alone is logged once."""

    def oddity(found: Oddity) -> None:
        log.warning("inbox.left_alone", path=found.path, kind=found.kind.value)

    def trouble(why: PassingTrouble) -> None:
        log.warning("inbox.unreadable", trouble=str(why))

    return [
        Scanner(
            root,
            recursive=settings.watch.recursive,
            ignore=ignore_rules(settings),
            excluded=(settings.sorted, settings.state_dir),
            marker=settings.watch.marker,
            on_oddity=oddity,
            on_trouble=trouble,
        )
        for root in settings.inbox
    ]


def shares(settings: Settings) -> list[Share]:
    """The inboxes that may hang, because another machine or process serves them."""
    return [Share(str(root)) for root in settings.inbox if mounts.why_polling(root) is not None]


class Workshop:
    """Everything that sorting needs, with the state directory locked.

    Raises:
        StartRefused: Another process runs, the ledger is of a newer version, or the bundle is refused.
        PassingTrouble: The disk does not allow it now.
    """

    def __init__(
        self, settings: Settings, log: Log, *, files: FileSystem | None = None, fence: Fence | None = None
    ) -> None:
        self.settings = settings
        self.log = log
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self.model = load_model(settings)
        files = files or FileSystem(shares=shares(settings))
        clock = SystemClock()
        self._is_state_on_share = mounts.why_polling(settings.state_dir) is not None
        self._filing = Filing(settings, log, files=files, clock=clock)
        self.ledger, self.ledger_path = self._filing.ledger, self._filing.ledger_path
        self.metrics = self._filing.metrics
        self.hints, self.filer = self._filing.hints, self._filing.filer
        self._files, self._contents = files, Contents()
        self.fence = fence or Fence()  # late: what it imports would take the processor from this start
        self.sorter = Sorter(
            ledger=self.ledger,
            filer=self.filer,
            corrector=self._filing.corrector,
            reconciler=self._filing.reconciler,
            crew=self.crew(self.model),
            contents=self._contents,
            policy=batch_policy(settings),
            beat=self._filing.beat,
            clock=clock,
            log=log,
            meter=self.metrics,
        )
        self.jobs = JobRunner(
            jobs=self.ledger.jobs,
            intakes=self.job_intakes,
            watched=watched_inboxes(settings),
            retry=retry_policy(settings),
            clock=clock,
            log=log,
        )
        self.nights = NightWatch(
            nights=self.ledger.nights,
            schedule=schedule(settings),
            scope=night_scope(settings),
            catch_up=settings.sweep.catch_up,
            on_asked=self.jobs.wake,
            retry=retry_policy(settings),
            clock=clock,
            log=log,
        )

    def crew(self, model: Model, shadow: Shadow | None = None, candidates: Sequence[Classifier] = ()) -> Crew:
        """A crew for a bundle, warmed up and at rest; by the settings of the start, as the loops.

        Raises:
            BundleRefused: The model does not load, or has another shape than its manifest says.
        """
        team = examiners(
            self.settings,
            model.stored,
            self.ledger,
            self._contents,
            files=self._files,
            fence=self.fence,
            candidates=candidates,
        )
        return Crew.of(team, model.rules, shadow)

    def intakes(self, *, watched: bool, job: int | None = None, undone: bool = False) -> list[Intake]:
        """The loops in front of the sorter, one an inbox: watching for the daemon, or for a single sweep.

        Args:
            watched: For the daemon.
            job: The sweep's number.
            undone: Whether photos that were put back are taken, too.
        """
        roots, entries = watched_inboxes(self.settings), WithReturned(self.ledger) if undone else None
        return [
            self._intake(
                Root(path=root, scanner=scanner, watch=self._watch(Path(root)) if watched else None),
                hints=self.hints.of(root),
                source=Source.SCAN if watched else Source.SWEEP,
                job=job,
                entries=entries,
            )
            for root, scanner in self._scanners()
            if root in roots or not watched
        ]

    def job_intakes(self, job: Job, inboxes: Sequence[str] | None) -> list[Intake]:
        """Those of a job in the daemon, in front of some inboxes, or of all that it is about.

        A job with classes leaves photos where they lie; in an inbox that is watched they would be sorted all
        the same.
        """
        roots = set(map(str, self.settings.inbox) if inboxes is None else inboxes)
        if job.scope.classes:
            roots -= set(watched_inboxes(self.settings))
        return [
            self._intake(
                Root(path=root, scanner=ScopedScanner(scanner, job.scope, root), watch=None),
                hints=HintQueue(1),  # nothing is watched, so nothing is hinted at
                source=Source.SWEEP,
                job=job.id,
                entries=self.ledger.jobs,
            )
            for root, scanner in self._scanners()
            if root in roots and job.scope.reaches(root)
        ]

    def _scanners(self) -> list[tuple[str, Scanner]]:
        roots = map(str, self.settings.inbox)
        return list(zip(roots, scanners(self.settings, self.log), strict=True))

    def _intake(
        self,
        root: Root,
        *,
        hints: HintQueue,
        source: Source,
        job: int | None,
        entries: EntryPort | None = None,
    ) -> Intake:
        return Intake(
            root=root,
            hints=hints,
            look=stat_file,
            ledger=entries or self.ledger,
            on_admitted=self.sorter.wake,
            times=intake_times(self.settings),
            chunk=self.settings.sweep.chunk_size,
            clock=SystemClock(),
            log=self.log,
            meter=self.metrics,
            source=source,
            job=job,
        )

    def has_ledger(self) -> bool:
        """Whether the ledger's file still lies where it was opened; a share, which may hang, is not asked."""
        return self._is_state_on_share or self.ledger.is_in_place()

    def close(self) -> None:
        """Close the ledger and let the next process in."""
        self._filing.close()

    def _watch(self, root: Path) -> Watch:
        settings, mode = self.settings, watch_mode(self.settings, root)
        assert mode != "jobs", "such an inbox is not watched"
        return Watch(
            root,
            recursive=settings.watch.recursive,
            ignore=ignore_rules(settings),
            excluded=(settings.sorted, settings.state_dir),
            mode=mode,
            poll_interval_s=settings.watch.poll_interval_s,
            hints=self.hints.of(str(root)),
        )
