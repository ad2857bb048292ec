"""The client by which commands ask the daemon, tried on servers that are none."""

import os
import socket
from pathlib import Path

import pytest
from http_face import answer, server

from refundsorter.edges.client import Client, Declined, Place, Unanswered


def client(address: str, *, user: int | None = None, token: str | None = "secret") -> Client:
    """One that knows the daemon by its user."""
    uid = os.geteuid() if user is None else user
    return Client(Place(address=address, user=uid, pid=None, certificate=None, timeout_s=0.2), token)


def test_an_answer_is_read() -> None:
    """JSON; the request has the token, what was asked for, and none of the parameters that are None."""
    with server([answer("200 OK", b'{"a": 1}')]) as (address, heard):
        assert client(address).ask("/v1/images", query={"name": "a b&c.jpg", "label": None}) == {"a": 1}
    assert heard[0].startswith(b"GET /v1/images?name=a+b%26c.jpg HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer secret\r\n" in heard[0]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        ("404 Not Found", b'{"detail": "There is no photo 7."}', (404, "There is no photo 7.")),
        ("503 Service Unavailable", b"<html>", (503, "status 503")),
        ("401 Unauthorized", b"[]", (401, "status 401")),
        ("302 Found", b"{}", (302, "status 302")),
    ],
)
def test_a_problem_is_told(status: str, body: bytes, told: tuple[int, str]) -> None:
    """By its status and, where it has one, its detail; nobody is followed elsewhere."""
    with server([answer(status, body, b"Location: http://127.0.0.1:1/")]) as (address, _):
        with pytest.raises(Declined) as declined:
            client(address).ask("/")
        assert (declined.value.status, declined.value.detail) == told


@pytest.mark.parametrize(
    "said", [answer("200 OK", b"<html>"), b"SSH-2.0-OpenSSH\r\n", b"", b"HTTP/1.1 200 OK\r\n"]
)
def test_what_is_no_daemon_gives_no_answer(said: bytes) -> None:
    """A page, another protocol, nothing at all, half an answer."""
    with server([said]) as (address, _), pytest.raises(Unanswered, match=r"^http://127\.0\.0\.1:"):
        client(address).ask("/")


def test_one_that_is_silent_is_not_waited_for() -> None:
    """It takes the connection and says nothing: the time-out ends it."""
    with socket.create_server(("127.0.0.1", 0)) as here, pytest.raises(Unanswered, match="timed out"):
        client(f"http://127.0.0.1:{here.getsockname()[1]}").ask("/")


def test_where_nobody_listens_nobody_is_asked(tmp_path: Path) -> None:
    """A port that is free, and a socket that is not there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        for place in (f"http://127.0.0.1:{free.getsockname()[1]}", f"unix:{tmp_path}/none"):
            with pytest.raises(Unanswered, match="does not answer"):
                client(place).ask("/")


def test_a_token_is_not_shown_to_another_user(tmp_path: Path) -> None:
    """Where somebody else listens than the daemon's user not a byte is sent, whatever the address."""
    path = os.path.relpath(tmp_path / "socket")
    with socket.create_server(("127.0.0.1", 0)) as port, socket.socket(socket.AF_UNIX) as file:
        file.bind(path)
        file.listen()
        for here, address in ((port, f"http://127.0.0.1:{port.getsockname()[1]}"), (file, f"unix:{path}")):
            with pytest.raises(Unanswered, match="somebody else"):
                client(address, user=os.geteuid() + 1).ask("/")
            connection, _ = here.accept()
            with connection:
                assert connection.recv(1) == b""


def test_a_token_that_no_header_can_carry_is_no_token() -> None:
    """A line feed in it does not become a header of its own, and it is not told in the error."""
    with socket.create_server(("127.0.0.1", 0)) as here:
        asking = client(f"http://127.0.0.1:{here.getsockname()[1]}", token="a\r\nX-Evil: 1")
        with pytest.raises(Unanswered) as unanswered:
            asking.ask("/")
        assert "Evil" not in str(unanswered.value)
        connection, _ = here.accept()
        with connection:
            assert connection.recv(1) == b""
