"""A watched folder: hints about what arrives there, for as long as the folder is that folder.

inotify where it tells everything, polling where it does not. A watch does not notice that its folder was
removed and made again, or that a share was mounted over it: `check` does, and whoever calls it scans when
it says so. See `refundsorter.edges.scan` for the looking itself.
"""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.hints import HintSink
from refundsorter.core.ignore import IgnoreRules
from refundsorter.edges import mounts
from refundsorter.edges.inotify import InotifyHints
from refundsorter.edges.polling import PollingHints
from refundsorter.edges.scan import Bounds, root_trouble

WatchMode = Literal["auto", "inotify", "polling"]

# How long a watch that is set anew waits for the thread of the old one.
_RENEWAL_TIMEOUT_S = 1.0

# Why inotify cannot be had, and what an operator can do.
_INOTIFY_REFUSALS = {
    errno.ENOSPC: "no inotify watch is free; raise fs.inotify.max_user_watches",
    errno.EMFILE: "no inotify instance is free; raise fs.inotify.max_user_instances, or LimitNOFILE=",
    errno.ENFILE: "the system's table of open files is full; raise fs.file-max",
    errno.ENOMEM: "the kernel has no memory for inotify",
    errno.ENOSYS: "this kernel has no inotify",
}


class _Hinter(Protocol):
    """What watches a folder, one way or the other."""

    def start(self) -> None: ...

    def stop(self, timeout: float) -> None: ...

    def is_sound(self) -> bool: ...


class Watch:
    """Keeps one folder watched; all calls come from one thread."""

    def __init__(
        self,
        root: Path,
        *,
        recursive: bool,
        ignore: IgnoreRules,
        excluded: Sequence[Path],
        mode: WatchMode,
        poll_interval_s: float,
        hints: HintSink,
    ) -> None:
        self.root = root
        self.why_polling: str | None = None  # in words for a person; None while inotify watches
        self._recursive = recursive
        self._ignore = ignore
        self._excluded = tuple(excluded)
        self._mode = mode
        self._poll_interval_s = poll_interval_s
        self._hints = hints
        self._hinter: _Hinter | None = None
        self._folder: tuple[int, int] | None = None  # st_dev and st_ino of what is watched

    def start(self) -> None:
        """Watch; what happens from now on gives hints, what was there before is for the scan.

        Raises:
            PassingTrouble: The folder cannot be watched now; `check` tries again.
        """
        self.check()

    def stop(self, timeout: float) -> None:
        """Stop watching, waiting at most `timeout` seconds for the watching thread."""
        hinter, self._hinter = self._hinter, None
        if hinter is not None:
            hinter.stop(timeout)

    def check(self) -> bool:
        """Make sure that the folder which now has this path is watched; one `stat` when all is well.

        To be called every second or so, and before the scan that an overflow asks for.

        Returns:
            Whether the watch was set anew, so that only a scan tells what happened before.

        Raises:
            PassingTrouble: The folder is missing or cannot be watched now.
        """
        try:
            return self._renew_if_needed()
        except PassingTrouble:
            self.stop(_RENEWAL_TIMEOUT_S)
            raise
        except OSError as error:
            self.stop(_RENEWAL_TIMEOUT_S)
            raise root_trouble(error, str(self.root)) from error

    def _renew_if_needed(self) -> bool:
        folder = self._look()
        if self._hinter is not None and self._hinter.is_sound() and folder == self._folder:
            return False
        self.stop(_RENEWAL_TIMEOUT_S)
        self._watch()
        if self._look() != folder:
            raise PassingTrouble(f"the watched folder {str(self.root)!r} was replaced meanwhile")
        self._folder = folder
        return True

    def _look(self) -> tuple[int, int]:
        found = self.root.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.root))
        return found.st_dev, found.st_ino

    def _watch(self) -> None:
        """Choose the way and start watching."""
        bounds = Bounds.of(self.root, recursive=self._recursive, ignore=self._ignore, excluded=self._excluded)
        why = self._why_polling(bounds)
        self.why_polling = why if self._mode != "inotify" else None
        if why is None:
            return
        if self._mode == "inotify":
            raise PassingTrouble(f"watching {str(self.root)!r}: {why}")
        self._hinter = PollingHints(bounds, self._hints, self._poll_interval_s)
        self._hinter.start()

    def _why_polling(self, bounds: Bounds) -> str | None:
        """Why inotify does not watch; None when it now does."""
        if self._mode == "polling":
            return "watch.mode says so"
        why = mounts.why_polling(self.root) if self._mode == "auto" else None
        return why or self._try_inotify(bounds)

    def _try_inotify(self, bounds: Bounds) -> str | None:
        """Watch through inotify; the reason when it cannot be had."""
        self._hinter = InotifyHints(bounds, self._hints)
        try:
            self._hinter.start()
        except OSError as error:
            self.stop(_RENEWAL_TIMEOUT_S)
            if error.errno not in _INOTIFY_REFUSALS:
                raise
            return _INOTIFY_REFUSALS[error.errno]
        return None
