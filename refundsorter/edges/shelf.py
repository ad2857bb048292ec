"""Durable moves into the shelf, on it, and back into an inbox, a batch at a time.

On one file system a move is one atomic rename that never replaces. Where that does not exist it is a hard
link; across file systems it is a verified copy that grew under a hidden partial name. Both leave the source,
so it is taken first (`taking`): only one daemon publishes a photo, whoever else sees the inbox. The order is
then: take every photo, make the inbox folders durable, publish without replacing anything, make those folders
durable, remove what was taken, make the inbox folders durable. Whatever stops it half-way, each photo lies at
its source or under its taken name, at its destination, or (the very same file, or a verified copy) at both.
"""

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePath
from time import perf_counter

from refundsorter.core.fault import InDoubt, NameTaken, PassingTrouble, Vanished
from refundsorter.core.image import Claimed, Move
from refundsorter.core.placement import JOURNAL, alike, free_name
from refundsorter.core.recovery import Found
from refundsorter.core.stability import FileIdentity
from refundsorter.edges.copying import Copies, hash_of
from refundsorter.edges.filesystem import CrossDevice, FileSystem, identity_of, is_still, lies, link
from refundsorter.edges.folders import Folders
from refundsorter.edges.taking import Taking

_Refusal = NameTaken | PassingTrouble | Vanished  # why a photo is not moved


@dataclass(frozen=True, slots=True)
class _Taken:
    """A photo that no other daemon can move any more."""

    intent: Move
    path: str  # where it lies
    is_copied: bool  # a verified copy lies under its partial name
    took_ms: float


@dataclass(frozen=True, slots=True)
class _Moved:
    """A photo under its final name."""

    intent: Move
    taken: str | None  # where it still lies, too, to be removed; None where it was renamed
    took_ms: float


class Shelf:
    """The tree of destinations under one root.

    The folder of the journal is the mark of a shelf: where it is missing, what lies there is the empty folder
    that the shelf is mounted on, and no photo may disappear in that.

    Args:
        root: The shelf.
        files: How its file system is reached.
        token: That of the ledger.
        inboxes: Where photos may be put back.
        min_free_bytes: What copies leave free.
        progress: Called for every piece of a copy.
    """

    def __init__(
        self,
        root: str,
        files: FileSystem,
        *,
        token: str,
        inboxes: Sequence[str] = (),
        min_free_bytes: int,
        progress: Callable[[], object] = lambda: None,
    ) -> None:
        self._root = root
        self._files = files
        self._taking = Taking(files, token)
        self.is_inbox_away = self._taking.is_inbox_away
        self.unmounted_device = self._taking.unmounted_device
        self._copies = Copies(files, token, shelf=root, min_free_bytes=min_free_bytes, progress=progress)
        self._folders = Folders(files, root, inboxes)

    def place(self, folder: PurePath, name: str, reserved: set[str]) -> str:
        """A free path for a photo in a folder.

        Args:
            folder: Below the shelf's root; or an absolute one.
            name: The photo's own name.
            reserved: Paths promised to others, as `alike` gives them; the new one is added.

        Raises:
            PassingTrouble: The folder cannot be looked at now.
        """
        parent = os.path.join(self._root, *folder.parts)

        def taken(form: str) -> bool:
            path = os.path.join(parent, form)
            return alike(path) in reserved or lies(self._files, path)

        path = os.path.join(parent, free_name(name, taken))
        reserved.add(alike(path))
        return path

    def move(self, intents: Sequence[Move]) -> list[float | NameTaken | PassingTrouble | Vanished]:
        """Move a batch; durable when it returns.

        Returns:
            For each photo the milliseconds it took, or why it was not moved; it then lies untouched at its
            source, or is no longer the photo that was seen.

        Raises:
            PassingTrouble: Nothing is known to be durable; only recovery can tell what was moved.
        """
        if intents and not self.is_reachable():
            raise PassingTrouble(
                f"{self._root!r} has no {JOURNAL!r}, so it is not the shelf that was used before. "
                "Is it mounted? If it was emptied on purpose, make that folder again"
            )
        begun = [self._begin(intent) for intent in intents]
        # A power cut must not bring a photo back under its name once it is published.
        self._fsync_sources([one for one in begun if isinstance(one, _Taken)])
        outcomes = [self._publish(one) if isinstance(one, _Taken) else one for one in begun]
        moved = [outcome for outcome in outcomes if isinstance(outcome, _Moved)]
        began = perf_counter()
        for folder in {os.path.dirname(one.intent.destination) for one in moved}:
            self._folders.sync(folder)
        for one in moved:
            if one.taken is not None:
                self._taking.remove(one.intent.claimed, one.taken)
        self._fsync_sources(moved)
        shared_ms = (perf_counter() - began) * 1000 / max(1, len(moved))
        return [round(one.took_ms + shared_ms, 3) if isinstance(one, _Moved) else one for one in outcomes]

    def found(self, path: str, identity: FileIdentity, sha256: str | None) -> Found:
        """Say whether the photo itself lies at `path`: the same file, or one with the same content."""
        try:
            answer = self._files.lstat(path)
            if not stat.S_ISREG(answer.st_mode) or answer.st_size != identity.size:
                return Found.OTHER
            if identity_of(answer) == identity or self._has_content(path, answer, identity, sha256):
                return Found.SAME
        except Vanished:
            return Found.NOTHING
        except PassingTrouble:
            return Found.UNREACHABLE
        return Found.OTHER

    def is_reachable(self) -> bool:
        """Whether the shelf is the one that was used before, and not the empty folder it is mounted on."""
        return os.path.isdir(os.path.join(self._root, JOURNAL))

    def discard_partial(self, destination: str, image_id: int) -> None:
        """Remove the half-made copy that a kill left beside a destination, if there is one."""
        self._copies.discard(destination, image_id)

    def let_go(self, claimed: Claimed, sha256: str | None, *, arrived_at: str | None) -> None:
        """End what was begun with a photo that was taken; durable when it returns.

        Args:
            claimed: The photo; nothing is done if it does not lie under its taken name.
            sha256: Of its bytes, if it was read.
            arrived_at: Where it is proved to lie, so that what was taken is removed; None to put it back.

        Raises:
            PassingTrouble: That cannot be done now.
        """
        taken = self._taking.path(claimed)
        found = self.found(taken, claimed.identity, sha256)
        if found is Found.UNREACHABLE:
            raise PassingTrouble(f"{taken!r} is out of reach")
        if found is Found.SAME and arrived_at is not None:
            self._folders.sync(os.path.dirname(arrived_at))
            self._files.unlink(taken)
            self._fsync_source_folder(os.path.dirname(taken))
        elif found is not Found.NOTHING:
            self._taking.put_back(taken, claimed.path)

    def drop_source(self, source: str, identity: FileIdentity, sha256: str | None, destination: str) -> None:
        """Remove a source whose photo is proved to lie at its destination; durable when it returns."""
        self._folders.sync(os.path.dirname(destination))
        try:
            device = self._files.lstat(source).st_dev
            # A device may get another number when the machine starts anew; then the bytes tell.
            if device == identity.device or sha256 is None or hash_of(self._files, source) == sha256:
                self._remove_source(source, replace(identity, device=device))
        except Vanished:
            pass  # its owner was quicker
        self._fsync_source_folder(os.path.dirname(source))

    def _has_content(
        self, path: str, answer: os.stat_result, identity: FileIdentity, sha256: str | None
    ) -> bool:
        """Whether a file of that size is a copy; of one that was too large to be read the time tells."""
        if sha256 is None:
            return answer.st_mtime_ns == identity.mtime_ns
        return hash_of(self._files, path) == sha256

    def _begin(self, intent: Move) -> _Taken | _Moved | _Refusal:
        """Rename the photo to its final name, or else take it; or say why it lies untouched at its source.

        Raises:
            PassingTrouble: Only recovery can tell where it lies.
        """
        began = perf_counter()
        claimed = intent.claimed
        try:
            if not is_still(self._files, claimed.path, claimed.identity):
                return Vanished(f"{claimed.path!r} is gone, or was replaced while it was being sorted")
            self._folders.make(os.path.dirname(intent.destination))
            taken = self._rename_or_take(intent, began)
        except InDoubt:
            raise
        except (NameTaken, PassingTrouble, Vanished) as error:
            return self._why(error, claimed)
        if taken is not None:
            return taken
        if not is_still(self._files, intent.destination, claimed.identity):
            self._taking.put_back(intent.destination, claimed.path)
            return Vanished(f"{claimed.path!r} was replaced while it was being sorted")
        return _Moved(intent, None, (perf_counter() - began) * 1000)

    def _rename_or_take(self, intent: Move, began: float) -> _Taken | None:
        """Rename the photo to its final name; where that cannot be done, take it, once a copy is ready."""
        claimed = intent.claimed
        try:
            if self._files.rename(claimed.path, intent.destination):
                return None
            is_copied = False
        except CrossDevice:
            self._copies.grow(intent, claimed.path)
            is_copied = True
        try:
            path = self._taking.take(claimed)
        except InDoubt:
            raise  # recovery discards the copy
        except (PassingTrouble, Vanished):
            if is_copied:
                self.discard_partial(intent.destination, claimed.id)
            raise
        return _Taken(intent, path, is_copied=is_copied, took_ms=(perf_counter() - began) * 1000)

    def _publish(self, taken: _Taken) -> _Moved | _Refusal:
        """Give a taken photo its final name, or put it back and say why.

        Raises:
            PassingTrouble: Only recovery can tell where it lies.
        """
        began = perf_counter()
        intent, claimed = taken.intent, taken.intent.claimed
        try:
            is_copied = self._appear(taken)
        except InDoubt:
            raise
        except (NameTaken, PassingTrouble, Vanished) as error:
            self._taking.put_back(taken.path, claimed.path)
            return self._why(error, claimed)
        if is_copied:
            self.discard_partial(intent.destination, claimed.id)
        elif not is_still(self._files, intent.destination, claimed.identity):
            self._files.unlink(intent.destination)
            self._taking.put_back(taken.path, claimed.path)
            return Vanished(f"{claimed.path!r} was written to while it was being sorted")
        return _Moved(intent, taken.path, taken.took_ms + (perf_counter() - began) * 1000)

    def _appear(self, taken: _Taken) -> bool:
        """Make a taken photo appear under its final name; whether as a copy."""
        intent = taken.intent
        claimed = intent.claimed
        if not taken.is_copied:
            try:
                link(self._files, taken.path, intent.destination, claimed.identity)
            except CrossDevice:  # a kernel that knows no way to rename did not tell
                self._copies.grow(intent, taken.path)
            else:
                return False
        self._copies.publish(intent)
        return True

    def _why(self, error: _Refusal, claimed: Claimed) -> _Refusal:
        """Why a photo was not moved: where it still lies at its source it has not vanished."""
        if isinstance(error, Vanished) and is_still(self._files, claimed.path, claimed.identity):
            return PassingTrouble(f"{error}; the photo is still there")
        return error

    def _remove_source(self, source: str, identity: FileIdentity) -> None:
        """Remove the source if it still is the photo; its owner may be quicker."""
        with suppress(Vanished):
            if is_still(self._files, source, identity):
                self._files.unlink(source)

    def _fsync_sources(self, moves: Sequence[_Taken | _Moved]) -> None:
        for folder in {os.path.dirname(one.intent.claimed.path) for one in moves}:
            self._fsync_source_folder(folder)

    def _fsync_source_folder(self, folder: str) -> None:
        with suppress(Vanished):  # a sub-folder of the inbox that its owner removed once it was empty
            self._files.fsync_folder(folder)
