"""Putting away what is old enough, once, by the ages in the settings.

That is files of the journal, reports, rows of the ledger, and rejected photos where the settings say so. What
is to go is decided in `core.retention`; nothing else ever goes. What trouble one part meets is told, and the
others are done.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from refundsorter.core.fault import AlreadyRunning, RefundsorterError, Vanished
from refundsorter.core.night_steps import CutShort
from refundsorter.core.placement import JOURNAL, REJECTED, REPORTS
from refundsorter.core.port import Log
from refundsorter.core.retention import (
    Ages,
    cutoff,
    first_kept,
    is_vacuum_worthwhile,
    plan_journal,
    plan_reports,
)
from refundsorter.edges.filesystem import FileSystem, is_still
from refundsorter.edges.journal_packing import Packer
from refundsorter.edges.ledger_pruning import LedgerPruner
from refundsorter.edges.ledger_schema import FILE
from refundsorter.edges.lock import FolderLock
from refundsorter.settings import Settings

LOCK = "prune.lock"
VACUUM_S = 5.0  # for how long at most nobody else may write to the ledger


@dataclass(slots=True, kw_only=True)
class Pruned:
    """What was put away, or would be."""

    dry_run: bool  # whether nothing was changed
    compressed: list[str] = field(default_factory=list)  # files of the journal, by the names they had
    removed: list[str] = field(default_factory=list)  # likewise
    reports: list[str] = field(default_factory=list)  # files
    rejected: list[str] = field(default_factory=list)  # paths of photos
    predictions: int = 0  # rows of the ledger
    shadows: int = 0  # likewise
    bytes: int = 0  # by which what lies on the disk is less; of a rehearsal without what compressing gains
    vacuum: str | None = None  # what became of the ledger's unused room; None where it is not worthwhile
    trouble: list[str] = field(default_factory=list)  # what kept something from being put away

    @property
    def is_complete(self) -> bool:
        """Whether nothing kept anything from being put away."""
        return not self.trouble


def ages(settings: Settings) -> Ages:
    """After how many days what is put away."""
    found = settings.retention
    return Ages(
        compress=found.compress_days,
        journal=found.journal_days,
        reports=found.report_days,
        predictions=found.prediction_days,
        shadows=found.shadow_days,
        rejected=found.rejected_days,
    )


def prune(
    settings: Settings,
    *,
    dry_run: bool,
    now: float,
    log: Log,
    files: FileSystem | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _found: None,
) -> Pruned:
    """Put away what is old enough; also beside a daemon that runs.

    Args:
        settings: For places and ages.
        dry_run: Change nothing.
        now: Unix seconds.
        log: The operational log, which names each photo that is deleted.
        files: The system calls.
        on_progress: Told how many files are done, and how many there are.

    Raises:
        AlreadyRunning: Another process does so now.
        CutShort: One of the system calls raises it.
        LedgerRefused: The ledger is damaged, or of another version.
        PassingTrouble: The ledger is not there, or cannot be used now.
    """
    files = files or FileSystem()
    with closing(LedgerPruner(str(settings.state_dir / FILE))) as ledger, _alone(settings, dry_run=dry_run):
        return _Pruning(settings, ledger, files, log, dry_run=dry_run, now=now, on_progress=on_progress).run()


@contextmanager
def _alone(settings: Settings, *, dry_run: bool) -> Iterator[None]:
    """Keep others from doing the same meanwhile."""
    if dry_run:
        yield
        return
    try:
        lock = FolderLock(str(settings.state_dir), file=LOCK)
    except AlreadyRunning as error:
        raise AlreadyRunning("another process is putting away what is old; wait until it is done") from error
    try:
        yield
    finally:
        lock.release()


class _Pruning:
    def __init__(
        self,
        settings: Settings,
        ledger: LedgerPruner,
        files: FileSystem,
        log: Log,
        *,
        dry_run: bool,
        now: float,
        on_progress: Callable[[int, int], None],
    ) -> None:
        self._ledger, self._files, self._log = ledger, files, log
        self._ages = ages(settings)
        self._dry_run, self._today = dry_run, _date(now)
        self._journal = settings.sorted / JOURNAL
        self._reports, self._rejected = settings.sorted / REPORTS, settings.sorted / REJECTED
        self._packer = Packer(str(self._journal), files)
        self._on_progress = on_progress
        self._done = Pruned(dry_run=dry_run)

    def run(self) -> Pruned:
        for part in (self._put_journal_away, self._put_reports_away, self._put_photos_away):
            with self._told():
                part()
        with self._told():
            self._put_rows_away()
        with self._told():
            self._give_room_back()
        return self._done

    def _put_journal_away(self) -> None:
        names = self._files.names(str(self._journal))
        plan = plan_journal(names, self._ages, kept=self._first_kept(names), today=self._today)
        if not self._dry_run:
            self._packer.clear()
        planned = len(plan.remove) + len(plan.compress)
        for done, name in enumerate(plan.remove):
            self._on_progress(done, planned)
            with self._told():
                path = str(self._journal / name)
                size = self._files.lstat(path).st_size if self._dry_run else self._packer.remove(name)
                self._note(self._done.removed, name, size, event="journal.removed")
        for done, day in enumerate(plan.compress, start=len(plan.remove)):
            self._on_progress(done, planned)
            with self._told():
                size = 0 if self._dry_run else self._packer.pack(day)
                self._note(self._done.compressed, f"{day}.jsonl", size, event="journal.compressed")

    def _put_reports_away(self) -> None:
        for name in plan_reports(self._names(self._reports), self._ages, today=self._today):
            with self._told():
                path = str(self._reports / name)
                size = self._files.lstat(path).st_size
                if not self._dry_run:
                    self._files.unlink(path)
                self._note(self._done.reports, name, size, event="report.removed")

    def _put_photos_away(self) -> None:
        """Delete rejected photos: those that lie where the ledger says, as they were filed, and no others."""
        before = cutoff(self._ages.rejected, today=self._today)
        if before is None:
            return
        for reason in sorted(self._names(self._rejected)):
            for name in sorted(self._names(self._rejected / reason)):
                with self._told():
                    self._put_photo_away(str(self._rejected / reason / name), before)

    def _put_photo_away(self, path: str, before: float) -> None:
        photo = self._ledger.rejected(path)
        if photo is None or photo.finished_at >= before:
            return
        if not is_still(self._files, path, photo.identity):
            return
        if not self._dry_run:
            self._files.unlink(path)
        self._note(self._done.rejected, path, photo.identity.size, event="photo.deleted", id=photo.id)

    def _put_rows_away(self) -> None:
        kept = self._first_kept(self._files.names(str(self._journal)))
        before = cutoff(self._ages.predictions, today=self._today, kept=kept)
        if before is not None:
            self._done.predictions = self._ledger.predictions(before, dry_run=self._dry_run)
        before = cutoff(self._ages.shadows, today=self._today)
        if before is not None:
            self._done.shadows = self._ledger.shadows(before, dry_run=self._dry_run)

    def _give_room_back(self) -> None:
        room = self._ledger.room()
        if not is_vacuum_worthwhile(free_bytes=room.free_bytes, all_bytes=room.all_bytes):
            return
        if self._ledger.is_busy():
            self._done.vacuum = "put off: photos are in work"
        elif self._dry_run:
            self._done.vacuum = "worthwhile"
        elif self._ledger.vacuum(limit_s=VACUUM_S):
            self._done.vacuum = "done"
            self._done.bytes += room.all_bytes - self._ledger.room().all_bytes
        else:
            self._done.vacuum = f"given up after {VACUUM_S:g} s: nobody else could write meanwhile"

    def _first_kept(self, names: list[str]) -> str:
        checkpoint = self._ledger.checkpoint()
        return first_kept(
            names, checkpoint=checkpoint.day if checkpoint else None, owed=self._ledger.owed_since()
        )

    def _names(self, folder: Path) -> list[str]:
        """What is in a folder; nothing where there is none."""
        with suppress(Vanished):
            return self._files.names(str(folder))
        return []

    def _note(self, which: list[str], name: str, size: int, *, event: str, **fields: object) -> None:
        which.append(name)
        self._done.bytes += size
        if not self._dry_run:
            self._log.info(event, path=name, bytes=size, **fields)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Keep trouble with one thing from the others."""
        try:
            yield
        except CutShort:
            raise
        except RefundsorterError as trouble:
            self._done.trouble.append(str(trouble))
            self._log.warning("retention.trouble", trouble=str(trouble))


def _date(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()
