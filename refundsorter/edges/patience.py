"""Calls to a share that may never answer: each runs on a thread of its own, and is waited for only so long.

A thread that is stuck in the kernel cannot be freed. So while one call to a share is overdue no other is
begun there: no more threads get stuck, and what the overdue call still does is done before anybody looks.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from refundsorter.core.fault import NoAnswer, PassingTrouble

T = TypeVar("T")

PATIENCE_S = 5.0  # for one call; a disk that has to spin up first takes longer, and is tried again


class Share:
    """A folder on a file system that another machine, or another process, serves."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._below = f"{root}/"
        self._lock = threading.Lock()
        self._overdue = 0

    def holds(self, path: str) -> bool:
        """Whether a path lies on it."""
        return path == self._root or path.startswith(self._below)

    def call(self, function: Callable[[], T], *, too_late: Callable[[T], object] | None = None) -> T:
        """Call a function that may hang.

        Args:
            function: What is to be done.
            too_late: What is done with an answer for which nobody waits any more.

        Raises:
            NoAnswer: It was begun and has not answered: it may still be done, or not.
            PassingTrouble: It was not begun, because an earlier call has not answered.
        """
        if self._overdue:
            raise PassingTrouble(f"{self._root!r} does not answer")
        answer: Future[T] = Future()
        threading.Thread(target=_answer, args=(answer, function), daemon=True, name=self._root).start()
        if not wait([answer], PATIENCE_S).done:
            self._count(1)
            answer.add_done_callback(lambda late: self._answered(late, too_late))
            raise NoAnswer(f"{self._root!r} has not answered for {PATIENCE_S:.0f} s")
        return answer.result()

    def begin(self, function: Callable[[], object]) -> None:
        """Call a function without waiting for its end."""
        threading.Thread(target=function, daemon=True, name=self._root).start()

    def _answered(self, late: Future[T], too_late: Callable[[T], object] | None) -> None:
        if too_late is not None and late.exception() is None:
            too_late(late.result())
        self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._overdue += change


def _answer(answer: Future[T], function: Callable[[], T]) -> None:
    try:
        answer.set_result(function())
    except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
        answer.set_exception(error)
