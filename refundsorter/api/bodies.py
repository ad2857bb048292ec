"""The bodies of requests: not more of them in memory at once than there is room."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect, Request

from refundsorter.api.problems import Problem, busy


class Room:
    """The bytes that requests may hold in memory together; only for the thread that serves."""

    def __init__(self, size: int) -> None:
        self._free = size

    @contextmanager
    def lent(self) -> Iterator["Loan"]:
        """Room for one request; all of it is free again at the end."""
        loan = Loan(self)
        try:
            yield loan
        finally:
            self.give(loan.size)

    def take(self, size: int) -> None:
        """Take some of it.

        Raises:
            Problem: There is not enough left.
        """
        if size > self._free:
            raise busy("Other requests hold as many bytes as there is room for.")
        self._free -= size

    def give(self, size: int) -> None:
        """Give it back."""
        self._free += size


class Loan:
    """What one request has of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    def more(self, size: int) -> None:
        """Take more.

        Raises:
            Problem: There is not enough left.
        """
        self._room.take(size)
        self.size += size


async def pieces(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes; `bounds.Bodies` has seen to its size and its pace.

    Raises:
        Problem: The client has gone away.
    """
    try:
        async for piece in request.stream():
            if piece:
                yield piece
    except ClientDisconnect as gone:
        raise Problem(400, "The body was not sent to its end.") from gone


async def whole(request: Request, loan: Loan) -> bytes:
    """All of the body.

    Raises:
        Problem: As `pieces`, or there is no room for it.
    """
    kept = bytearray()
    async for piece in pieces(request):
        loan.more(len(piece))
        kept += piece
    return bytes(kept)
