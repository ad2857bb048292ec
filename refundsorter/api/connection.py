"""One connection: whoever keeps it waiting with a request, or does not read his answer, loses it."""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from refundsorter.api.problems import MEDIA_TYPE, RETRY_S, details

MOST = 512  # connections at once; idle ones count


class Connection(H11Protocol):
    """A connection with limits that the server itself has not."""

    timeout_s: float  # set by `impatient`

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the server's
        """Take a connection."""
        super().connection_made(transport)
        self._waiting: asyncio.TimerHandle | None = None  # for the head of a request
        self._stalled: asyncio.TimerHandle | None = None  # for the client to read
        if len(self.connections) > MOST:
            self._tell(503, "Too many connections.", f"Retry-After: {RETRY_S}\r\n")
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._drop_waiting()
        self._drop_stalled()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; the head of a request has to be whole within its time, however it trickles in."""
        super().data_received(data)
        if self.transport.is_closing() or (self._is_answering()):
            self._drop_waiting()
        elif self._waiting is None:
            self._await_head()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._drop_waiting()
        super().on_response_complete()
        if not self._is_answering() and self.conn.trailing_data[0]:  # a part of it is there already
            self._await_head()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._stalled = self._stalled or self.loop.call_later(self.timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        self._drop_stalled()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._tell(400, msg)

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        return cycle is not None and not cycle.response_complete

    def _await_head(self) -> None:
        self._waiting = self.loop.call_later(self.timeout_s, self._tell, 408, "The request came too slowly.")

    def _drop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = None

    def _drop_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
        self._stalled = None

    def _tell(self, status: int, detail: str, more: str = "") -> None:
        """Tell a problem beside the protocol, and hang up."""
        said: dict[str, Any] = details(status, detail)
        body = json.dumps(said).encode()
        head = (
            f"HTTP/1.1 {status} {said['title']}\r\nContent-Type: {MEDIA_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def impatient(timeout_s: float) -> type[Connection]:
    """Connections that wait so long."""
    return type("Connection", (Connection,), {"timeout_s": timeout_s})
