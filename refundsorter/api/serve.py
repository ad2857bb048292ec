"""Serving the application: one server on a socket that is already bound, until it is asked to stop."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from fastapi import FastAPI
from uvicorn import Config, Server

from refundsorter.core.port import Log

BACKLOG = 128  # connections that wait to be taken
KEEP_ALIVE_S = 30  # how long an idle connection is kept
GRACE_S = 5  # how long a stop waits for answers that are being given
TICK_S = 1.0  # how often the time of answers is brought up to date
TROUBLE = ("uvicorn.error", "asyncio")  # the loggers that tell of trouble


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        OSError: The address is taken, or not to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP, or asyncio would not turn Nagle's delay off: 40 ms for each answer.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


class Serving(Server):
    """One server for one application."""

    def __init__(self, app: FastAPI, log: Log) -> None:
        super().__init__(
            Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                loop="asyncio",
                http="h11",
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._wake: Callable[[], object] = _nothing
        for name in TROUBLE:
            logger = logging.getLogger(name)
            logger.handlers[:] = [_Forwarding(log)]
            logger.propagate = False

    def serve_on(self, bound: socket.socket) -> None:
        """Serve until the end is asked for."""
        self.run(sockets=[bound])

    def stop(self) -> None:
        """Ask for the end; from any thread."""
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
