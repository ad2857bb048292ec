"""Everything that files photos and puts them right, with the folders locked: what needs no model.

The workshop adds the model and the loops in front of it; `refundsorter correct` works with this alone.
"""

import os
import time

from refundsorter import kinship
from refundsorter.core.fault import RefundsorterError
from refundsorter.core.placement import JOURNAL
from refundsorter.core.port import Clock, Log
from refundsorter.edges import mounts
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.folders import make_folder
from refundsorter.edges.journal import Journal
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_schema import FILE
from refundsorter.edges.lock import FolderLock
from refundsorter.edges.metrics import Metrics
from refundsorter.edges.patience import Share
from refundsorter.edges.scan import stat_file
from refundsorter.edges.shelf import Shelf
from refundsorter.edges.shelf_listing import Listing
from refundsorter.edges.strangers import Strangers
from refundsorter.locks import Lock, hold_folders
from refundsorter.loops.beat import Beat
from refundsorter.loops.corrector import Corrector
from refundsorter.loops.filer import Filer
from refundsorter.loops.hints import HintQueue, HintRouter
from refundsorter.loops.reconciler import Reconciler
from refundsorter.policies import retry_policy
from refundsorter.settings import Settings

JOURNAL_MODE = 0o755  # what lies in it is the daemon's alone to replace, the lock above all


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class Filing:
    """Ledger, shelf and journal, and who moves photos by them; this process has them to itself.

    Raises:
        StartRefused: Another process runs, or the ledger is of a newer version.
        PassingTrouble: The disk does not allow it now.
    """

    def __init__(self, settings: Settings, log: Log, *, files: FileSystem, clock: Clock) -> None:
        self.beat = Beat(clock)
        self.metrics = Metrics()
        self.ledger_path = str(settings.state_dir / FILE)
        if mounts.why_polling(settings.sorted):  # one that hangs would keep this from any signal
            Share(str(settings.sorted)).call(lambda: os.path.isdir(settings.sorted))
        for folder in (settings.state_dir, settings.sorted):
            make_folder(folder, files)
        self._locks: list[Lock] = [FolderLock(str(settings.state_dir))]
        self.ledger = Ledger(self.ledger_path, longest_wait_s=settings.retry.max_s)
        if self.ledger.is_new():  # once it has been used, its absence says that the shelf is not mounted
            make_folder(settings.sorted / JOURNAL, files, mode=JOURNAL_MODE)
            files.fsync_folder(str(settings.sorted))  # one that a killed start made, too
        try:
            self._locks += hold_folders(settings, log)
            kinship.require(self.ledger_path, str(settings.sorted / JOURNAL), is_new=self.ledger.is_new())
        except RefundsorterError:
            self.close()
            raise
        self.hints = HintRouter({str(root): HintQueue(settings.watch.queue_size) for root in settings.inbox})
        self._assemble(settings, log, files, clock)

    def _assemble(self, settings: Settings, log: Log, files: FileSystem, clock: Clock) -> None:
        root, inboxes = str(settings.sorted), [str(inbox) for inbox in settings.inbox]
        shelf = Shelf(
            root,
            files,
            token=self.ledger.token(),
            inboxes=inboxes,
            min_free_bytes=settings.move.min_free_bytes,
            progress=self.beat.tick,
        )
        self.filer = Filer(
            ledger=self.ledger,
            shelf=shelf,
            journal=Journal(str(settings.sorted / JOURNAL), files),
            jobs=self.ledger.jobs,
            hints=self.hints,
            retry=retry_policy(settings),
            clock=clock,
            log=log,
            meter=self.metrics,
        )
        self.corrector = Corrector(
            root=root,
            inboxes=inboxes,
            corrections=self.ledger.corrections,
            shelf=shelf,
            look=stat_file,
            filer=self.filer,
            clock=clock,
            log=log,
        )
        self.reconciler = Reconciler(
            root=root,
            listing=Listing(
                root,
                excluded=(str(settings.state_dir), *inboxes),
                on_trouble=lambda trouble: log.warning("shelf.unreadable", trouble=str(trouble)),
            ),
            places=self.ledger.places,
            contents=Strangers(files, max_bytes=settings.image.max_bytes, progress=self.beat.tick),
            shelf=shelf,
            look=stat_file,
            filer=self.filer,
            scan_s=settings.corrections.scan_s,
            clock=clock,
            log=log,
        )

    def recover(self) -> int:
        """Make good what an earlier process has left; how many moves cannot be told yet.

        Raises:
            PassingTrouble: Nothing can be moved before this has been called again.
        """
        return self.filer.recover() + self.corrector.recover()

    def close(self) -> None:
        """Close the ledger and let the next process in."""
        self.ledger.close()
        for lock in self._locks:
            lock.release()
