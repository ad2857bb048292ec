"""What would become of photos: classified as by the daemon, with nothing moved and nothing written."""

import itertools
import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePath
from queue import SimpleQueue

from refundsorter.assembly import LEDGER_FILE, examiners, scanners
from refundsorter.core import placement
from refundsorter.core.decision import decide
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.image import Answer, Claimed, Examined
from refundsorter.core.port import Known, Log
from refundsorter.core.record import Record
from refundsorter.core.stability import FileIdentity
from refundsorter.edges.fence import Fence
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.ledger_choosing import ChoosingReport
from refundsorter.edges.ledger_returned import file_of
from refundsorter.edges.scan import stat_file
from refundsorter.loops.contents import Contents
from refundsorter.loops.examiner import Batch, Examiner
from refundsorter.model import Model
from refundsorter.settings import Settings


class _NoHistory:
    """Nothing was seen before: every content is asked anew."""

    def known(self, contents: Collection[str], *, model: str, taxonomy: str) -> dict[str, Known]:  # noqa: ARG002
        """Know nothing."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a sweep would do now: found = sorted + review + rejected + left."""

    found: int  # photos that lie in the inboxes
    sorted: int  # that would go to their category's folder
    review: int  # that would go to `_review/`
    rejected: int  # that would go to `_rejected/`
    left: int  # that cannot be read now
    categories: Mapping[str, int]  # photos that would be sorted, by category


def rehearse(
    settings: Settings,
    model: Model,
    log: Log,
    on_progress: Callable[[int, int], None],
    *,
    undone: bool = False,
) -> Rehearsal:
    """Go through a sweep without moving or writing anything.

    Args:
        settings: The settings in force.
        model: The active bundle.
        log: Told what is left alone.
        on_progress: Told the photos classified, twice, after each.
        undone: Whether photos that were put back are sorted, too.

    Raises:
        PassingTrouble: An inbox, or the ledger, cannot be read now.
        LedgerRefused: The ledger is damaged, or of a newer version.
    """
    left_out = frozenset[tuple[str, str]]() if undone else _returned(settings)
    files = (
        (found.path, found.identity)
        for scanner in scanners(settings, log)
        for found in scanner.scan()
        if not left_out or (found.path, file_of(found.identity)) not in left_out
    )
    states: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    for _, outcome in Previewer(settings, model).classify(files):
        states["left" if isinstance(outcome, str) else outcome.state] += 1
        if isinstance(outcome, Record) and outcome.state == "sorted":
            categories[str(outcome.category)] += 1
        on_progress(states.total(), states.total())
    return Rehearsal(
        found=states.total(),
        sorted=states["sorted"],
        review=states["review"],
        rejected=states["rejected"],
        left=states["left"],
        categories=dict(sorted(categories.items())),
    )


def _returned(settings: Settings) -> frozenset[tuple[str, str]]:
    """The photos that a sweep leaves in the inboxes, each with its file, because they were put back."""
    path = str(settings.state_dir / LEDGER_FILE)
    if not os.path.exists(path):
        return frozenset()
    with closing(ChoosingReport(path)) as report:
        return frozenset(report.returned())


class Previewer:
    """Classifies files side by side, as many as there are workers.

    Raises:
        BundleRefused: The model does not load.
    """

    def __init__(self, settings: Settings, model: Model) -> None:
        self._settings = settings
        self._rules = model.rules
        self._contents = Contents()
        self._idle: SimpleQueue[Examiner] = SimpleQueue()
        made = examiners(
            settings, model.stored, _NoHistory(), self._contents, files=FileSystem(), fence=Fence()
        )
        for examiner in made:
            self._idle.put(examiner)
        self._workers = len(made)

    def paths(self, paths: Iterable[str]) -> Iterator[tuple[str, Record | str]]:
        """Classify named files; see `classify`."""
        looked = [(path, _look(path)) for path in paths]
        files = ((path, found) for path, found in looked if not isinstance(found, str))
        outcomes = self.classify(files)
        for path, found in looked:
            yield (path, found) if isinstance(found, str) else next(outcomes)

    def classify(self, files: Iterable[tuple[str, FileIdentity]]) -> Iterator[tuple[str, Record | str]]:
        """Classify files in order; memory stays flat for any number of them.

        Returns:
            Each path with the fields that the journal would have, or with why it cannot be read.
        """
        numbered = enumerate(files, start=1)
        with ThreadPoolExecutor(self._workers) as pool:
            while ahead := [
                [_claimed(number, *file) for number, file in taken]
                for _ in range(self._workers * 2)
                if (taken := list(itertools.islice(numbered, self._settings.batch.max_size)))
            ]:
                for batch, examined in zip(ahead, pool.map(self._examine, ahead), strict=True):
                    yield from self._previews(batch, examined)

    def _examine(self, batch: list[Claimed]) -> Batch:
        examiner = self._idle.get()
        try:
            examined = examiner.examine(batch, self._rules)
            self._contents.let_go(examined.led)
            return examined
        finally:
            self._idle.put(examiner)

    def _previews(self, batch: list[Claimed], result: Batch) -> Iterator[tuple[str, Record | str]]:
        found: dict[int, Record | str] = {one.claimed.id: self._record(one) for one in result.examined}
        found |= {one.claimed.id: str(one.why) for one in result.unread}
        yield from ((claimed.path, found[claimed.id]) for claimed in batch)

    def _record(self, examined: Examined) -> Record:
        outcome = examined.outcome
        answer = outcome if isinstance(outcome, Answer) else None
        decision = decide(outcome, self._rules.thresholds)
        folder = placement.folder(
            decision, category=answer.category if answer else None, shelved_duplicate=False
        )
        name = PurePath(examined.claimed.path).name
        return Record(
            id=examined.claimed.id,
            time=time.time(),
            source=examined.claimed.path,
            destination=os.path.join(self._settings.sorted, folder, name),
            state=decision.state.value,
            category=answer.category if answer else None,
            label=answer.label if answer else None,
            confidence=answer.confidence if answer else None,
            top_predictions=answer.top_predictions if answer else (),
            model=examined.model,
            sha256=examined.sha256,
            size=examined.claimed.identity.size,
            width=answer.width if answer else None,
            height=answer.height if answer else None,
            job=None,
            queued_s=0.0,
            decode_ms=examined.decode_ms,
            infer_ms=examined.infer_ms,
            move_ms=0.0,
            reason=decision.reason,
            duplicate_of=None,
            taxonomy=examined.taxonomy,
        )


def _look(path: str) -> FileIdentity | str:
    """What a file is, or why it is none to classify."""
    try:
        identity = stat_file(path)
        mode = os.lstat(path).st_mode
    except PassingTrouble as trouble:
        return str(trouble)
    except OSError as error:
        return error.strerror or str(error)
    if identity is not None:
        return identity
    if stat.S_ISDIR(mode):
        return "this is a folder; name the photos in it"
    return "this is a link; name what it points to" if stat.S_ISLNK(mode) else "this is no regular file"


def _claimed(number: int, path: str, identity: FileIdentity) -> Claimed:
    now = time.time()
    return Claimed(
        id=number, path=path, root="", identity=identity, seen_at=now, claimed_at=now, attempts=0, job=None
    )
