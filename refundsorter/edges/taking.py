"""Photos that are taken: renamed, in their own inbox folder, to a hidden name that belongs to one ledger.

Where a photo cannot be moved by one rename it lies for a while at two places, and a daemon on another machine
may move it too: no lock on a share is seen by both. Of two renames of one name only one succeeds, so whoever
has taken a photo goes on alone; for all others it has vanished.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from refundsorter.core.fault import InDoubt, NameTaken, PassingTrouble, Vanished
from refundsorter.core.image import Claimed
from refundsorter.core.placement import is_taken_name, numbered, taken_name
from refundsorter.core.stability import FileIdentity
from refundsorter.edges.filesystem import FileSystem, identity_of, is_still, lies


class Taking:
    """Takes photos, and puts them back. `token` is that of the ledger whose ids the photos have."""

    def __init__(self, files: FileSystem, token: str) -> None:
        self._files = files
        self._token = token

    def path(self, claimed: Claimed) -> str:
        """Where a photo lies while it is taken."""
        return os.path.join(os.path.dirname(claimed.path), taken_name(self._token, claimed.id))

    def take(self, claimed: Claimed) -> str:
        """Take a photo; not durable yet.

        Returns:
            Where it lies now.

        Raises:
            Vanished: Another daemon was quicker, or the photo was replaced: what was taken is put back.
            PassingTrouble: It cannot be taken now, and lies under its own name.
            InDoubt: Only recovery can tell where it lies.
        """
        path = self.path(claimed)
        self._rename(claimed.path, path, claimed.identity)
        with _in_doubt(claimed.path):
            answer = self._files.lstat(path)
            also = self._also_taken_as(path, answer) if answer.st_nlink > 1 else None
        if identity_of(answer) != claimed.identity:
            self.put_back(path, claimed.path)
            raise Vanished(f"{claimed.path!r} was replaced while it was being sorted")
        if also is not None:
            self.put_back(path, claimed.path)
            raise PassingTrouble(f"{claimed.path!r} is being put back by another daemon, from {also!r}")
        return path

    def put_back(self, path: str, source: str) -> None:
        """Return a file to the inbox under its name, or the next free one; durable when it returns.

        Raises:
            InDoubt: Only recovery can tell where it lies.
        """
        folder, name = os.path.split(source)
        number = 1
        with _in_doubt(source):
            identity = identity_of(self._files.lstat(path))
            while not self._return(path, os.path.join(folder, numbered(name, number)), identity):
                number += 1
            self._files.fsync_folder(folder)

    def remove(self, claimed: Claimed, path: str) -> None:
        """Remove a taken photo that is safe elsewhere; one that was written to meanwhile is put back.

        Raises:
            PassingTrouble: It still lies there perhaps; only recovery can tell.
        """
        try:
            if is_still(self._files, path, claimed.identity):
                self._files.unlink(path)
            elif lies(self._files, path):
                self.put_back(path, claimed.path)
        except Vanished:
            return  # somebody was quicker

    def is_inbox_away(self, claimed: Claimed) -> bool:
        """Whether the photo's inbox is gone, or seems to be the empty folder that it is mounted on.

        A photo that was taken would be lost under its hidden name if it was forgotten then.

        Raises:
            PassingTrouble: It cannot be looked at now.
        """
        try:
            device = self.unmounted_device(claimed.root)
        except Vanished:
            return True
        # A device may get another number when the machine starts anew, but then it is mounted here.
        return device not in (None, claimed.identity.device)

    def unmounted_device(self, root: str) -> int | None:
        """The device of an inbox on which nothing is mounted; None where something is.

        Raises:
            PassingTrouble: It cannot be looked at now.
            Vanished: It is gone.
        """
        here, above = (self._files.lstat(os.path.join(root, dots)).st_dev for dots in (".", ".."))
        return here if here == above else None

    def _rename(self, source: str, path: str, identity: FileIdentity) -> None:
        try:
            if self._files.rename(source, path):
                return
            is_free = not lies(self._files, path)
            if is_free:
                self._files.replace(source, path)
        except NameTaken:
            is_free = False
        except InDoubt:
            raise
        except (PassingTrouble, Vanished):
            # A network file system may answer so to a retry of a rename that it made.
            with _in_doubt(source):
                is_made = is_still(self._files, path, identity)
            if not is_made:
                raise
            return
        if not is_free:  # no ledger gives an id twice: was it copied to another machine?
            raise PassingTrouble(f"{path!r} lies in the way")

    def _return(self, path: str, back: str, identity: FileIdentity) -> bool:
        """Give a file this name back; False if another file has it."""
        try:
            if self._files.rename(path, back):
                return True
            self._files.link(path, back)
        except NameTaken:
            if not is_still(self._files, back, identity):
                return False
        self._files.unlink(path)  # it has both names: by this link, or by one that a kill cut short
        return True

    def _also_taken_as(self, path: str, answer: os.stat_result) -> str | None:
        """Another hidden name of a taken photo, if there is one.

        A daemon that puts a photo back by a link may die before it removes the name it had taken it by; its
        recovery would then bring back a photo that was moved meanwhile.
        """
        folder, own = os.path.split(path)
        for name in self._files.names(folder):
            other = os.path.join(folder, name)
            if name != own and is_taken_name(name) and is_still(self._files, other, identity_of(answer)):
                return other
        return None


@contextmanager
def _in_doubt(source: str) -> Iterator[None]:
    """What fails now leaves a photo under its own name or under a hidden one."""
    try:
        yield
    except (PassingTrouble, Vanished) as error:
        raise InDoubt(f"{source!r} was taken, and it cannot be told where it lies: {error}") from error
