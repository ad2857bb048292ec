"""The small file in `state_dir` by which the daemon says which bundle it serves, and what it has refused.

It is for the commands on bundles and for `status`; the daemon itself never reads it. It counts only while the
process that wrote it is the one that sorts.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from refundsorter.edges import durable
from refundsorter.edges.filesystem import FileSystem

FILE = "serving.json"
MODE = 0o640  # as the ledger's


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a daemon says of itself."""

    pid: int  # of the daemon
    model: str  # the bundle that decides, NAME/VERSION
    shadow: str | None  # the candidate that is tried beside it
    stamp: str  # of the `active.yaml` that it has dealt with last; see `ChoiceFile.stamp`
    refused: str | None  # why it does not serve what that names; None when it does
    shadow_refused: str | None  # likewise for the shadow


def say(state_dir: Path, serving: Serving) -> None:
    """Write it down.

    Raises:
        PassingTrouble: The disk does not allow it now.
        Vanished: The folder is gone.
    """
    durable.replace(state_dir / FILE, json.dumps(asdict(serving)).encode() + b"\n", FileSystem(), mode=MODE)


def read(state_dir: Path, *, pid: int | None) -> Serving | None:
    """What the process `pid` says of itself; None when it has said nothing that can be read."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads((state_dir / FILE).read_bytes())
        serving = Serving(**{one.name: found[one.name] for one in fields(Serving)})
        if serving.pid == pid:
            return serving
    return None
