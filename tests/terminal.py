"""A real terminal (a pty) for a command, and everything that it was sent."""

import errno
import os
import pty
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from support import PATIENCE_S, environment


def run_on_terminal(command: Sequence[str], *, columns: int = 100) -> tuple[int, str]:
    """Run a command with a terminal for its input, output and errors; its exit status and what it sent."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment() | {"TERM": "xterm-256color", "COLUMNS": str(columns)},
        )
    finally:
        os.close(theirs)
    try:
        sent = read_to_end(ours)
        return process.wait(PATIENCE_S), sent
    finally:
        process.kill()


def read_to_end(terminal: int) -> str:
    """Read what a terminal is sent until nobody has it open any more."""
    parts = []
    with suppress(ConnectionResetError):
        while part := read_some(terminal):
            parts.append(part)
    return b"".join(parts).decode(errors="replace").replace("\r\n", "\n")


def read_some(terminal: int) -> bytes:
    """Read what there is; nothing at the end."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError as error:
        if error.errno != errno.EIO:  # how Linux says that the other side is closed
            raise
        return b""
