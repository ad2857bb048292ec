"""The scan of the shelf: which photos people have moved there since.

Names are compared first, so that nothing is looked at that lies where the ledger says. A file that no row
names is known by its device, inode and size, and where its inode is new, by its content. A photo that is
merely gone is left alone, and so is a file that is no photo of the ledger.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from refundsorter.core.correction import Relocated, Shelved, shelf_folder
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.port import Clock, Log, ShelfPort
from refundsorter.core.port_corrections import ContentPort, ListingPort, Look, PlacesPort
from refundsorter.core.recovery import Found
from refundsorter.core.stability import FileIdentity
from refundsorter.loops.filer import Filer

STEP_S = 0.2  # while photos are sorted, one step of the scan in that time
GRACE_S = 86_400.0  # clocks may differ, and be set


class Reconciler:
    """Finds photos that were moved. Used by the filer's thread, a step at a time.

    Args:
        root: The shelf.
        listing: The names on it.
        places: What the ledger knows of them.
        contents: Reads files.
        shelf: Says whether a photo lies at a path.
        look: Says what file does.
        filer: Writes the lines.
        scan_s: Seconds from scan to scan; 0 for none.
        clock: The time.
        log: The operational log.
    """

    def __init__(
        self,
        *,
        root: str,
        listing: ListingPort,
        places: PlacesPort,
        contents: ContentPort,
        shelf: ShelfPort,
        look: Look,
        filer: Filer,
        scan_s: float,
        clock: Clock,
        log: Log,
    ) -> None:
        self.scan_s = scan_s
        self.found = 0  # corrections, over all scans
        self._root = root
        self._listing = listing
        self._places = places
        self._contents = contents
        self._shelf = shelf
        self._look = look
        self._filer = filer
        self._clock = clock
        self._log = log
        self._scan: Iterator[Sequence[str]] | None = None  # the one under way
        self._next = clock.monotonic()  # the next step, or scan
        self._since = math.inf  # when the ledger's first photo came, unix seconds

    def turn(self, *, busy: bool) -> float:
        """Go on with the scan, if it is time; seconds until there is more to do.

        Args:
            busy: Whether photos are being sorted.

        Raises:
            PassingTrouble: The ledger or the journal does not allow it now.
        """
        if not self.scan_s:
            return math.inf
        now = self._clock.monotonic()
        if now < self._next:
            return self._next - now
        is_over = self._step()
        self._next = now + (self.scan_s if is_over else STEP_S if busy else 0.0)
        return self._next - now

    def run_once(self) -> None:
        """Scan the shelf to the end, unless there is to be no scan."""
        if not self.scan_s:
            return
        while not self._step():
            pass
        self._next = self._clock.monotonic() + self.scan_s

    def _step(self) -> bool:
        """Compare some hundred names; whether the scan is over."""
        if self._scan is None:
            since = self._places.since()
            if since is None or not self._shelf.is_reachable():
                return True
            self._since = since - GRACE_S
            self._scan = iter(self._listing.chunks())
        try:
            paths = next(self._scan, None)
        except PassingTrouble as trouble:
            self._log.warning("shelf.unreadable", trouble=str(trouble))
            paths = None
        if paths is None:
            self._scan = None
            return True
        self._reconcile(paths)
        return False

    def _reconcile(self, paths: Sequence[str]) -> None:
        """Write down which of some files are photos that were moved."""
        placed: set[int] = set()  # photos that were found in this step
        moved: list[Relocated] = []
        for path in self._places.unknown(paths):
            found = self._identify(path, placed)
            if found is not None:
                placed.add(found.photo.image)
                moved.append(found)
        if not moved:
            return
        written = self._places.relocate(moved, now=self._clock.now())
        self._filer.write_lines()
        for one in moved:
            if one in written:
                self._tell(one)
            else:
                self._listing.look_again(one.path)

    def _tell(self, one: Relocated) -> None:
        if one.is_correction:
            self.found += 1
            self._log.info("photo.corrected", id=one.photo.image, origin=one.origin, category=one.category)
        else:
            self._log.debug("photo.renamed", id=one.photo.image, file=one.path)

    def _identify(self, path: str, placed: set[int]) -> Relocated | None:
        """The photo that lies at a path where the ledger knows of none; None for a stranger."""
        try:
            identity = self._look(path)
            if identity is None:
                return None
            photo = self._by_file(identity, placed) or self._by_content(path, identity, placed)
        except PassingTrouble as trouble:
            self._log.warning("shelf.unreadable", trouble=str(trouble))
            self._listing.look_again(path)
            return None
        if photo is None:
            return None
        return Relocated(
            photo=photo,
            path=path,
            identity=identity,
            origin=shelf_folder(self._root, photo.path),
            category=shelf_folder(self._root, path),
        )

    def _by_file(self, identity: FileIdentity, placed: set[int]) -> Shelved | None:
        """The photo whose very file this is, untouched since; an inode may be given to another file."""
        same = (one for one in self._places.of_file(identity) if one.identity == identity)
        return next((one for one in same if self._is_gone(one, placed)), None)

    def _by_content(self, path: str, identity: FileIdentity, placed: set[int]) -> Shelved | None:
        """A photo with the bytes of this file that lies no longer where the ledger says."""
        sha256 = self._contents.sha256(path, identity, since=self._since)
        copies = self._places.of_content(sha256) if sha256 is not None else []
        name = PurePath(path).name
        for one in sorted(copies, key=lambda copy: PurePath(copy.path).name != name):
            if self._is_gone(one, placed):
                return one
        if copies:  # a copy; if its first goes, it is the photo
            self._listing.look_again(path)
        return None

    def _is_gone(self, photo: Shelved, placed: set[int]) -> bool:
        """Whether a photo lies no longer where the ledger says.

        Raises:
            PassingTrouble: It cannot be told now.
        """
        if photo.image in placed:
            return False
        if self._places.holder(photo.path) != photo.image:
            return True
        match self._shelf.found(photo.path, photo.identity, photo.sha256):
            case Found.SAME:
                return False
            case Found.UNREACHABLE:
                raise PassingTrouble(f"{photo.path!r} cannot be read now")
            case _:
                return True
