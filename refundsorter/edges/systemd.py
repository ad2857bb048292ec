"""Telling systemd how the service is doing (sd_notify); does nothing where no systemd listens.

The protocol is one datagram of `KEY=value` lines to the socket that `NOTIFY_SOCKET` names; see sd_notify(3).
"""

import os
import socket
import time
from collections.abc import Mapping

from refundsorter.core.port import Log
from refundsorter.core.text import printable


class Notifier:
    """The service's line to systemd."""

    def __init__(self, environment: Mapping[str, str], log: Log) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._log = log
        micros = environment.get("WATCHDOG_USEC", "")
        addressee = environment.get("WATCHDOG_PID", str(os.getpid()))
        allowed_us = int(micros) if micros.isdecimal() and addressee == str(os.getpid()) else 0
        # Half the allowed silence, as sd_watchdog_enabled(3) advises; seconds. None: nobody watches.
        self.watchdog_interval_s = allowed_us / 2_000_000 if allowed_us else None

    def ready(self, status: str) -> None:
        """The service has started, or has read its settings again; `status` is for `systemctl status`."""
        self._send(f"READY=1\nSTATUS={printable(status)}")

    def reloading(self) -> None:
        """The service reads its settings again; `ready` follows."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, status: str) -> None:
        """What the service does now, for `systemctl status`."""
        self._send(f"STATUS={printable(status)}")

    def stopping(self) -> None:
        """The service is about to end."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Every loop makes progress."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.connect(address)
                line.sendall(message.encode())
        except OSError as error:  # a service manager that cannot be told is no reason to stop sorting
            self._log.warning("systemd.unreachable", address=self._address, trouble=str(error))
