"""Around every request: what a browser must not do with an answer, and no error without an answer."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from refundsorter.api.problems import problem
from refundsorter.core.port import Log

# Answers are data: a browser is to load, frame, guess and keep nothing of them, unless a route says so.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, log: Log) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_begun = False

        async def guarded(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception:  # whatever it is, the client learns no more than that it happened
            self._log.error("http.failed", method=scope["method"], path=scope["path"], exc_info=True)
            if is_begun:
                raise  # the server cuts the answer off: its end would be taken for the whole
            await problem(500, "An error that nobody expected; the log tells more.")(scope, receive, guarded)
