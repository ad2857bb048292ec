"""Who is let in: by the address that a request was sent to, by the page that sent it, and by its token."""

from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from refundsorter.api.ports import Bounds
from refundsorter.api.problems import Problem, busy, problem
from refundsorter.core.fault import PassingTrouble, StartRefused
from refundsorter.core.port import Log
from refundsorter.core.token import KeysPort, Role

OPEN = frozenset({"/livez", "/readyz"})  # a service manager has no token, and they tell only yes or no
ASKING = frozenset({"GET", "HEAD", "OPTIONS"})  # methods that change nothing
HARMLESS = frozenset({"/v1/predict", "/v1/predict/batch"})  # they ask, too, and need a body for it
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SCHEME = "bearer "
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="refundsorter"'}


class Addressed:
    """Refuses what a web page that somebody on this machine has open would send to the daemon.

    Such a page can have its own name stand for this machine's address, but not have the browser say another
    name; and it can send a form to the daemon, but not have the browser keep secret whose form it is.
    """

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app = app
        self._names = LOCAL_NAMES | {bounds.host}
        self._origins = frozenset(bounds.origins)
        self._is_local = bounds.is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        refused = self._refusal(scope) if self._is_local and scope["type"] == "http" else None
        await (refused.response() if refused else self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host")
        if host is not None and _hostname(f"//{host}") not in self._names:
            return Problem(421, "This machine alone is served here: ask by 127.0.0.1, [::1] or localhost.")
        origin = headers.get("origin")
        if origin is None or scope["method"] in ASKING or origin in self._origins:
            return None
        if _place(origin) == f"//{host}":
            return None
        return Problem(
            403, "A web page from elsewhere may not do this; `http.cors_origins` names those that may."
        )


class Shared(CORSMiddleware):
    """Lets pages of some origins read; what it refuses is a problem like any other."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Whether such a page may send a request."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < HTTPStatus.BAD_REQUEST:
            return answer
        kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        return problem(answer.status_code, f"{bytes(answer.body).decode()}.", headers=kept)


class Admitted:
    """Asks for a token, where there are any."""

    def __init__(self, app: ASGIApp, keys: KeysPort, log: Log) -> None:
        self._app = app
        self._keys = keys
        self._log = log
        self._told: str | None = None  # the trouble that was logged last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        refused = None
        if scope["type"] == "http" and scope["path"] not in OPEN:
            try:
                refused = self._refusal(scope)
            except (StartRefused, PassingTrouble) as trouble:
                self._tell(str(trouble))
                refused = busy("Whether you may do this cannot be told now; the log tells more.")
            scope.setdefault("state", {})["is_admitted"] = partial(self._is_admitted, scope)
        await (refused.response() if refused else self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        if not self._keys.is_needed():
            return None
        is_asking = scope["method"] in ASKING or scope["path"] in HARMLESS
        needed = Role.READ if is_asking else Role.OPERATE
        given = Headers(scope=scope).get("authorization", "")
        if not given.lower().startswith(SCHEME):
            return Problem(401, "This needs a token: `Authorization: Bearer …`.", headers=CHALLENGE)
        token = self._keys.token(given[len(SCHEME) :].strip())
        if token is None:
            return Problem(401, "The token is not known here.", headers=CHALLENGE)
        if not token.role.allows(needed):
            said = f"This needs a token of the role `{needed}`; the one that came may `{token.role}`."
            return Problem(403, said)
        # What a request says of itself proves nothing.
        scope.setdefault("state", {}).update(by=token.name, role=token.role)
        return None

    def _is_admitted(self, scope: Scope) -> bool:
        """Whether it would be let in now, too: an answer that streams may last longer than its token."""
        try:
            return self._refusal(scope) is None
        except (StartRefused, PassingTrouble):
            return False

    def _tell(self, trouble: str) -> None:
        if trouble != self._told:  # once: it would be said with every request
            self._log.error("http.tokens", trouble=trouble)
        self._told = trouble


def _hostname(address: str) -> str | None:
    """The host of an address, in small letters; None where there is none, or it is none."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _place(origin: str) -> str | None:
    """An origin without its scheme: `//127.0.0.1:8080`."""
    _, colon, rest = origin.partition(":")
    return rest if colon else None
