"""What lies on the shelf, by name: cheap enough to be looked at again and again.

A folder whose modification time is the one it had when it was listed last holds the same names, so only
folders that changed are listed. Nothing is looked at but names, and they are told some hundred at a time.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from refundsorter.core.correction import is_on_shelf
from refundsorter.core.fault import PassingTrouble, Vanished, translate

CHUNK = 500  # names that are told at a time
WHOLE_EVERY = 12  # listings after which every folder is listed, should a file system keep no such times
SETTLED_NS = 3_000_000_000  # file systems count modification times in steps of at most 2 s


@dataclass(frozen=True, slots=True)
class _Listed:
    """A folder that was listed."""

    mtime_ns: int
    folders: tuple[str, ...]  # those in it


class Listing:
    """Lists a shelf, again and again.

    Args:
        root: The shelf.
        excluded: Paths that do not belong to it.
        on_trouble: Told why a folder cannot be listed now.
    """

    def __init__(
        self, root: str, *, excluded: Sequence[str], on_trouble: Callable[[PassingTrouble], object]
    ) -> None:
        self._root = root
        self._excluded = frozenset(excluded)
        self._on_trouble = on_trouble
        self._listed: dict[str, _Listed] = {}
        self._turns = 0

    def chunks(self) -> Iterator[list[str]]:
        """The paths of the files in folders that may have changed, at most `CHUNK` at a time.

        Of the folders in the root those count that hold photos: categories, and the daemon's own for photos.

        Raises:
            PassingTrouble: The shelf itself cannot be listed.
        """
        if self._turns % WHOLE_EVERY == 0:
            self._listed.clear()
        self._turns += 1
        seen: set[str] = set()
        folders = [self._root]
        while folders:
            folder = folders.pop()
            seen.add(folder)
            yield from self._folder(folder, folders)
        self._listed = {folder: found for folder, found in self._listed.items() if folder in seen}

    def look_again(self, path: str) -> None:
        """List the folder of a path the next time, too."""
        self._listed.pop(os.path.dirname(path), None)

    def _folder(self, folder: str, folders: list[str]) -> Iterator[list[str]]:
        """The files in one folder, if it may have changed; its folders are added to those to be listed."""
        inner: list[str] = []
        try:
            began_ns, mtime_ns = (
                time.time_ns(),
                os.stat(folder, follow_symlinks=folder == self._root).st_mtime_ns,
            )
            known = self._listed.get(folder)
            if known is not None and known.mtime_ns == mtime_ns:
                folders.extend(known.folders)
                return
            with os.scandir(folder) as entries:
                files = self._files(folder, entries, inner)
                while chunk := list(islice(files, CHUNK)):
                    yield chunk
        except OSError as error:
            self._pass_over(folder, error)
            return
        folders.extend(inner)
        if 0 <= mtime_ns <= began_ns - SETTLED_NS:
            self._listed[folder] = _Listed(mtime_ns, tuple(inner))

    def _files(self, folder: str, entries: Iterator[os.DirEntry[str]], inner: list[str]) -> Iterator[str]:
        is_root = folder == self._root
        for entry in entries:
            if entry.name.startswith(".") or entry.path in self._excluded:
                continue
            if entry.is_dir(follow_symlinks=False):
                if not is_root or is_on_shelf(entry.name):
                    inner.append(entry.path)
            elif not is_root and entry.is_file(follow_symlinks=False):
                yield entry.path

    def _pass_over(self, folder: str, error: OSError) -> None:
        """Tell that a folder cannot be listed; one that is gone holds nothing, but for the shelf itself."""
        fault = translate(error, f"listing {folder!r}")
        if folder == self._root:
            raise PassingTrouble(str(fault)) from error
        if isinstance(fault, PassingTrouble):
            self._on_trouble(fault)
        elif not isinstance(fault, Vanished):
            raise fault from error
