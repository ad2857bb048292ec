"""The daemon that runs, asked over HTTP: by commands, on the same machine.

Nothing is sent, a token least of all, before it is known who listens: the kernel says whose socket it is, and
with TLS the certificate has to be the one of the settings.
"""

import http.client
import json
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from refundsorter.core.fault import PassingTrouble, RefundsorterError
from refundsorter.edges import listener

TIMEOUT_S = 3.0  # for each wait for the daemon: the ledger is at hand where it does not answer
LARGEST = 64 << 20  # bytes of an answer
PORTS = {"http": 80, "https": 443}
UNIX = "unix:"
CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class Unanswered(PassingTrouble):
    """The daemon did not answer, or not in a way that helps; the message says why."""


class Declined(RefundsorterError):
    """The daemon answered with a problem, as RFC 9457 says it.

    Args:
        status: The HTTP status.
        detail: What happened.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a daemon answers, and by what it is known."""

    address: str  # http://127.0.0.1:8080, https://…, or unix:PATH
    user: int  # the uid of the daemon
    pid: int | None  # of the daemon; None where that is not known
    certificate: Path | None  # of the settings, PEM
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Client:
    """Asks one daemon, each time over a connection of its own. See `Place`.

    Args:
        place: Where it answers.
        token: Sent with each request; None: none.
    """

    place: Place
    token: str | None

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """What the daemon answers, read from JSON; parameters of `query` that are None are left out.

        Raises:
            Unanswered: Nobody answered in time, or it is not the daemon.
            Declined: The daemon answered with a problem.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"{path}?{urlencode(given)}" if given else path
        content = None if body is None else json.dumps(body)
        try:
            status, said = self._exchange(method, target, content, self._headers(headers))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unanswered(f"{self.place.address} does not answer: {_why(error)}") from error
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise Declined(status, _detail(said, status))
        try:
            return json.loads(said)
        except ValueError as error:
            raise Unanswered(f"{self.place.address} does not answer as the daemon does") from error

    def _headers(self, more: Mapping[str, str] | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": "application/json", **(more or {})}
        return headers | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    def _exchange(
        self, method: str, target: str, content: str | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        with closing(_connected(self.place)) as connection:
            connection.request(method, target, content, {**headers, "Connection": "close"})
            with connection.getresponse() as answer:
                return answer.status, answer.read(LARGEST)


def _connected(place: Place) -> http.client.HTTPConnection:
    """A connection to the daemon, and to nobody else; raises also OSError."""
    if place.address.startswith(UNIX):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = _through_file(place, place.address.removeprefix(UNIX))
    else:
        url = urlsplit(place.address)
        host, port = _reachable(str(url.hostname)), url.port or PORTS[url.scheme]
        connection = http.client.HTTPConnection(host, port)
        connection.sock = _through_port(place, host, port, is_safe=url.scheme == "https")
    connection.auto_open = 0  # or what is lost would be made again, by name, and nobody looked at
    return connection


def _through_file(place: Place, path: str) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.settimeout(place.timeout_s)
        opened.connect(path)
        pid, user = listener.peer(opened)
        _require(user == place.user and place.pid in (None, pid), place)
    except BaseException:
        opened.close()
        raise
    return opened


def _through_port(place: Place, host: str, port: int, *, is_safe: bool) -> socket.socket:
    opened = socket.create_connection((host, port), place.timeout_s)
    try:
        _require(listener.users(host, port) == {place.user}, place)
        return _enciphered(opened, place) if is_safe else opened
    except BaseException:
        opened.close()
        raise


def _enciphered(opened: socket.socket, place: Place) -> ssl.SSLSocket:
    """The connection under TLS, with the very certificate of the settings; nothing else of it is judged.

    Its names and dates are for those who know the daemon by nothing else.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    safe = context.wrap_socket(opened)
    try:
        shown = safe.getpeercert(binary_form=True)
        _require(place.certificate is not None and shown == _first(place.certificate), place)
    except BaseException:
        safe.close()
        raise
    return safe


def _first(certificate: Path) -> bytes:
    """The first certificate of a file, which is the server's own, in DER."""
    found = CERTIFICATE.search(certificate.read_text(encoding="ascii", errors="replace"))
    return ssl.PEM_cert_to_DER_cert(found.group()) if found else b""


def _reachable(host: str) -> str:
    """Where this machine reaches what is served at an address."""
    if not ip_address(host).is_unspecified:
        return host
    return "::1" if ":" in host else "127.0.0.1"


def _require(is_it: bool, place: Place) -> None:  # noqa: FBT001 - a condition
    if not is_it:
        raise Unanswered(f"{place.address} is answered by somebody else than the daemon of these settings")


def _why(error: Exception) -> str:
    if isinstance(error, ValueError):  # its message would tell the token
        return "the token, or the certificate of the settings, is none"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _detail(said: bytes, status: int) -> str:
    with suppress(ValueError, TypeError, KeyError):
        return str(json.loads(said)["detail"])
    return f"status {status}"
