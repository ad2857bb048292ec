"""What systemd is told, over a real datagram socket; and the watchdog's rule, by a clock set by hand."""

import select
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support import PATIENCE_S, Shop

from refundsorter.daemon import SILENCE_S, Watchdog
from refundsorter.edges.systemd import Notifier
from refundsorter.loops.beat import Beat


class Manager:
    """The service manager's side of the socket."""

    def __init__(self, line: socket.socket, address: str) -> None:
        self._line = line
        self.address = address  # as NOTIFY_SOCKET names it

    def hear(self) -> dict[str, str]:
        """The next message."""
        message = self._line.recv(4096).decode()
        return dict(part.split("=", 1) for part in message.splitlines())

    def hear_until(self, key: str) -> list[dict[str, str]]:
        """Every message up to one that says `key`."""
        heard = [self.hear()]
        while key not in heard[-1]:
            heard.append(self.hear())
        return heard

    def has_heard(self) -> bool:
        """Whether a message waits."""
        return bool(select.select([self._line], [], [], 0)[0])


@contextmanager
def listening(address: str) -> Iterator[Manager]:
    """A manager at an address: a path, or a name that starts with @."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("\0" + address[1:] if address.startswith("@") else address)
        line.settimeout(PATIENCE_S)
        yield Manager(line, address)


@pytest.fixture
def manager() -> Iterator[Manager]:
    """A manager at a path that is short enough for a socket."""
    with TemporaryDirectory() as folder, listening(f"{folder}/notify") as made:
        yield made


def test_start_reload_and_stop_are_told_in_order(shop: Shop, manager: Manager) -> None:
    """READY when it is ready, RELOADING with the time and READY again for SIGHUP, STOPPING at the end."""
    with shop.daemon(NOTIFY_SOCKET=manager.address) as daemon:
        assert manager.hear() == {"READY": "1", "STATUS": "sorting with tiny/1.0.0"}
        daemon.process.send_signal(signal.SIGHUP)
        reloading = manager.hear()
        assert reloading["RELOADING"] == "1"
        assert reloading["MONOTONIC_USEC"].isdigit()
        assert manager.hear()["READY"] == "1"
        assert daemon.stop() == 0
        assert manager.hear() == {"STOPPING": "1"}
        assert not manager.has_heard()


def test_a_socket_without_a_path_is_reached(shop: Shop) -> None:
    """An address that starts with @ is a name in the abstract namespace."""
    address = f"@refundsorter-test-{shop.base.name}"
    with listening(address) as manager, shop.daemon(NOTIFY_SOCKET=address) as daemon:
        assert manager.hear()["READY"] == "1"
        assert daemon.stop() == 0


def test_wrong_settings_are_told_in_the_status(shop: Shop, manager: Manager) -> None:
    """`systemctl status` shows that the settings were not read, and the reload ends all the same."""
    with shop.daemon(NOTIFY_SOCKET=manager.address) as daemon:
        manager.hear()
        shop.config.write_text("colour: blue\n")
        daemon.process.send_signal(signal.SIGHUP)
        assert manager.hear()["RELOADING"] == "1"
        ready = manager.hear()
        assert ready["READY"] == "1"
        assert "settings are wrong" in ready["STATUS"]
        assert daemon.stop() == 0


def test_the_watchdog_is_told_while_all_is_well(shop: Shop, manager: Manager) -> None:
    """With WATCHDOG_USEC, WATCHDOG comes again and again."""
    with shop.daemon(NOTIFY_SOCKET=manager.address, WATCHDOG_USEC="200000") as daemon:
        assert manager.hear_until("WATCHDOG")[-1] == {"WATCHDOG": "1"}
        assert manager.hear_until("WATCHDOG")[-1] == {"WATCHDOG": "1"}
        assert daemon.stop() == 0


def test_a_watchdog_for_another_process_is_not_told(shop: Shop, manager: Manager) -> None:
    """WATCHDOG_PID names somebody else: only start and stop are told."""
    variables = {"WATCHDOG_USEC": "10000", "WATCHDOG_PID": "1"}
    with shop.daemon(NOTIFY_SOCKET=manager.address, **variables) as daemon:
        assert daemon.stop() == 0
        assert [sorted(message) for message in manager.hear_until("STOPPING")] == [
            ["READY", "STATUS"],
            ["STOPPING"],
        ]


def test_a_manager_that_is_gone_does_not_stop_it(shop: Shop, tmp_path: Path) -> None:
    """The trouble is logged, and the daemon works."""
    with shop.daemon(NOTIFY_SOCKET=str(tmp_path / "nobody")) as daemon:
        assert daemon.stop() == 0
    assert daemon.events[0]["event"] == "systemd.unreachable"


class HandSetClock:
    """A clock that goes on only when it is told to."""

    def __init__(self) -> None:
        self.time = 0.0  # seconds

    def now(self) -> float:
        """Unix seconds."""
        return self.time

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self.time


class Silence:
    """A log that nobody reads."""

    def __getattr__(self, _name: str) -> Any:
        """Take every event."""
        return lambda *_arguments, **_fields: None


@pytest.mark.parametrize("hanging", ["the sorter", "every intake"])
def test_the_watchdog_is_not_told_once_a_loop_hangs(manager: Manager, hanging: str) -> None:
    """The sorter, or every intake, has been silent for too long; when it goes on, the watchdog is told."""
    clock = HandSetClock()
    sorter, one, other = Beat(clock), Beat(clock), Beat(clock)
    told: Mapping[str, str] = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "120000000"}
    watchdog = Watchdog(Notifier(told, Silence()), sorter, [one, other])
    clock.time = SILENCE_S
    working, recovering = (one, sorter) if hanging == "the sorter" else (sorter, other)
    working.tick()
    watchdog.feed()
    recovering.tick()
    assert not manager.has_heard()
    watchdog.feed()
    assert manager.has_heard()
