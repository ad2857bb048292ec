"""Hints by comparing, every few seconds, what lies in a folder with what lay there before.

For folders whose changes the kernel does not tell of. A moved file is never called complete here: the
poller recognises it by its inode, and a file system may give the inode of a file that is gone to a new one.
"""

import os
from collections.abc import Iterator
from typing import cast

from watchdog.events import (
    DirDeletedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
)
from watchdog.observers.api import EventQueue, ObservedWatch
from watchdog.observers.polling import PollingEmitter

from refundsorter.core.hints import Hint, HintSink
from refundsorter.edges.scan import Bounds, child


class PollingHints:
    """Polls one folder, and those below it when the bounds say so."""

    def __init__(self, bounds: Bounds, hints: HintSink, interval_s: float) -> None:
        self._poller = _Poller(bounds, hints, interval_s)

    def start(self) -> None:
        """Look once, then poll; what happens from now on gives hints.

        Raises:
            OSError: The folder cannot be read.
        """
        self._poller.start()

    def stop(self, timeout: float) -> None:
        """Stop polling, waiting at most `timeout` seconds for a look in progress."""
        self._poller.stop()
        if self._poller.is_alive():
            self._poller.join(timeout)

    def is_sound(self) -> bool:
        """Whether the folder is still polled: it no longer is once it was found missing."""
        return self._poller.is_alive() and self._poller.should_keep_running()


class _Poller(PollingEmitter):
    """watchdog's poller, which gives its events to the sink and needs no observer's thread.

    Its stop never waits, where an observer's waits for a look at a share that hangs.
    """

    def __init__(self, bounds: Bounds, hints: HintSink, interval_s: float) -> None:
        watch = ObservedWatch(bounds.root, recursive=bounds.recursive)
        super().__init__(EventQueue(), watch, timeout=interval_s, stat=os.lstat, listdir=self._list)
        self.name = f"polling {bounds.root}"
        self._bounds = bounds
        self._hints = hints

    def queue_event(self, event: FileSystemEvent) -> None:
        """Turn one difference into a hint; those of folders come with those of their files."""
        if isinstance(event, FileMovedEvent):
            self._hints.put(Hint(path=os.fsdecode(event.dest_path), complete=False))
        elif isinstance(event, FileCreatedEvent | FileModifiedEvent):
            self._hints.put(Hint(path=os.fsdecode(event.src_path), complete=False))
        elif isinstance(event, DirDeletedEvent) and event.src_path == self._bounds.root:
            self._hints.overflow()  # wakes whoever is to look after the watch

    def _list(self, folder: str | None) -> Iterator[os.DirEntry[str]]:
        """What is to be looked at in a folder: never what is ignored or excluded."""
        path = cast("str", folder)  # None would mean the working directory, which watchdog never asks for
        try:
            with os.scandir(path) as entries:
                return iter([e for e in entries if not self._bounds.skips(child(path, e.name), e.name)])
        except OSError:
            if path == self._bounds.root:
                raise
            return iter(())  # one folder that cannot be read must not hide the others; the scan tells
