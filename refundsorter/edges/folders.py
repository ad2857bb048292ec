"""Folders of the daemon, made durably."""

import os
from pathlib import Path

from refundsorter.core.fault import NameTaken, PassingTrouble, Vanished
from refundsorter.edges.filesystem import FileSystem, lies


class Folders:
    """Folders below one root, which itself is not made here."""

    def __init__(self, root: str, files: FileSystem) -> None:
        self._root = root
        self._files = files
        self._lasting: set[str] = set()  # folders that this process has made durable in their parents

    def make(self, folder: str) -> None:
        """Make what is missing between the root and `folder`, each durable in its parent.

        One that lies there may have been made just before a kill or a failed sync: it is synced once too.

        Raises:
            PassingTrouble: It cannot be made now.
            Vanished: The shelf is gone.
        """
        if folder == self._root:
            return
        is_there = lies(self._files, folder)
        if is_there and folder in self._lasting:
            return
        parent = os.path.dirname(folder)
        self.make(parent)
        if not is_there:
            self._files.make_folder(folder)
        self._files.fsync_folder(parent)
        self._lasting.add(folder)

    def sync(self, folder: str) -> None:
        """Make the names in a folder survive a power loss.

        Raises:
            PassingTrouble: It cannot be synced now.
        """
        try:
            self._files.fsync_folder(folder)
        except Vanished as error:  # it was there a moment ago: the whole shelf went away
            raise PassingTrouble(f"the shelf is gone: {error}") from error


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
