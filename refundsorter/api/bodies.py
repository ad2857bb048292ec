"""The bodies of requests: no longer than is allowed, and not more of them at once than there is room."""

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


async def pieces(request: Request, most: int) -> AsyncIterator[bytes]:
    """The body as it comes.

    Args:
        request: The request.
        most: Bytes that it may have.

    Raises:
        Problem: It has more, or the client has gone away.
    """
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > most:
        raise _too_long(most)
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                raise _too_long(most)
            if piece:
                yield piece
    except ClientDisconnect as gone:
        raise Problem(400, "The body was not sent to its end.") from gone


async def whole(request: Request, most: int, loan: Loan) -> bytes:
    """All of the body.

    Raises:
        Problem: As `pieces`, or there is no room for it.
    """
    kept = bytearray()
    async for piece in pieces(request, most):
        loan.more(len(piece))
        kept += piece
    return bytes(kept)


def _too_long(most: int) -> Problem:
    return Problem(413, f"The body is longer than {most} bytes, the most that `http.max_upload_mb` allows.")
