"""Photos from public addresses, by URL: a client of HTTP that reaches nothing but what everybody can reach.

Whoever asks for a prediction chooses the URL, and must not reach by it what only this machine can. So a name
is resolved once, every address that it stands for has to be public, and the connection goes to that very
address: a name that stands for another one a moment later gains nothing. A redirect is a new URL, judged like
the first.
"""

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from refundsorter.core.fetching import FetchLimits, NotFetched, Why

MAX_REDIRECTS = 3
MAX_URL = 2048  # characters
PIECE = 1 << 16  # bytes
PORTS = {"http": 80, "https": 443}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "refundsorter"}
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
# What `inet_aton` takes for an address, and perhaps for another than a reader does: 0x7f.1, 017700000001.
NUMBERS = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)(\.(0[xX][0-9a-fA-F]*|[0-9]+))*\.?", re.ASCII)

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]  # the addresses of a name, for a port
Connect = Callable[[str, int, float], socket.socket]  # to an address, at a port, within so many seconds


def resolved(name: str, port: int) -> list[str]:
    """Every address that a name stands for, as the system says; raises OSError."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


def connected(address: str, port: int, timeout_s: float) -> socket.socket:
    """A connection to an address, which is no name; raises OSError."""
    return socket.create_connection((address, port), timeout_s)


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL that may be asked for, and where."""

    url: SplitResult
    host: str
    port: int
    addresses: Sequence[str]  # all public


def fetch(
    url: str,
    limits: FetchLimits,
    *,
    resolve: Resolve = resolved,
    connect: Connect = connected,
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
) -> bytes:
    """The content of a URL.

    Args:
        url: http or https.
        limits: What it may cost.
        resolve: Finds the addresses of a name.
        connect: Connects to one of them.
        tls: By what the other side is proved to be who it says.

    Raises:
        NotFetched: It is not to be had, or not to be asked for.
    """
    until = time.monotonic() + limits.timeout_s
    for _ in range(MAX_REDIRECTS + 1):
        answer = _ask(_target(url, resolve, until), limits.max_bytes, until, connect, tls)
        if isinstance(answer, bytes):
            return answer
        following = urljoin(url, answer)
        if url.startswith("https:") and not following.startswith("https:"):
            raise NotFetched(Why.REFUSED, "it is redirected from https to what is not")
        url = following
    raise NotFetched(Why.REFUSED, f"it is redirected more than {MAX_REDIRECTS} times")


def is_public(address: str) -> bool:
    """Whether everybody can reach an address, so that asking it tells nothing of this machine's networks."""
    try:
        found: Address = ip_address(address)
    except ValueError:
        return False  # with a zone, too: `fe80::1%eth0`
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif found in NAT64:
            found = IPv4Address(int(found) & 0xFFFFFFFF)
        elif found.sixtofour is not None or found.teredo is not None:
            return False  # tunnels to an IPv4 address that the other one chooses
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _target(url: str, resolve: Resolve, until: float) -> _Target:
    """Judge a URL."""
    if len(url) > MAX_URL or any(ord(one) <= ord(" ") or one == "\x7f" for one in url) or "\\" in url:
        raise NotFetched(Why.REFUSED, "that is no URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
        name = host if ":" in host else host.encode("idna").decode("ascii")
    except ValueError:  # a UnicodeError is one
        raise NotFetched(Why.REFUSED, "that is no URL") from None
    if parts.scheme not in PORTS:
        raise NotFetched(Why.REFUSED, "only http and https are fetched")
    if not name or "@" in parts.netloc:
        raise NotFetched(Why.REFUSED, "a URL has a host here, and no user")
    if NUMBERS.fullmatch(name) and not _is_plain(name):
        raise NotFetched(Why.REFUSED, "an address is written as 192.0.2.1 or [2001:db8::1] here")
    addresses = [name] if ":" in name or _is_plain(name) else _in_time(lambda: resolve(name, port), until)
    if not addresses:
        raise NotFetched(Why.FAILED, f"{name} has no address")
    if not all(map(is_public, addresses)):
        raise NotFetched(Why.REFUSED, f"{name} is no public address")
    return _Target(parts, name, port, addresses)


def _is_plain(name: str) -> bool:
    try:
        return str(IPv4Address(name)) == name
    except ValueError:
        return False


def _in_time(find: Callable[[], Sequence[str]], until: float) -> Sequence[str]:
    """What is found in time; the system's resolver has no time-out, so it may go on for itself."""
    found: list[Sequence[str] | OSError] = []

    def look() -> None:
        try:
            found.append(find())
        except (OSError, UnicodeError) as error:
            found.append(OSError(str(error)))

    thread = threading.Thread(target=look, name="resolver", daemon=True)
    thread.start()
    thread.join(max(0.0, until - time.monotonic()))
    if not found:
        raise NotFetched(Why.TOO_SLOW, "its name is not found in time")
    if isinstance(found[0], OSError):
        raise NotFetched(Why.FAILED, "its name is not found")
    return found[0]


def _ask(
    target: _Target, max_bytes: int, until: float, connect: Connect, tls: Callable[[], ssl.SSLContext]
) -> bytes | str:
    """Ask for it: its content, or where it says that it is."""
    clock = _Clock(until)
    try:
        connection = _open(target, clock, connect, tls)
        try:
            found = _read(connection, target, max_bytes)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        clock.check(target.host)
        raise NotFetched(Why.FAILED, f"{target.host} does not give it") from error
    except NotFetched:
        clock.check(target.host)
        raise
    finally:
        clock.stop()
    clock.check(target.host)  # a connection that was shut looks like one that was ended
    return found


class _Clock:
    """Shuts a connection when the time is over: a time-out of the socket begins anew with every byte."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._timer: threading.Timer | None = None

    def left_s(self) -> float:
        """Seconds that are left; more than none, so that a time-out can be made of them."""
        return max(0.001, self._until - time.monotonic())

    def check(self, host: str) -> None:
        """Raise `NotFetched` if the time is over."""
        if time.monotonic() >= self._until:
            raise NotFetched(Why.TOO_SLOW, f"{host} does not give it in time")

    def watch(self, opened: socket.socket) -> None:
        """Shut it in time."""
        number = opened.dup()  # the connection closes its own; a number that was given anew is never shut

        def shut() -> None:
            with suppress(OSError):  # it is shut
                number.shutdown(socket.SHUT_RDWR)
            number.close()

        self._timer = threading.Timer(self.left_s(), shut)
        self._timer.daemon = True
        self._timer.start()
        self._close = number.close

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._close()


def _open(
    target: _Target, clock: _Clock, connect: Connect, tls: Callable[[], ssl.SSLContext]
) -> http.client.HTTPConnection:
    """Connect to the first of the addresses that answers."""
    trouble: OSError | None = None
    for address in target.addresses:
        try:
            opened = connect(address, target.port, clock.left_s())
        except OSError as error:
            trouble = error
            continue
        opened.settimeout(clock.left_s())
        clock.watch(opened)
        if target.url.scheme == "https":
            opened = _proved(opened, tls(), target.host)
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = opened
        return connection
    raise trouble or OSError("no address")


def _proved(opened: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """The connection, once the other side has proved who it is."""
    try:
        return context.wrap_socket(opened, server_hostname=host)
    except BaseException:
        opened.close()
        raise


def _read(connection: http.client.HTTPConnection, target: _Target, max_bytes: int) -> bytes | str:
    path = quote(target.url.path or "/", safe="/%:@!$&'()*+,;=~") + (
        f"?{quote(target.url.query, safe='/%:@!$&()*+,;=~?')}" if target.url.query else ""
    )
    connection.request("GET", path, headers=HEADERS)
    with connection.getresponse() as answer:
        return _content(answer, target.host, max_bytes)


def _content(answer: http.client.HTTPResponse, host: str, max_bytes: int) -> bytes | str:
    place = answer.getheader("Location")
    if answer.status in REDIRECTS and place:
        return place
    if answer.status != HTTPStatus.OK:
        raise NotFetched(Why.FAILED, f"{host} answers {answer.status}")
    if answer.getheader("Content-Encoding", "identity").lower() != "identity":
        raise NotFetched(Why.FAILED, f"{host} gives it packed, which was not asked for")
    if answer.length is not None and answer.length > max_bytes:
        raise NotFetched(Why.TOO_LARGE, f"it is larger than {max_bytes} bytes")
    content = bytearray()
    while piece := answer.read(PIECE):
        content += piece
        if len(content) > max_bytes:
            raise NotFetched(Why.TOO_LARGE, f"it is larger than {max_bytes} bytes")
    if answer.length:  # what was announced and did not come
        raise NotFetched(Why.FAILED, f"{host} gives only a part of it")
    return bytes(content)
