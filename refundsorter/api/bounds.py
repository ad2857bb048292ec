"""How much a client may take: so many requests at once, bodies of some size, and some patience."""

import asyncio
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from refundsorter.api.ports import Bounds
from refundsorter.api.problems import Problem, busy

# Not counted: who is told "dead" because of a crowd would end the daemon; listeners have their own limit.
ALWAYS = frozenset({"/livez", "/readyz", "/v1/events"})
LARGE = frozenset({"/v1/images", "/v1/predict", "/v1/predict/batch"})  # whose bodies may hold photos
SMALL_BYTES = 1 << 20  # of any other body
SLOWEST = 1024  # bytes a second: a body that comes more slowly is not waited for
CLOSING = {"Connection": "close"}  # what is left of the body is not read


class Crowd:
    """Answers so many requests at once, and tells the others to come later."""

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app = app
        self._most = bounds.max_requests
        self._now = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or send away."""
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self._app(scope, receive, send)
            return
        if self._now >= self._most:
            await busy(f"{self._most} requests are being answered; more are not taken at once.").response()(
                scope, receive, send
            )
            return
        self._now += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._now -= 1


class Bodies:
    """Keeps bodies within their size, and clients from sending them for ever."""

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app = app
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        announced = headers.get("content-length")
        if announced in (None, "0") and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        most = self._bounds.max_body_bytes
        if scope["path"] not in LARGE:
            most = min(most, SMALL_BYTES)
        if announced is not None and int(announced) > most:
            refused = Problem(413, _too_large(most), headers=CLOSING)
            await refused.response()(scope, receive, send)
        else:
            body = _Body(receive, send, most, self._bounds.timeout_s)
            await self._app(scope, body.receive, body.send)


class _Body:
    """One body on its way in."""

    def __init__(self, receive: Receive, send: Send, most: int, timeout_s: float) -> None:
        self._receive, self._send = receive, send
        self._most, self._timeout_s = most, timeout_s
        self._began = time.monotonic()
        self._received = 0  # bytes
        self._is_whole = False

    async def receive(self) -> Message:
        """The next piece, if it comes in time and the body does not grow too large."""
        if self._is_whole:  # what comes now is that the client goes away, whenever that may be
            return await self._receive()
        left_s = self._began + self._timeout_s + self._received / SLOWEST - time.monotonic()
        try:
            async with asyncio.timeout(min(self._timeout_s, max(0.0, left_s))):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The body came too slowly.", headers=CLOSING) from None
        self._received += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._received > self._most:
            raise HTTPException(413, _too_large(self._most), headers=CLOSING)
        return message

    async def send(self, message: Message) -> None:
        """Send; where the body was not read to its end, the connection ends with the answer."""
        if message["type"] == "http.response.start" and not self._is_whole:
            MutableHeaders(scope=message)["Connection"] = "close"
        await self._send(message)


def _too_large(most: int) -> str:
    return f"A body has at most {most} bytes here, as `http.max_body_bytes` and the kind of request allow."
