"""Telling systemd, on a real datagram socket."""

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from workbench import Events

from refundsorter.edges.systemd import Notifier


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """A service manager that listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(10)
        yield listening


def notifier(environment: Mapping[str, str]) -> tuple[Notifier, Events]:
    """A notifier and what it logs."""
    log = Events()
    return Notifier(environment, log), log


@pytest.mark.parametrize("abstract", [False, True], ids=["a path", "an abstract name"])
def test_the_service_tells_how_it_is(tmp_path: Path, *, abstract: bool) -> None:
    """Each thing that systemd wants to know is one datagram, word for word."""
    name = f"@refundsorter-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with manager("\0" + name[1:] if abstract else name) as listening:
        one, log = notifier({"NOTIFY_SOCKET": name})
        one.ready("sorting with tiny/1.0.0")
        one.alive()
        one.stopping()
        assert [listening.recv(1000) for _ in range(3)] == [
            b"READY=1\nSTATUS=sorting with tiny/1.0.0",
            b"WATCHDOG=1",
            b"STOPPING=1",
        ]
    assert log.named("systemd.unreachable") == []


def test_a_reload_is_told_with_its_time(tmp_path: Path) -> None:
    """Systemd needs the monotonic time to tell which `ready` belongs to which reload."""
    with manager(str(tmp_path / "notify")) as listening:
        before = time.monotonic_ns() // 1000
        notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})[0].reloading()
        first, second = listening.recv(1000).decode().split("\n")
    assert first == "RELOADING=1"
    key, _, micros = second.partition("=")
    assert key == "MONOTONIC_USEC"
    assert before <= int(micros) <= time.monotonic_ns() // 1000


def test_a_status_is_one_line(tmp_path: Path) -> None:
    """No file's name in a status says anything else to systemd, or cannot be said."""
    with manager(str(tmp_path / "notify")) as listening:
        notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})[0].ready(os.fsdecode(b"a\nMAINPID=1 \xff"))
        assert listening.recv(1000) == rb"READY=1" + b"\n" + rb"STATUS=a\nMAINPID=1 \xff"


def test_without_systemd_nothing_is_told() -> None:
    """Where no service manager listens, every call does nothing and says nothing."""
    one, log = notifier({})
    one.ready("…")
    one.reloading()
    one.alive()
    one.stopping()
    assert log.named("systemd.unreachable") == []
    assert one.watchdog_interval_s is None


def test_a_manager_that_cannot_be_told_is_no_reason_to_stop(tmp_path: Path) -> None:
    """A socket that is gone is logged, and sorting goes on."""
    one, log = notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    one.alive()
    (said,) = log.named("systemd.unreachable")
    assert said["address"] == str(tmp_path / "gone")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
    ids=["watched", "by pid", "another process is", "switched off", "no number", "not watched"],
)
def test_how_often_the_watchdog_wants_to_hear(environment: Mapping[str, str], expected: float | None) -> None:
    """Half of the silence that systemd allows this process; nothing where it does not watch."""
    assert notifier(environment)[0].watchdog_interval_s == expected
