"""What lies in an inbox, by looking: the truth that events only hint at.

Folders are streamed and opened without following links, so memory stays flat for any number of files and
nobody leads the scan elsewhere. What cannot be looked at is told and passed over; only a root that cannot
be looked at stops the scan, because "gone" must never read as "empty".
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from refundsorter.core.fault import PassingTrouble, Vanished, translate
from refundsorter.core.ignore import IgnoreRules
from refundsorter.core.placement import alike
from refundsorter.core.stability import FileIdentity
from refundsorter.edges.filesystem import identity_of

_MAX_TOLD = 10_000


class OddityKind(StrEnum):
    """Why something in an inbox is left alone."""

    DIRECTORY = "directory"  # recursion is off
    SYMLINK = "symlink"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"
    TOO_DEEP = "too_deep"  # its path is longer than the system takes
    MORE = "more"  # there are more oddities than are remembered; the path is the root


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """Something in an inbox that is no regular file and is left alone."""

    path: str  # decoded as os.fsdecode does
    kind: OddityKind  # what it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A regular file that a scan came upon."""

    path: str  # decoded as os.fsdecode does
    identity: FileIdentity  # what it was at that moment


def stat_file(path: str) -> FileIdentity | None:
    """Look at one file without following links.

    Returns:
        What it is; None when it is gone, or is no regular file.

    Raises:
        PassingTrouble: It cannot be looked at now.
    """
    try:
        found = os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        fault = translate(error, f"looking at {path!r}")
        if isinstance(fault, Vanished):
            return None
        raise fault from error
    return identity_of(found) if stat.S_ISREG(found.st_mode) else None


def root_trouble(error: OSError, root: str) -> PassingTrouble | OSError:
    """Translate what opening a watched folder answered: a root that is gone is waited for."""
    fault = translate(error, f"opening the watched folder {root!r}")
    if isinstance(fault, Vanished):
        return PassingTrouble(str(fault))
    return fault if isinstance(fault, PassingTrouble) else error


def require_marker(root: str, marker: str | None) -> None:
    """Refuse a folder that looks like the inbox and is not: the empty one that a share was mounted on.

    Raises:
        PassingTrouble: The marker is not there, or cannot be looked at now.
    """
    if marker is not None and stat_file(child(root, marker)) is None:
        raise PassingTrouble(
            f"{root!r} lacks its marker {marker!r}: is the share mounted? "
            "If it is, make that file; no photo is taken before"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What belongs to one watched folder."""

    root: str  # the watched folder, decoded as os.fsdecode does
    recursive: bool  # whether sub-folders belong to it
    ignore: IgnoreRules  # names that do not, of files and folders alike
    barred: frozenset[str]  # folders below the root that do not, spelled with the root as it is given
    nothing: bool  # the root itself lies in an excluded folder, so nothing belongs to it

    @classmethod
    def of(cls, root: Path, *, recursive: bool, ignore: IgnoreRules, excluded: Sequence[Path]) -> Self:
        """Find out where the excluded folders lie, seen from the root; links in both are resolved.

        A file system that ignores case shows a folder under one spelling and knows it under all.
        """
        real_root = Path(os.path.realpath(root))
        barred, nothing = set(), False
        for folder in excluded:
            real = Path(os.path.realpath(folder))
            if _way_down(real, real_root) is not None:
                nothing = True
            elif (way := _way_down(real_root, real)) is not None:
                barred.add(str(_as_listed(root, way)))
        return cls(
            root=str(root), recursive=recursive, ignore=ignore, barred=frozenset(barred), nothing=nothing
        )

    def skips(self, path: str, name: str) -> bool:
        """Whether this path below the root, and so everything under it, is not to be looked at."""
        return self.nothing or self.ignore.matches(name) or path in self.barred


def _way_down(top: Path, folder: Path) -> Path | None:
    """The path from a folder to one that is or lies below it; None where it does not."""
    if folder.is_relative_to(top):
        return folder.relative_to(top)
    above = (one for one in (folder, *folder.parents) if _is_same(one, top))
    return next((folder.relative_to(one) for one in above), None)


def _as_listed(root: Path, way: Path) -> Path:
    """The path of a folder below the root, spelled as the folders above it list it."""
    for name in way.parts:
        wanted = root / name
        try:
            listed = os.listdir(root)
        except OSError:  # the scan tells
            listed = [name]
        alikes = [] if name in listed else [one for one in listed if alike(one) == alike(name)]
        root = next((root / one for one in alikes if _is_same(root / one, wanted)), wanted)
    return root


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def child(folder: str, name: str) -> str:
    """The path of a name in a folder; `os.path.join` costs five times as much, once a file."""
    return f"{folder}/{name}"


class Scanner:
    """Looks through one watched folder, as often as is asked, and tells every oddity once.

    The memory of what was told holds at most 10,000 paths, and only those that the last whole scan saw.
    """

    def __init__(
        self,
        root: Path,
        *,
        recursive: bool,
        ignore: IgnoreRules,
        excluded: Sequence[Path],
        on_oddity: Callable[[Oddity], None],
        on_trouble: Callable[[PassingTrouble], None],
        marker: str | None = None,
    ) -> None:
        self._root = root
        self._recursive = recursive
        self._ignore = ignore
        self._excluded = tuple(excluded)
        self._on_oddity = on_oddity
        self._on_trouble = on_trouble
        self._marker = marker
        self._told: set[Oddity] = set()

    def scan(self, tree: str | None = None) -> Iterator[Found]:
        """Every regular file in the watched folder, one at a time.

        Args:
            tree: Look only below this sub-folder, spelled as a hint spells it.

        Raises:
            PassingTrouble: The watched folder is missing, or its marker is, or it cannot be read; raised from
                the iterator.
        """
        bounds = Bounds.of(
            self._root, recursive=self._recursive, ignore=self._ignore, excluded=self._excluded
        )
        require_marker(bounds.root, self._marker)
        seen: set[Oddity] = set()
        folders = [bounds.root if tree is None else tree]
        while folders:
            folder = folders.pop()
            try:
                descriptor = _open_folder(folder, follow=folder == bounds.root)
            except OSError as error:
                self._pass_over(folder, error, seen)
                continue
            try:
                with os.scandir(descriptor) as entries:
                    yield from self._files(folder, entries, bounds, folders, seen)
            except OSError as error:
                self._pass_over(folder, error, seen)
            finally:
                os.close(descriptor)
        if tree is None:
            self._told &= seen

    def _files(
        self,
        folder: str,
        entries: Iterator[os.DirEntry[str]],
        bounds: Bounds,
        folders: list[str],
        seen: set[Oddity],
    ) -> Iterator[Found]:
        """The files of one open folder; its sub-folders are added to those still to be looked at."""
        troubled = False
        for entry in entries:
            path = child(folder, entry.name)
            if bounds.skips(path, entry.name):
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError as error:
                if not troubled:  # a share that fails would otherwise be told once a file
                    troubled = self._pass_over(path, error, seen)
                continue
            if stat.S_ISREG(found.st_mode):
                yield Found(path=path, identity=identity_of(found))
            elif stat.S_ISDIR(found.st_mode) and bounds.recursive:
                folders.append(path)
            else:
                self._tell(Oddity(path=path, kind=_kind_of(found.st_mode)), seen)

    def _tell(self, oddity: Oddity, seen: set[Oddity]) -> None:
        """Tell an oddity that was not told before."""
        if len(seen) < _MAX_TOLD:
            seen.add(oddity)
        if oddity in self._told:
            return
        if len(self._told) >= _MAX_TOLD:
            oddity = Oddity(path=str(self._root), kind=OddityKind.MORE)
            seen.add(oddity)
            if oddity in self._told:
                return
        self._told.add(oddity)
        self._on_oddity(oddity)

    def _pass_over(self, path: str, error: OSError, seen: set[Oddity]) -> bool:
        """Tell that something cannot be looked at; raise when it is the root.

        Returns:
            Whether that is trouble, and not something that is gone or left alone.
        """
        if path == str(self._root):
            raise root_trouble(error, path) from error
        if error.errno == errno.ENAMETOOLONG:
            self._tell(Oddity(path=path, kind=OddityKind.TOO_DEEP), seen)
            return False
        fault = translate(error, f"looking at {path!r}")
        if isinstance(fault, PassingTrouble):
            self._on_trouble(fault)
            return True
        if not isinstance(fault, Vanished):
            raise fault from error
        return False


def _open_folder(folder: str, *, follow: bool) -> int:
    """Open a folder for reading; only the watched folder itself may be reached by a link."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))


def _kind_of(mode: int) -> OddityKind:
    if stat.S_ISDIR(mode):
        return OddityKind.DIRECTORY
    if stat.S_ISLNK(mode):
        return OddityKind.SYMLINK
    if stat.S_ISFIFO(mode):
        return OddityKind.FIFO
    if stat.S_ISSOCK(mode):
        return OddityKind.SOCKET
    return OddityKind.DEVICE
