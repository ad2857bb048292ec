"""Who listens, by the kernel's word."""

import os
import socket
from pathlib import Path

import pytest

from refundsorter.edges import listener


@pytest.mark.parametrize(
    ("bound", "asked"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::1", "::1"),
        ("::", "127.0.0.1"),
        ("::", "::1"),
    ],
)
def test_a_listener_is_of_its_user(bound: str, asked: str) -> None:
    """By each address that leads to it; another port has nobody."""
    family = socket.AF_INET6 if ":" in bound else socket.AF_INET
    with socket.socket(family) as here, socket.socket() as silent:
        here.bind((bound, 0))
        here.listen()
        silent.bind(("127.0.0.1", 0))  # and does not listen
        assert listener.users(asked, here.getsockname()[1]) == {os.geteuid()}
        assert listener.users(asked, silent.getsockname()[1]) == set()


def test_an_address_that_does_not_lead_there_has_nobody() -> None:
    """Who listens at 127.0.0.1 is not met at 127.0.0.2 or ::1."""
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
        here.listen()
        port = here.getsockname()[1]
        assert [listener.users(other, port) for other in ("127.0.0.2", "::1")] == [set(), set()]


def test_a_socket_in_the_file_system_tells_its_process(tmp_path: Path) -> None:
    """The process that listens, and its user."""
    with socket.socket(socket.AF_UNIX) as here, socket.socket(socket.AF_UNIX) as client:
        here.bind(os.path.relpath(tmp_path / "socket"))
        here.listen()
        client.connect(os.path.relpath(tmp_path / "socket"))
        assert listener.peer(client) == (os.getpid(), os.geteuid())
