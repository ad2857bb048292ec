"""Fetching by URL, tried with every spelling of what must not be reached, against real servers."""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from refundsorter.core.fetching import FetchLimits, NotFetched, Why
from refundsorter.edges.fetch import fetch, is_public

Names = Mapping[str, Sequence[str]]
PUBLIC = "93.184.215.14"  # any address that everybody can reach; the test's own server answers for it
LIMITS = FetchLimits(max_bytes=1000, timeout_s=5.0)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nphoto"


@dataclass
class Server:
    """A server that says the same to everybody, and what it and the names were asked."""

    port: int
    names: Names
    asked: list[bytes] = field(default_factory=list)
    reached: list[tuple[str, int]] = field(default_factory=list)

    def resolve(self, name: str, _port: int) -> Sequence[str]:
        """The addresses of the test's names."""
        if name not in self.names:
            raise socket.gaierror("unknown")
        return self.names[name]

    def connect(self, address: str, port: int, timeout_s: float) -> socket.socket:
        """Reach the test's server, whatever public address is meant."""
        self.reached.append((address, port))
        return socket.create_connection(("127.0.0.1", self.port), timeout_s)

    def get(self, url: str, limits: FetchLimits = LIMITS) -> bytes:
        """Fetch by the test's names."""
        return fetch(url, limits, resolve=self.resolve, connect=self.connect)


@contextmanager
def serving(*answers: bytes, hold: bool = False, names: Names | None = None) -> Iterator[Server]:
    """A server that gives these answers, one a connection; with `hold` it then keeps the connection open."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(listening.getsockname()[1], names or {"shop.example": [PUBLIC]})
        done = threading.Event()

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    server.asked.append(connection.recv(65536))
                    connection.sendall(answer)
                    if hold:
                        done.wait(30)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            done.set()


def to(place: str) -> bytes:
    """A redirect."""
    return f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()


def test_a_photo_is_fetched_from_the_address_that_was_checked() -> None:
    """The name is resolved once, and the connection goes to the address that it stood for then."""
    with serving(OK) as server:
        assert server.get("http://shop.example:8080/a%20b.jpg?size=1") == b"photo"
    assert server.reached == [(PUBLIC, 8080)]
    assert server.asked[0].startswith(b"GET /a%20b.jpg?size=1 HTTP/1.1\r\nHost: shop.example:8080\r\n")


def test_without_a_length_it_ends_with_the_connection() -> None:
    """As servers of HTTP/1.0 do, and those that send in pieces."""
    pieces = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nphoto\r\n0\r\n\r\n"
    with serving(b"HTTP/1.0 200 OK\r\n\r\nphoto", pieces) as server:
        assert server.get("http://shop.example/") == server.get("http://shop.example/") == b"photo"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1",
        "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "2001:0:7f00:1::", "::127.0.0.1", "localhost", "",
    ],
)  # fmt: skip
def test_what_not_everybody_can_reach_is_refused(address: str) -> None:
    """As an address, and as what a name stands for, alone or beside a public one; nothing is connected to."""
    assert not is_public(address)
    for stands_for in ([address], [PUBLIC, address]):
        with serving(names={"shop.example": stands_for}) as server, pytest.raises(NotFetched) as refused:
            server.get("http://shop.example/")
        assert refused.value.why is Why.REFUSED
        assert server.reached == []


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_everybody_can_reach_is_not(address: str) -> None:
    """IPv4 and IPv6."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[fe80::1%25lo]/", "http://2130706433/",
        "http://0x7f000001/", "http://017700000001/", "http://0177.0.0.1/", "http://127.1/", "http://0x7f.1/",
        "http://127.0.0.1./", "http://0/", "http://134744072/", "http://010.8.8.8/", "http://8.8.2056/",
        "ftp://shop.example/", "file:///etc/passwd", "gopher://shop.example/", "shop.example", "", "http://",
        "http:///a", "http://user@shop.example/", "http://shop.example@127.0.0.1/", "http://a\\@127.0.0.1/",
        "http://shop.example:99999/", "http://shop.example:a/", "http://shop.example/\r\nHost: b",
        "http://a b/", "http://[::1/", "http://" + "a" * 300 + "/", "http://shop.example/" + "a" * 3000, "http://①②⑦.⓪.⓪.①/",
    ],
)  # fmt: skip
def test_no_spelling_gets_around_it(url: str) -> None:
    """Nothing is connected to; a number is no name, even one that would stand for a public address."""
    with serving() as server, pytest.raises(NotFetched) as refused:
        server.get(url)
    assert refused.value.why is Why.REFUSED
    assert server.reached == []


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1/", "http://169.254.169.254/", "http://[::1]/", "//127.0.0.1/", "http://inside.example/",
        "file:///etc/passwd", "http://2130706433/",
    ],
)  # fmt: skip
def test_a_redirect_is_judged_like_the_first_url(place: str) -> None:
    """The public server is asked, and where it points to is not."""
    names = {"shop.example": [PUBLIC], "inside.example": ["10.0.0.7"]}
    with serving(to(place), names=names) as server, pytest.raises(NotFetched) as refused:
        server.get("http://shop.example/a.jpg")
    assert refused.value.why is Why.REFUSED
    assert server.reached == [(PUBLIC, 80)]


def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    """Also relative ones."""
    with serving(to("/b"), to("c"), to("http://shop.example/d"), OK) as server:
        assert server.get("http://shop.example/a") == b"photo"
    assert [one.split()[1] for one in server.asked] == [b"/a", b"/b", b"/c", b"/d"]
    with serving(*[to("/")] * 4) as server, pytest.raises(NotFetched, match="more than 3"):
        server.get("http://shop.example/a")


def test_a_name_that_changes_its_address_gains_nothing() -> None:
    """Each request asks for the addresses once, and connects to what was checked."""
    asked: list[str] = []

    def resolve(name: str, _port: int) -> list[str]:
        asked.append(name)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    with serving(OK) as server:
        assert fetch("http://shop.example/", LIMITS, resolve=resolve, connect=server.connect) == b"photo"
        with pytest.raises(NotFetched, match="no public address"):
            fetch("http://shop.example/", LIMITS, resolve=resolve, connect=server.connect)
    assert (asked, server.reached) == (["shop.example"] * 2, [(PUBLIC, 80)])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", Why.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001, Why.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nphoto", Why.FAILED),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", Why.FAILED),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Why.FAILED),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", Why.FAILED),
        (b"SSH-2.0-OpenSSH\r\n", Why.FAILED),
        (b"", Why.FAILED),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000, Why.FAILED),
    ],
)
def test_what_the_other_side_does_wrong_is_told(answer: bytes, why: Why) -> None:
    """Too much, too little, packed, not there, or no HTTP at all."""
    with serving(answer) as server, pytest.raises(NotFetched) as failed:
        server.get("http://shop.example/")
    assert failed.value.why is why


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\np"])
def test_a_slow_server_is_not_waited_for(said: bytes) -> None:
    """Whether it says nothing, half a head or half a photo."""
    with serving(said, hold=True) as server, pytest.raises(NotFetched) as failed:
        server.get("http://shop.example/", FetchLimits(max_bytes=1000, timeout_s=0.2))
    assert failed.value.why is Why.TOO_SLOW


def test_a_server_that_trickles_is_not_waited_for() -> None:
    """The time is limited in all, not from byte to byte."""
    going = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
                try:
                    while not going.wait(0.02):
                        connection.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        server = Server(listening.getsockname()[1], {"shop.example": [PUBLIC]})
        with pytest.raises(NotFetched) as failed:
            server.get("http://shop.example/", FetchLimits(max_bytes=1000, timeout_s=0.3))
        going.set()
        thread.join()
    assert failed.value.why is Why.TOO_SLOW


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    """Nor is one that knows no such name."""
    going = threading.Event()

    def resolve(_name: str, _port: int) -> list[str]:
        going.wait(30)
        return [PUBLIC]

    with pytest.raises(NotFetched) as failed:
        fetch("http://shop.example/", FetchLimits(max_bytes=1, timeout_s=0.1), resolve=resolve)
    going.set()
    assert failed.value.why is Why.TOO_SLOW
    with serving() as server, pytest.raises(NotFetched) as unknown:
        server.get("http://nobody.example/")
    assert unknown.value.why is Why.FAILED
