"""Folders of the daemon, made durably."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from refundsorter.core.fault import NameTaken, PassingTrouble, Vanished
from refundsorter.edges.filesystem import FileSystem, lies


class Folders:
    """Folders below some roots, which themselves are not made here: one that is missing is not mounted.

    Args:
        files: How file systems are reached.
        shelf: The root of the shelf, on which a folder may be a link to another disk.
        inboxes: The others, in which whoever may write there could make a link to anywhere.
    """

    def __init__(self, files: FileSystem, shelf: str, inboxes: Sequence[str] = ()) -> None:
        self._files = files
        self._shelf = shelf
        self._roots = (shelf, *inboxes)
        self._lasting: set[str] = set()  # folders that this process has made durable in their parents

    def make(self, folder: str) -> None:
        """Make what is missing between the nearest root and `folder`, each durable in its parent.

        One that lies there may have been made just before a kill or a failed sync: it is synced once too.

        Raises:
            PassingTrouble: It cannot be made now, lies below none of the roots, or by way of a link.
            Vanished: The root is gone.
        """
        if folder in self._roots:
            return
        if not any(folder.startswith(f"{root}/") for root in self._roots):
            raise PassingTrouble(f"{folder!r} lies neither on the shelf nor in an inbox")
        is_there = lies(self._files, folder)
        is_on_shelf = folder.startswith(f"{self._shelf}/")
        if is_there and is_on_shelf and folder in self._lasting:
            return
        parent = os.path.dirname(folder)
        self.make(parent)
        if not is_there:
            self._files.make_folder(folder)
        if not is_on_shelf and not stat.S_ISDIR(self._files.lstat(folder).st_mode):
            raise PassingTrouble(f"{folder!r} is no folder any more; no link in an inbox is followed")
        if folder not in self._lasting:
            self._files.fsync_folder(parent)
            self._lasting.add(folder)

    def sync(self, folder: str) -> None:
        """Make the names in a folder survive a power loss.

        Raises:
            PassingTrouble: It cannot be synced now.
        """
        try:
            self._files.fsync_folder(folder)
        except Vanished as error:  # it was there a moment ago: all that it lies in went away
            raise PassingTrouble(f"the folder is gone: {error}") from error


def make_folder(folder: Path, files: FileSystem, *, mode: int = 0o777) -> None:
    """Make a folder and what is missing above it, each durable in its parent.

    A power loss must not take the ledger's folder away while photos stay on the shelf.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent, files)
    if files.make_folder(str(folder), mode):
        files.fsync_folder(str(folder.parent))
    elif not folder.is_dir():
        raise NameTaken(f"making {str(folder)!r}: a file lies there")
