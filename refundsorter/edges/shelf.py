"""Durable moves into the shelf, a batch at a time.

The order is: publish every photo under its final name without replacing anything, make those folders durable,
remove the sources that still have their old name, make the inbox folders durable. Whatever stops it half-way,
each photo lies at its source, at its destination, or (the very same file, or a verified copy) at both.
On one file system publishing is one atomic rename; where that does not exist it is a hard link; across file
systems it is a verified copy that grew under a hidden partial name.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import PurePath
from time import perf_counter

from refundsorter.core.fault import NameTaken, NoAnswer, PassingTrouble, Vanished
from refundsorter.core.image import Intent
from refundsorter.core.placement import JOURNAL, alike, free_name, numbered, partial_name
from refundsorter.core.recovery import Found
from refundsorter.core.stability import FileIdentity
from refundsorter.edges.copying import hash_of, write_copy
from refundsorter.edges.filesystem import CrossDevice, FileSystem, identity_of


class _Published(Enum):
    """How a photo got its final name."""

    RENAMED = auto()  # the source's name is gone
    LINKED = auto()  # the same file under two names
    COPIED = auto()  # a verified copy; the source is another file


@dataclass(frozen=True, slots=True)
class _Moved:
    """A photo under its final name."""

    intent: Intent
    source_remains: bool  # it was linked or copied: the source is still to be removed
    took_ms: float


class Shelf:
    """The tree of destinations under one root.

    The folder of the journal is the mark of a shelf: where it is missing, what lies there is the empty folder
    that the shelf is mounted on, and no photo may disappear in that.
    """

    def __init__(self, root: str, files: FileSystem, *, min_free_bytes: int) -> None:
        self._root = root
        self._files = files
        self._min_free_bytes = min_free_bytes
        self._lasting: set[str] = set()  # folders that this process has made durable in their parents

    def place(self, folder: PurePath, name: str, reserved: set[str]) -> str:
        """A free path for a photo in a folder of the shelf.

        Args:
            folder: Below the shelf's root.
            name: The photo's own name.
            reserved: Paths promised to others, as `alike` gives them; the new one is added.

        Raises:
            PassingTrouble: The folder cannot be looked at now.
        """
        parent = os.path.join(self._root, *folder.parts)

        def taken(form: str) -> bool:
            path = os.path.join(parent, form)
            return alike(path) in reserved or self._lies(path)

        path = os.path.join(parent, free_name(name, taken))
        reserved.add(alike(path))
        return path

    def move(self, intents: Sequence[Intent]) -> list[float | NameTaken | PassingTrouble | Vanished]:
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
        outcomes = [self._publish(intent) for intent in intents]
        moved = [outcome for outcome in outcomes if isinstance(outcome, _Moved)]
        began = perf_counter()
        for folder in {os.path.dirname(one.intent.destination) for one in moved}:
            self._fsync_destination_folder(folder)
        for one in moved:
            if one.source_remains:
                claimed = one.intent.examined.claimed
                self._remove_source(claimed.path, claimed.identity)
        for folder in {os.path.dirname(one.intent.examined.claimed.path) for one in moved}:
            self._fsync_source_folder(folder)
        shared_ms = (perf_counter() - began) * 1000 / max(1, len(moved))
        return [
            round(outcome.took_ms + shared_ms, 3) if isinstance(outcome, _Moved) else outcome
            for outcome in outcomes
        ]

    def found(self, path: str, identity: FileIdentity, sha256: str) -> Found:
        """Say whether the photo itself lies at `path`: the same file, or one with the same content."""
        try:
            answer = self._files.lstat(path)
            if not stat.S_ISREG(answer.st_mode) or answer.st_size != identity.size:
                return Found.OTHER
            if identity_of(answer) == identity or hash_of(self._files, path) == sha256:
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
        try:
            self._files.unlink(_partial(destination, image_id))
        except Vanished:
            return

    def drop_source(self, source: str, identity: FileIdentity, sha256: str, destination: str) -> None:
        """Remove a source whose photo is proved to lie at its destination; durable when it returns."""
        self._fsync_destination_folder(os.path.dirname(destination))
        try:
            device = self._files.lstat(source).st_dev
            # A device may get another number when the machine starts anew; then the bytes tell.
            if device == identity.device or hash_of(self._files, source) == sha256:
                self._remove_source(source, replace(identity, device=device))
        except Vanished:
            pass  # its owner was quicker
        self._fsync_source_folder(os.path.dirname(source))

    def _publish(self, intent: Intent) -> _Moved | NameTaken | PassingTrouble | Vanished:
        """Give the photo its final name, or say why it lies untouched at its source.

        Raises:
            PassingTrouble: It has its final name perhaps; only recovery can tell.
        """
        began = perf_counter()
        claimed = intent.examined.claimed
        try:
            if not self._is(claimed.path, claimed.identity):
                return Vanished(f"{claimed.path!r} is gone, or was replaced while it was being sorted")
            self._make_folders(os.path.dirname(intent.destination))
            published = self._appear(intent)
        except Vanished as error:
            if self._is(claimed.path, claimed.identity):
                return PassingTrouble(f"{error}; the photo is still there")
            return error
        except NoAnswer:
            raise  # it may yet be moved
        except (NameTaken, PassingTrouble) as error:
            return error
        if published is _Published.COPIED:
            self.discard_partial(intent.destination, claimed.id)
        elif not self._is(intent.destination, claimed.identity):
            return self._take_back(intent, published)
        took_ms = (perf_counter() - began) * 1000
        return _Moved(intent, source_remains=published is not _Published.RENAMED, took_ms=took_ms)

    def _appear(self, intent: Intent) -> _Published:
        """Make the photo appear under its final name, in the best way that the file systems have."""
        claimed = intent.examined.claimed
        try:
            if self._files.rename(claimed.path, intent.destination):
                return _Published.RENAMED
            self._link(claimed.path, intent.destination, claimed.identity)
        except CrossDevice:
            self._copy(intent)
            return _Published.COPIED
        return _Published.LINKED

    def _take_back(self, intent: Intent, published: _Published) -> Vanished:
        """Return a file that replaced the photo in the instant before it was moved."""
        source = intent.examined.claimed.path
        if published is _Published.LINKED:
            self._files.unlink(intent.destination)
        else:
            self._put_back(intent.destination, source)
        return Vanished(f"{source!r} was replaced while it was being sorted")

    def _put_back(self, path: str, source: str) -> None:
        """Return a file to the inbox under its name, or the next free one if that is taken again."""
        number = 1
        folder, name = os.path.split(source)
        while True:
            try:
                self._files.rename(path, os.path.join(folder, numbered(name, number)))
            except NameTaken:
                number += 1
            else:
                return

    def _link(self, source: str, destination: str, identity: FileIdentity) -> None:
        try:
            self._files.link(source, destination)
        except NameTaken:
            # A network file system may answer "exists" to a retry of a link that it made.
            if not self._is(destination, identity):
                raise

    def _copy(self, intent: Intent) -> None:
        """Copy across file systems, verified and under its final name; the source is left."""
        claimed = intent.examined.claimed
        folder = os.path.dirname(intent.destination)
        free = self._files.free_bytes(folder)
        if free < claimed.identity.size + self._min_free_bytes:
            raise PassingTrouble(
                f"{folder!r} has {free} bytes left; move.min_free_bytes is {self._min_free_bytes}"
            )
        partial = _partial(intent.destination, claimed.id)
        self.discard_partial(intent.destination, claimed.id)
        try:
            write_copy(self._files, intent, partial)
            if not self._files.rename(partial, intent.destination):
                self._link(partial, intent.destination, identity_of(self._files.lstat(partial)))
        except (NameTaken, PassingTrouble, Vanished):
            self.discard_partial(intent.destination, claimed.id)
            raise

    def _remove_source(self, source: str, identity: FileIdentity) -> None:
        """Remove the source if it still is the photo; its owner may be quicker."""
        try:
            if self._is(source, identity):
                self._files.unlink(source)
        except Vanished:
            return

    def _fsync_destination_folder(self, folder: str) -> None:
        try:
            self._files.fsync_folder(folder)
        except Vanished as error:  # it was there a moment ago: the whole shelf went away
            raise PassingTrouble(f"the shelf is gone: {error}") from error

    def _fsync_source_folder(self, folder: str) -> None:
        try:
            self._files.fsync_folder(folder)
        except Vanished:
            return  # a sub-folder of the inbox that its owner removed once it was empty

    def _make_folders(self, folder: str) -> None:
        """Make what is missing between the root and `folder`, each durable in its parent.

        One that lies there may have been made just before a kill or a failed sync: it is synced once too.
        """
        if folder == self._root:
            return
        lies = self._lies(folder)
        if lies and folder in self._lasting:
            return
        parent = os.path.dirname(folder)
        self._make_folders(parent)
        if not lies:
            self._files.make_folder(folder)
        self._files.fsync_folder(parent)
        self._lasting.add(folder)

    def _is(self, path: str, identity: FileIdentity) -> bool:
        try:
            return identity_of(self._files.lstat(path)) == identity
        except Vanished:
            return False

    def _lies(self, path: str) -> bool:
        try:
            self._files.lstat(path)
        except Vanished:
            return False
        return True


def _partial(destination: str, image_id: int) -> str:
    """Where the copy of a photo grows: beside its destination."""
    return os.path.join(os.path.dirname(destination), partial_name(image_id))
