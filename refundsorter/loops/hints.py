"""The bounded queue between the threads that watch folders and the intake loop.

Putting never waits: a watcher that waits would make the kernel's own queue run over. A queue that is full
drops the hint and remembers that a scan is needed. Hints for one path are one hint, and the last one
counts: a file renamed in and then written anew is no longer complete.
"""

import threading
from collections.abc import Mapping

from refundsorter.core.hints import Hint


class HintQueue:
    """Hints from any number of threads to one taker."""

    def __init__(self, maxsize: int) -> None:
        if maxsize < 1:
            message = f"maxsize must be at least 1, found {maxsize}"
            raise ValueError(message)
        self._maxsize = maxsize
        self._changed = threading.Condition()
        self._hints: dict[str, Hint] = {}  # by path, in the order of their first mention
        self._overflowed = False
        self._woken = False

    def put(self, hint: Hint) -> None:
        """Add a hint, or note that one was lost when the queue is full."""
        with self._changed:
            if hint.path in self._hints or len(self._hints) < self._maxsize:
                self._hints[hint.path] = hint
            else:
                self._overflowed = True
            self._changed.notify()

    def overflow(self) -> None:
        """Note that hints were lost, here or earlier on their way."""
        with self._changed:
            self._overflowed = True
            self._changed.notify()

    def wake(self) -> None:
        """Make the take that waits, or else the next one, return at once."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def take(self, timeout: float | None) -> tuple[list[Hint], bool]:
        """Take everything there is, waiting until there is something.

        Args:
            timeout: How many seconds to wait at most; None to wait for as long as it takes.

        Returns:
            The hints, at most one a path, and whether others were lost since the last take. Both empty
            after a wake or when the time is up.
        """
        with self._changed:
            self._changed.wait_for(self._is_due, timeout)
            hints, overflowed = list(self._hints.values()), self._overflowed
            self._hints.clear()
            self._overflowed = self._woken = False
        return hints, overflowed

    def _is_due(self) -> bool:
        return bool(self._hints) or self._overflowed or self._woken


class HintRouter:
    """A queue for every inbox, by its path; a hint goes to the one that it lies in."""

    def __init__(self, queues: Mapping[str, HintQueue]) -> None:
        self._queues = queues

    def of(self, root: str) -> HintQueue:
        """The queue of an inbox."""
        return self._queues[root]

    def put(self, hint: Hint) -> None:
        """Pass a hint on; one of a folder that is no inbox any more is dropped."""
        for root, queue in self._queues.items():
            if hint.path.startswith(f"{root}/"):
                queue.put(hint)

    def overflow(self) -> None:
        """Note in every queue that hints were lost."""
        for queue in self._queues.values():
            queue.overflow()
