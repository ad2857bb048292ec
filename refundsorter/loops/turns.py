"""Tools that several threads share, each lent to whoever has waited for one the longest."""

import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """A queue of the standard library would let the thread that gives a tool back take it again at once."""

    def __init__(self, tools: Iterable[T]) -> None:
        self._lock = threading.Lock()
        self._free = deque(tools)  # empty while somebody waits
        self._waiting: deque[Future[T]] = deque()

    def take(self) -> T:
        """A tool; waits until it is this thread's turn."""
        with self._lock:
            if self._free:
                return self._free.popleft()
            turn: Future[T] = Future()
            self._waiting.append(turn)
        return turn.result()

    def give(self, tool: T) -> None:
        """Give a tool back."""
        with self._lock:
            if not self._waiting:
                self._free.append(tool)
                return
            turn = self._waiting.popleft()
        turn.set_result(tool)
