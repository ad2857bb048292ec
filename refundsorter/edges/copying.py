"""Copies of photos that are proved to be what was read."""

import hashlib
import os
import stat
from collections.abc import Callable

from refundsorter.core.fault import NameTaken, PassingTrouble, Vanished
from refundsorter.core.image import Move
from refundsorter.core.placement import partial_name
from refundsorter.edges.filesystem import FileSystem, identity_of, link
from refundsorter.edges.photos import CHUNK_BYTES


class Copies:
    """Copies on the shelf: each grows beside its destination under a hidden name, and is published whole.

    Those of photos that are put back grow in an inbox, where the name is this ledger's own.

    Args:
        files: How file systems are reached.
        token: That of the ledger.
        shelf: Its root.
        min_free_bytes: What is left free.
        progress: Called for every piece.
    """

    def __init__(
        self,
        files: FileSystem,
        token: str,
        *,
        shelf: str,
        min_free_bytes: int,
        progress: Callable[[], object],
    ) -> None:
        self._files = files
        self._shelf = shelf
        self._token = token
        self._min_free_bytes = min_free_bytes
        self._progress = progress

    def grow(self, intent: Move, lies_at: str) -> None:
        """Copy a photo to its hidden name, verified and durable; what cannot be finished is discarded.

        Args:
            intent: The photo, as it was read.
            lies_at: Where it lies: under its own name, or under the one by which it was taken.

        Raises:
            Vanished: It is not, or did not stay, the photo that was read.
            PassingTrouble: It cannot be copied now.
        """
        claimed = intent.claimed
        folder = os.path.dirname(intent.destination)
        free = self._files.free_bytes(folder)
        if free < claimed.identity.size + self._min_free_bytes:
            raise PassingTrouble(
                f"{folder!r} has {free} bytes left; move.min_free_bytes is {self._min_free_bytes}"
            )
        self.discard(intent.destination, claimed.id)
        try:
            self._write(intent, lies_at, self._partial(intent.destination, claimed.id))
        except (NameTaken, PassingTrouble, Vanished):
            self.discard(intent.destination, claimed.id)
            raise

    def publish(self, intent: Move) -> None:
        """Give a copy its final name, without replacing anything; the hidden one stays where it was linked.

        Raises:
            NameTaken: The destination exists; the copy is discarded, as it is for what follows.
            PassingTrouble: It cannot be published now.
            Vanished: The shelf, or the copy, is gone.
        """
        partial = self._partial(intent.destination, intent.claimed.id)
        try:
            if not self._files.rename(partial, intent.destination):
                link(self._files, partial, intent.destination, identity_of(self._files.lstat(partial)))
        except (NameTaken, PassingTrouble, Vanished):
            self.discard(intent.destination, intent.claimed.id)
            raise

    def discard(self, destination: str, image_id: int) -> None:
        """Remove what lies under the hidden name of a copy, if there is anything.

        Raises:
            PassingTrouble: It cannot be removed now.
        """
        try:
            self._files.unlink(self._partial(destination, image_id))
        except Vanished:
            return

    def _partial(self, destination: str, image_id: int) -> str:
        """Where the copy of a photo grows: beside its destination."""
        folder = os.path.dirname(destination)
        is_on_shelf = folder == self._shelf or folder.startswith(f"{self._shelf}/")
        return os.path.join(folder, partial_name(image_id, None if is_on_shelf else self._token))

    def _write(self, intent: Move, lies_at: str, path: str) -> None:
        """Copy a photo to a new file, with its mode and its time; durable when it returns."""
        files, claimed = self._files, intent.claimed
        source = files.open_photo(lies_at)
        try:
            answer = files.fstat(source, lies_at)
            if identity_of(answer) != claimed.identity:
                raise Vanished(f"{claimed.path!r} was replaced while it was being sorted")
            target = files.create(path, stat.S_IMODE(answer.st_mode) & 0o777)
            try:
                digest, size = hashlib.sha256(), 0
                while chunk := files.read(source, CHUNK_BYTES, lies_at):
                    files.write(target, chunk, path)
                    digest.update(chunk)
                    size += len(chunk)
                    self._progress()
                files.set_mtime(target, claimed.identity.mtime_ns, path)
                files.fsync(target, path)
                copied = files.fstat(target, path).st_size
            finally:
                os.close(target)
        finally:
            files.close(source, lies_at)
        is_whole = size == copied == claimed.identity.size
        if not is_whole or intent.sha256 not in (None, digest.hexdigest()):
            raise Vanished(f"{claimed.path!r} changed while it was being copied")


def hash_of(files: FileSystem, path: str) -> str:
    """The sha256 of a file's bytes, 64 hex digits."""
    descriptor = files.open_photo(path)
    try:
        digest = hashlib.sha256()
        while chunk := files.read(descriptor, CHUNK_BYTES, path):
            digest.update(chunk)
        return digest.hexdigest()
    finally:
        files.close(descriptor, path)
