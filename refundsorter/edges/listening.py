"""The small file in `state_dir` by which the daemon says where it answers HTTP, or why it does not.

It is for the commands; the daemon itself never reads it. It counts only while the process that wrote it is
the one that sorts.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from refundsorter.edges import durable
from refundsorter.edges.filesystem import FileSystem

FILE = "http.json"
MODE = 0o640  # as the ledger's


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What a daemon says of its HTTP face."""

    pid: int  # of the daemon
    address: str | None  # http://127.0.0.1:8080; None while it does not answer
    refused: str | None  # why it does not; None when it does


def say(state_dir: Path, listening: Listening) -> None:
    """Write it down.

    Raises:
        PassingTrouble: The disk does not allow it now.
        Vanished: The folder is gone.
    """
    durable.replace(state_dir / FILE, json.dumps(asdict(listening)).encode() + b"\n", FileSystem(), mode=MODE)


def read(state_dir: Path, *, pid: int | None) -> Listening | None:
    """What the process `pid` says of itself; None when it has said nothing that can be read."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads((state_dir / FILE).read_bytes())
        listening = Listening(**{one.name: found[one.name] for one in fields(Listening)})
        if listening.pid == pid:
            return listening
    return None
