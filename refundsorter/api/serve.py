"""Serving the application: one server on a socket that is already bound, until it is asked to stop."""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from uvicorn import Config, Server

from refundsorter.api.connection import impatient
from refundsorter.api.events import Listeners
from refundsorter.core.port import Log

BACKLOG = 128  # connections that wait to be taken
KEEP_ALIVE_S = 30  # how long an idle connection is kept
SOCKET_MODE = 0o660  # less the umask
GRACE_S = 5  # how long a stop waits for answers that are being given
TICK_S = 1.0  # how often the time of answers is brought up to date
TROUBLE = ("uvicorn.error", "asyncio")  # the loggers that tell of trouble


@dataclass(frozen=True, slots=True)
class Tls:
    """What a server proves who it is by."""

    certificate: Path  # PEM, with those that sign it
    key: Path  # PEM


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        OSError: The address is taken, or not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP, or asyncio would not turn Nagle's delay off: 40 ms for each answer.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return _listening(bound, (host, port))


def bind_path(path: Path) -> socket.socket:
    """A socket that listens at a place in the file system, for the owner and the group.

    What a daemon that was killed left there is removed; the socket of one that listens is not.

    Raises:
        OSError: Somebody listens there, it is no socket, or the place is not to be had.
    """
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchmod(bound.fileno(), SOCKET_MODE)  # before it has a name, so that it is closed from its first moment
    return _listening(bound, str(path))


def _listening(bound: socket.socket, address: tuple[str, int] | str) -> socket.socket:
    try:
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


class Serving(Server):
    """One server for one application."""

    def __init__(self, app: FastAPI, log: Log, *, timeout_s: float, tls: Tls | None) -> None:
        super().__init__(
            Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                loop="asyncio",
                http=impatient(timeout_s),
                ssl_certfile=tls.certificate if tls else None,
                ssl_keyfile=tls.key if tls else None,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._wake: Callable[[], object] = _nothing
        self._listeners: Listeners = app.state.listeners
        for name in TROUBLE:
            logger = logging.getLogger(name)
            logger.handlers[:] = [_Forwarding(log)]
            logger.propagate = False

    def serve_on(self, bound: socket.socket) -> None:
        """Serve until the end is asked for."""
        self.run(sockets=[bound])

    def stop(self) -> None:
        """Ask for the end; from any thread."""
        self._listeners.is_ending = True
        self.should_exit = True
        with suppress(RuntimeError):  # it has ended by itself
            self._wake()

    async def main_loop(self) -> None:
        """Wait for the end; uvicorn's own looks ten times a second, at a quarter of a percent of a core."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        self._wake = partial(loop.call_soon_threadsafe, over.set)
        while not await self.on_tick(0):  # which also winds the clock of the `Date` header
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), TICK_S)


def _nothing() -> None:
    """Nobody waits yet."""


class _Forwarding(logging.Handler):
    """Tells the operational log what the server's own loggers say of trouble."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"exc_info": record.exc_info} if record.exc_info else {}
        self._log.warning("http.trouble", said=record.getMessage(), **fields)
