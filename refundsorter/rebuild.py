"""The ledger made anew from the journal and the shelf, when it was lost.

A line holds everything by which the ledger's row matters later: ids go on, duplicates are known, no line is
written twice. What no line tells is told: photos on the shelf whose line was never written.
"""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import PurePath

from refundsorter.assembly import LEDGER_FILE
from refundsorter.core.chain import Chain, Place, without_link
from refundsorter.core.correction import Correction, How
from refundsorter.core.fault import AlreadyRunning, LedgerRefused, PassingTrouble, Vanished
from refundsorter.core.ignore import IgnoreRules
from refundsorter.core.image import FILED
from refundsorter.core.journal_line import Flaw, read_line
from refundsorter.core.placement import JOURNAL, REPORTS, free_name
from refundsorter.core.prediction import Prediction
from refundsorter.core.record import Checkpoint, Event, Key, Record, rfc3339
from refundsorter.core.stability import FileIdentity
from refundsorter.edges import anchors
from refundsorter.edges.copying import hash_of
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.folders import make_folder
from refundsorter.edges.journal_files import day_of_file
from refundsorter.edges.journal_history import History
from refundsorter.edges.ledger_rebuild import LedgerBuilder
from refundsorter.edges.ledger_report import is_readable
from refundsorter.edges.lock import FolderLock
from refundsorter.edges.scan import Scanner, stat_file
from refundsorter.locks import hold_shelf, sorter_pid
from refundsorter.settings import Settings

TOLD = (Event.CORRECTED, Event.UNDONE, Event.PREDICTED)  # lines of what is no photo's arrival
TOLD_EVERY = 500  # lines between two reports of progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild found.

    lines = sorted + review + rejected + corrected + undone + predicted + repeated + clashing + foreign +
    damaged + torn, and on_shelf = with_line + moved + the photos of `without_line`.
    """

    lines: int  # in all the journal's files
    sorted: int  # photos entered, by state
    review: int
    rejected: int
    corrected: int  # corrections entered
    undone: int  # photos entered as put back into the inbox
    predicted: int  # predictions entered
    repeated: int  # lines that stand there once more
    clashing: int  # other lines with an id that was taken: not entered
    foreign: int  # lines of another schema: not entered
    damaged: int  # what is no line: not entered
    torn: int  # last lines whose end is missing: cut off
    on_shelf: int  # photos that lie on the shelf
    with_line: int  # those that lie where their line says
    moved: int  # those that somebody has put elsewhere on the shelf since
    without_line: tuple[str, ...]  # those that no line tells of
    unreadable: tuple[str, ...]  # why parts of the shelf could not be looked at
    kept_as: str | None  # the old ledger's new name, if there was one
    dry_run: bool  # whether nothing was changed

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left for a person to look at."""
        return not (self.clashing or self.foreign or self.damaged or self.without_line or self.unreadable)


def rebuild(
    settings: Settings, *, dry_run: bool, force: bool, now: float, on_progress: Callable[[int, int], None]
) -> Rebuilt:
    """Make the ledger anew.

    Args:
        settings: For the journal, the shelf and the ledger's place.
        dry_run: Change nothing.
        force: Also where a ledger is there that can be read.
        now: Unix seconds, for the old ledger's new name.
        on_progress: Told the lines read, and about how many there are.

    Raises:
        AlreadyRunning: Another process uses the ledger or the shelf.
        AnchorsDamaged: What was kept of removed files cannot be read.
        StartRefused: No lock lies where one should.
        LedgerRefused: There is a ledger that can be read.
        PassingTrouble: Journal, shelf or disk do not allow it now.
    """
    state_dir, path = str(settings.state_dir), str(settings.state_dir / LEDGER_FILE)
    if dry_run:
        if pid := sorter_pid(settings):
            raise AlreadyRunning(f"another refundsorter (pid {pid}) sorts; stop it first")
        _require_loss(path, force=force)
        return _Reading(settings, None).read(on_progress)
    History(str(settings.sorted / JOURNAL), FileSystem()).sizes()  # no shelf: told before anything is made
    with ExitStack() as held:
        # The shelf first: a daemon there may have lost its state directory, and goes on giving ids.
        with suppress(PassingTrouble):  # it gives no lock; no daemon could have it then
            held.callback(hold_shelf(settings).release)
        make_folder(settings.state_dir, FileSystem())
        held.callback(FolderLock(state_dir).release)
        _require_loss(path, force=force)
        builder = LedgerBuilder(path)
        try:
            reading = _Reading(settings, builder)
            found = reading.read(on_progress)
            kept_as = _name_aside(path, now)
            was_there = reading.publish(kept_as)
        finally:
            builder.discard()
    return replace(found, kept_as=kept_as if was_there else None, dry_run=False)


def _require_loss(path: str, *, force: bool) -> None:
    if not force and is_readable(path):
        raise LedgerRefused(
            f"{path} can be read: it is not lost. With --force it is kept aside and made anew all the same; "
            "what the journal does not tell, such as photos in work, is then looked for in the inbox again"
        )


def _name_aside(path: str, now: float) -> str:
    """A free name for the old ledger, dated."""
    folder, name = os.path.split(path)
    stem, suffix = os.path.splitext(name)
    stamp = rfc3339(now)[:19].replace(":", "-")
    return os.path.join(
        folder,
        free_name(f"{stem}.{stamp}{suffix}", lambda form: os.path.lexists(os.path.join(folder, form))),
    )


class _Reading:
    """One reading of journal and shelf; what it finds enters the builder, where there is one."""

    def __init__(self, settings: Settings, builder: LedgerBuilder | None) -> None:
        self._settings = settings
        self._builder = builder
        self._files = FileSystem()
        self._history = History(str(settings.sorted / JOURNAL), self._files)
        self._counts: Counter[str] = Counter()  # lines, by what became of them
        self._seen: dict[Key, int] = {}  # the hash of the line of each key entered
        self._highest = anchors.read(settings.sorted / JOURNAL).highest_id
        self._there: set[tuple[int, int]] = set()  # device and inode of photos that lie where their lines say
        self._gone: dict[int, set[str]] = {}  # the contents of those that do not, by size
        self._tails: dict[str, int] = {}  # where files with a torn end are to be cut
        self._chain = Chain()
        self._checkpoint: Checkpoint | None = None

    def read(self, on_progress: Callable[[int, int], None]) -> Rebuilt:
        """Read every line, then look through the shelf."""
        names = self._history.sizes()
        total, position = sum(names.values()), 0
        for name in names:
            whole = 0
            for number, line in enumerate(self._history.lines(name), start=1):
                position += len(line)
                if self._take(line):
                    self._chain.feed(Place(name, number), line)
                    whole += len(line)
                else:
                    self._tails[name] = whole
                lines = self._counts.total()
                if lines % TOLD_EVERY == 0:
                    on_progress(lines, lines * max(total, position) // position)
            self._checkpoint = Checkpoint(day=day_of_file(name), offset=whole, tip=self._chain.tip)
        return self._look()

    def publish(self, aside: str) -> bool:
        """Cut torn ends off the journal and put the new ledger in its place; whether there was an old one."""
        assert self._builder is not None, "a rehearsal publishes nothing"
        for name, offset in self._tails.items():
            self._history.cut(name, offset)
        return self._builder.publish(highest_id=self._highest, checkpoint=self._checkpoint, aside=aside)

    def _take(self, line: bytes) -> bool:
        """Count a line and enter what it tells; False for a torn one."""
        found = read_line(line)
        self._highest = max(self._highest, found.id)
        entry = found.entry
        if entry is None:
            self._counts[str(found.flaw)] += 1
            return found.flaw is not Flaw.TORN
        is_new, told = entry.key not in self._seen, without_link(line)
        self._enter(entry, self._builder if is_new else None)
        if is_new:
            self._seen[entry.key] = hash(told)
            self._counts[_kind(entry)] += 1
        else:
            self._counts["repeated" if self._seen[entry.key] == hash(told) else "clashing"] += 1
        return True

    def _enter(self, entry: Record | Correction | Prediction, builder: LedgerBuilder | None) -> None:
        """Look where a photo lies, and enter what the line tells, where there is a builder."""
        if isinstance(entry, Prediction):
            if builder:
                builder.predict(entry)
            return
        identity = self._locate(entry)
        if builder and isinstance(entry, Correction):
            builder.correct(entry, identity=identity)
        elif builder and isinstance(entry, Record):
            builder.add(entry, root=self._root(entry.source), identity=identity)

    def _locate(self, record: Record | Correction) -> FileIdentity:
        """The file that lies at a photo's destination; one of no device where it is not the photo."""
        identity = stat_file(record.destination)
        if isinstance(record, Correction) and record.how is How.UNDONE:
            return identity if identity and self._is_photo(record, identity) else _nowhere(record)
        if identity is not None:
            self._there.add((identity.device, identity.inode))
            if identity.size == record.size:
                return identity
        if record.sha256 is not None:
            self._gone.setdefault(record.size, set()).add(record.sha256)
        return _nowhere(record)

    def _is_photo(self, undone: Correction, identity: FileIdentity) -> bool:
        """Whether what lies in the inbox is the photo that was put back there; it is sorted no more then."""
        if identity.size != undone.size or undone.sha256 is None:
            return identity.size == undone.size
        try:
            return hash_of(self._files, undone.destination) == undone.sha256
        except (PassingTrouble, Vanished):
            return False

    def _root(self, source: str) -> str:
        """The inbox that a photo came in by; its folder, where that is no inbox any more."""
        inboxes = [str(one) for one in self._settings.inbox if PurePath(source).is_relative_to(one)]
        return inboxes[0] if inboxes else os.path.dirname(source)

    def _look(self) -> Rebuilt:
        unreadable: list[str] = []
        shelf = self._settings.sorted
        scanner = Scanner(
            shelf,
            recursive=True,
            ignore=IgnoreRules(()),
            excluded=(shelf / JOURNAL, shelf / REPORTS, self._settings.state_dir),
            on_oddity=lambda _oddity: None,
            on_trouble=lambda trouble: unreadable.append(str(trouble)),
        )
        with_line = moved = 0
        without_line: list[str] = []
        for found in scanner.scan():
            if (found.identity.device, found.identity.inode) in self._there:
                with_line += 1
            elif self._was_moved(found.path, found.identity.size):
                moved += 1
            else:
                without_line.append(found.path)
        return Rebuilt(
            lines=self._counts.total(),
            **{name: self._counts[name] for name in (*FILED, *TOLD, "repeated", "clashing", *Flaw)},
            on_shelf=with_line + moved + len(without_line),
            with_line=with_line,
            moved=moved,
            without_line=tuple(sorted(without_line)),
            unreadable=tuple(unreadable),
            kept_as=None,
            dry_run=True,
        )

    def _was_moved(self, path: str, size: int) -> bool:
        """Whether a file is a photo whose line names another place; read only where its size allows it."""
        try:
            return size in self._gone and hash_of(self._files, path) in self._gone[size]
        except (PassingTrouble, Vanished):
            return False


def _kind(entry: Record | Correction | Prediction) -> str:
    """As what a line is counted: the state of a photo that was filed, or else its event."""
    if isinstance(entry, Correction) and entry.how is How.UNDONE:
        return Event.UNDONE
    return entry.state if isinstance(entry, Record) else entry.key.event


def _nowhere(record: Record | Correction) -> FileIdentity:
    """The file of a photo that lies no longer where its line says."""
    return FileIdentity(device=0, inode=0, size=record.size, mtime_ns=0)
