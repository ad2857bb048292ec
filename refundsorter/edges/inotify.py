"""Hints from the kernel, through watchdog's inotify reader.

watchdog's observer holds a file that is moved away for half a second, to pair it with one that is moved in,
and everything behind it waits; it also keeps a queue overflow to itself. So its reader is used without its
observer, and asks the kernel for arrivals only: what the daemon itself reads and moves away makes no event.
"""

import errno
import itertools
import os
import threading
from dataclasses import dataclass

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)

from refundsorter.core.hints import Hint, HintKind, HintSink
from refundsorter.edges.scan import Bounds, child

# What a lack of watches or memory answers with: the tree then is watched in part only.
_SHORTAGES = frozenset({errno.ENOSPC, errno.ENOMEM})

_ARRIVALS = InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO | InotifyConstants.IN_CLOSE_WRITE
# A folder that is removed needs no asking: the kernel says IN_IGNORED when it drops a watch by itself.
_MASK = _ARRIVALS | InotifyConstants.IN_MOVE_SELF | InotifyConstants.IN_ONLYDIR


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    """A folder that is watched."""

    path: str  # where it is, as far as is known
    callback: CallbackId  # under which watchdog knows our interest in it


class InotifyHints(WatchCallback):
    """Watches one folder, and those below it when the bounds say so.

    watchdog's thread calls the `on_` methods; the lock keeps them apart from `start`.
    """

    def __init__(self, bounds: Bounds, hints: HintSink) -> None:
        self._bounds = bounds
        self._hints = hints
        self._lock = threading.Lock()
        self._reader: InotifyFD | None = None
        self._root: WatchDescriptor | None = None
        self._folders: dict[WatchDescriptor, _Folder] = {}
        self._callbacks = itertools.count(1)
        self._lost = False  # what was watched is gone, or is watched in part only
        self._stopping = False

    def start(self) -> None:
        """Watch; what happens from now on gives hints.

        Raises:
            OSError: The folder cannot be watched, or not all of it.
        """
        self._reader = InotifyFD()
        self._reader.name = f"inotify {self._bounds.root}"
        self._reader.start()
        with self._lock:
            self._root = self._add(self._bounds.root, follow=True)
            self._add_below(self._bounds.root)

    def stop(self, timeout: float) -> None:
        """Stop watching, waiting at most `timeout` seconds for the thread."""
        self._stopping = True
        with self._lock:
            pass  # an event in the making ends first: it must not use a closed descriptor
        if self._reader is not None:
            self._reader.stop()
            self._reader.join(timeout)

    def is_sound(self) -> bool:
        """Whether everything that is to be watched still is."""
        return not self._lost and self._reader is not None and self._reader.is_alive()

    def on_event(self, event: InotifyEvent) -> None:
        """Turn one event of a watched folder into a hint."""
        with self._lock:
            folder = self._folders.get(event.wd)
            if folder is None or self._stopping:
                return
            if event.mask & _ARRIVALS and event.name:
                self._on_arrival(event, child(folder.path, os.fsdecode(event.name)))
            elif event.is_move_self:
                self._on_departure(event.wd, folder.path)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Take notice that a watched folder is gone."""
        with self._lock:
            self._folders.pop(wd, None)
            if wd == self._root and not self._stopping:
                self._lose()

    def on_queue_overflow(self) -> None:
        """Ask for a scan, watching the folders first whose making was among the lost events."""
        with self._lock:
            if self._stopping:
                return
            self._watch_tree(self._bounds.root)
            self._hints.overflow()

    def _on_arrival(self, event: InotifyEvent, path: str) -> None:
        if self._bounds.skips(path, os.fsdecode(event.name)):
            return
        if not event.mask & InotifyConstants.IN_ISDIR:
            self._hints.put(Hint(path=path, complete=event.is_moved_to))
        elif self._bounds.recursive:
            # Watched before it is looked through: what comes in between is seen twice, not never.
            self._watch_tree(path)
            self._hints.put(Hint(path=path, complete=False, kind=HintKind.TREE))

    def _on_departure(self, wd: WatchDescriptor, path: str) -> None:
        """Forget a folder that was moved, with all below it, and watch what now has its path."""
        if wd == self._root:
            self._lose()
            return
        below = child(path, "")
        gone = [wd for wd, folder in self._folders.items() if child(folder.path, "").startswith(below)]
        for descriptor in gone:
            self._drop(descriptor, self._folders.pop(descriptor).callback)
        if self._watch_tree(path):
            self._hints.put(Hint(path=path, complete=False, kind=HintKind.TREE))

    def _lose(self) -> None:
        self._lost = True
        self._hints.overflow()  # wakes whoever is to look after the watch

    def _watch_tree(self, top: str) -> bool:
        """Watch a folder that has appeared, and all below it; False when it is gone again."""
        try:
            if top != self._bounds.root:
                self._add(top, follow=False)
            self._add_below(top)
        except OSError as error:
            # Any other answer means that the folder has changed meanwhile, or that the scan will tell.
            if error.errno not in _SHORTAGES:
                return False
            self._lose()
        return True

    def _add_below(self, top: str) -> None:
        folders = [top] if self._bounds.recursive else []
        while folders and not self._stopping:
            for path in self._folders_in(folders.pop()):
                try:
                    self._add(path, follow=False)
                except OSError as error:
                    if error.errno in _SHORTAGES:
                        raise
                    continue
                folders.append(path)

    def _folders_in(self, folder: str) -> list[str]:
        try:
            with os.scandir(folder) as entries:
                return [
                    path
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False)
                    and not self._bounds.skips(path := child(folder, entry.name), entry.name)
                ]
        except OSError:
            return []  # it is gone, or cannot be read: the scan tells

    def _add(self, path: str, *, follow: bool) -> WatchDescriptor:
        """Watch one folder; one that is known already, perhaps under another path, is renewed."""
        if self._reader is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        callback = CallbackId(next(self._callbacks))
        mask = Mask(_MASK if follow else _MASK | InotifyConstants.IN_DONT_FOLLOW)
        wd = self._reader.add_callback(os.fsencode(path), mask, self, callback)
        if wd < 0:  # watchdog passes over EACCES
            self._drop(wd, callback)
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        known = self._folders.get(wd)
        self._folders[wd] = _Folder(path=path, callback=callback)
        if known is not None:
            self._drop(wd, known.callback)
        return wd

    def _drop(self, wd: WatchDescriptor, callback: CallbackId) -> None:
        if self._reader is not None:
            self._reader.remove_callbacks([(wd, callback)])
