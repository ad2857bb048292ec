"""GET /v1/events of a daemon: every photo once, across hang-ups; listeners hold up nothing."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from http_face import Served, served
from support import PATIENCE_S, Shop, eventually, photo


@contextmanager
def listening(
    face: Served, after: str | None = None, token: str | None = None
) -> Iterator[http.client.HTTPResponse]:
    """An open stream, its first line read."""
    connection = http.client.HTTPConnection(urlsplit(face.client.address).netloc, timeout=PATIENCE_S)
    headers = {"Last-Event-ID": after} if after else {}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    connection.request("GET", "/v1/events", headers=headers)
    answer = connection.getresponse()
    try:
        assert answer.status == 200
        assert answer.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        assert (answer.readline(), answer.readline()) == (b"retry: 2000\n", b"\n")
        yield answer
    finally:
        answer.close()
        connection.close()


def following(answer: http.client.HTTPResponse) -> tuple[str, dict[str, Any]]:
    """The next event: its id and its data."""
    lines = [answer.readline() for _ in range(4)]
    assert (lines[1], lines[3]) == (b"event: filed\n", b"\n")
    assert lines[0].startswith(b"id: ")
    assert lines[2].startswith(b"data: ")
    return lines[0][4:].decode().strip(), json.loads(lines[2][6:])


def test_a_photo_is_told_when_it_is_filed_and_what_was_missed_afterwards(shop: Shop) -> None:
    """With the journal's fields; whoever comes again with the last id is told the rest, each once."""
    with served(shop) as face:
        shop.drop("before.jpg", photo("red", seed=1))
        face.daemon.wait_for("photo.sorted")
        eventually(lambda: face.client.get("/v1/status")["lines_owed"] == 0, "its line is written")
        with listening(face) as answer:
            shop.drop("a.jpg", photo("green", seed=2))
            cursor, told = following(answer)
            line = shop.lines()[-1]
            del line["previous"]  # of the journal alone
            assert told == line
            assert told["file"] == "a.jpg"
        for name in ("b.jpg", "c.jpg"):
            shop.drop(name, photo("blue", seed=ord(name[0])))
            face.daemon.wait_for("photo.sorted", file=name)
        with listening(face, after=cursor) as answer:
            assert [following(answer)[1]["file"] for _ in range(2)] == ["b.jpg", "c.jpg"]
        all_of_them = face.client.ask("/v1/events?wait=false", headers={"Last-Event-ID": "0~0"}).body
        told_ids = [json.loads(line[6:])["id"] for line in all_of_them.splitlines() if line[:6] == b"data: "]
        assert told_ids == [1, 2, 3, 4]


@pytest.mark.parametrize("wrong", ["x", "1", "1~", "~1", "nan~1", "inf~1", "1~-1", "1~99999999999999999999"])
def test_what_is_no_id_is_refused(face: Served, wrong: str) -> None:
    """422, and no stream that begins somewhere else."""
    answer = face.client.ask("/v1/events", headers={"Last-Event-ID": wrong})
    assert answer.status == 422
    assert answer.json["errors"][0]["where"] == "header.Last-Event-ID"


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A daemon that does nothing."""
    from support import make_shop  # noqa: PLC0415 - only for this fixture

    with served(make_shop(tmp_path_factory.mktemp("events"))) as found:
        yield found


def test_a_stop_ends_the_streams(shop: Shop) -> None:
    """Each is told what was filed until then and ended; the daemon ends in time, with status 0."""
    with served(shop) as face, listening(face) as one, listening(face) as other:
        shop.drop("a.jpg", photo("red"))
        face.daemon.wait_for("photo.sorted")
        assert face.daemon.stop() == 0
        for answer in (one, other):
            assert following(answer)[1]["file"] == "a.jpg"
            assert answer.read() == b""
        assert not [
            event for event in face.daemon.events if event["event"] in ("http.trouble", "http.failed")
        ]


def test_a_stream_lasts_no_longer_than_its_token(shop: Shop) -> None:
    """One without a token ends with the first token that is made, one with a token when that is revoked."""
    with served(shop) as face:
        with listening(face) as without:
            token = shop.run("token", "add", "portal", "--role", "read").stdout.strip()
            shop.run("token", "add", "other", "--role", "read")
            assert without.read() == b""
        with listening(face, token=token) as revoked:
            shop.run("token", "revoke", "portal")
            assert revoked.read() == b""


def test_listeners_have_a_limit_and_hold_nobody_up(shop: Shop) -> None:
    """The seventeenth gets 503 and others their answers; a listener that goes makes room; sorting goes on."""
    with served(shop, REFUNDSORTER_HTTP__MAX_REQUESTS="2") as face:
        place = urlsplit(face.client.address)
        streams = [socket.create_connection((place.hostname, place.port), PATIENCE_S) for _ in range(16)]
        for one in streams:
            one.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one.recv(17) == b"HTTP/1.1 200 OK\r\n"
            while b"retry" not in one.recv(65536):
                pass
        assert face.client.ask("/v1/events").status == 503
        assert face.client.ask("/v1/info").status == 200
        shop.drop("a.jpg", photo("red"))
        face.daemon.wait_for("photo.sorted")
        for one in streams:
            one.close()
        eventually(lambda: face.client.ask("/v1/events?wait=false").status == 200, "there is room again")


def test_one_that_does_not_read_is_hung_up_on(shop: Shop) -> None:
    """After its time, however much is left to tell; sorting goes on."""
    with served(shop, REFUNDSORTER_HTTP__TIMEOUT_S="0.3") as face:
        shop.drop("a.jpg", photo("red") + bytes(16 << 20))  # more than any buffer on the way holds
        face.daemon.wait_for("photo.sorted")
        place = urlsplit(face.client.address)
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((place.hostname, place.port))
            deaf.sendall(b"GET /v1/images/1/content HTTP/1.1\r\nHost: localhost\r\n\r\n")

            def is_over() -> bool:
                try:
                    deaf.send(b"G")
                except ConnectionError:
                    return True
                return False

            eventually(is_over, "the connection is ended")
        shop.drop("b.jpg", photo("green"))
        face.daemon.wait_for("photo.sorted", file="b.jpg")
