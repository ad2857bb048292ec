"""Around every request: what a browser must not do with an answer, and no error without an answer."""

from time import perf_counter

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from refundsorter.api.problems import problem
from refundsorter.core.metric import ANSWERING, REQUESTS, Meter
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

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
NO_ROUTE = "other"  # what was asked for is no name that a monitor has to keep


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, log: Log, meter: Meter) -> None:
        self._app = app
        self._log = log
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception:  # whatever it is, the client learns no more than that it happened
            self._log.error("http.failed", method=scope["method"], path=scope["path"], exc_info=True)
            if status:
                raise  # the server cuts the answer off: its end would be taken for the whole
            await problem(500, "An error that nobody expected; the log tells more.")(scope, receive, guarded)
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            method = scope["method"] if scope["method"] in METHODS else NO_ROUTE
            self._meter.count(REQUESTS, route, method, str(status or "none"))
            self._meter.observe(ANSWERING, perf_counter() - began, route)
