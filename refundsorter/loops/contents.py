"""One inference a content, also when its copies arrive at the same moment.

The first worker that meets a content leads: it asks the ledger, infers if it must, and answers. Whoever meets
the content meanwhile follows: it waits for that answer. A leader never waits before it has answered for all
that it leads, so nobody waits in a circle. A content is let go only when the ledger holds its answer.
"""

import threading
from collections.abc import Collection
from concurrent.futures import Future

from refundsorter.core.port import Known

Content = tuple[str, str, str]  # the bundle, the taxonomy's digest, the sha256: what an answer depends on


class Contents:
    """The contents that workers have in hand; shared by all workers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_hand: dict[Content, Future[Known | None]] = {}

    def lead(self, content: Content) -> Future[Known | None] | None:
        """Take the lead for a content; the leader's future if there is one already."""
        with self._lock:
            future = self._in_hand.get(content)
            if future is None:
                self._in_hand[content] = Future()
            return future

    def answer(self, content: Content, known: Known | None) -> None:
        """Answer for a content that is led; None when there is no answer to share."""
        with self._lock:
            future = self._in_hand[content]
        if not future.done():
            future.set_result(known)

    def let_go(self, contents: Collection[Content]) -> None:
        """Give up the lead; whoever still waits gets no answer and looks for itself."""
        with self._lock:
            futures = [self._in_hand.pop(content) for content in contents if content in self._in_hand]
        for future in futures:
            if not future.done():
                future.set_result(None)

    def clear(self) -> None:
        """Let go of everything; only while no worker is at work."""
        with self._lock:
            contents = list(self._in_hand)
        self.let_go(contents)
