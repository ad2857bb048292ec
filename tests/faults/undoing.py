"""Put a whole sweep back, killed again and again on the way, and compare the inbox with what it was.

`python tests/faults/undoing.py --files 5000 --kills 5 --seed 1` prints how long it takes, and the account.
"""

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.account import Account, take
from faults.kill import corpus_shop, finish
from support import COMMAND, Shop, environment, every_file

LOOK_S = 0.005  # how often it is looked how far the command has come
SPREAD_S = 0.05  # how much later the kill comes at most
Inbox = dict[str, tuple[str, int, int]]  # of each path below it: sha256, time of writing in ns, mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came of it."""

    killed: int
    seconds: float  # that the last command took, which found what the killed ones had left
    last: dict[str, Any]  # what it said
    account: Account


def restore(base: Path, files: int, kills: int, seed: int) -> Restored:
    """Sort a corpus, put it back with kills on the way, and see to it that all is as it was."""
    shop, before = corpus_shop(base, files, seed)
    was = inbox(shop)
    job = finish(shop)["job"]
    assert inbox(shop) == {}, "the sweep left something"
    killed = kill_often(shop, job, files=files, kills=kills, seed=seed)
    began = time.monotonic()
    ended = subprocess.run(command(shop, job), capture_output=True, text=True, check=False, env=environment())
    seconds = time.monotonic() - began
    assert ended.returncode == 0, f"it ended with {ended.returncode}: {ended.stderr[-2000:]}"
    _require_restored(shop, was, before)
    answer = finish(shop)
    assert answer["found"] == 0, "a sweep sorted again what was put back"
    return Restored(killed=killed, seconds=seconds, last=json.loads(ended.stdout), account=take(shop, before))


def inbox(shop: Shop) -> Inbox:
    """What lies there."""
    return {
        str(path.relative_to(shop.inbox)): (
            hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, path.stat().st_mode
        )
        for path in every_file(shop.inbox)
    }  # fmt: skip


def kill_often(shop: Shop, job: int, *, files: int, kills: int, seed: int) -> int:
    """Begin to put it back and kill that, at random; how many were killed."""
    numbers = random.Random(seed)
    for kill in range(kills):
        done = lines(shop) - files
        aim = files + done + round(numbers.uniform(0, 2 * (files - done) / (kills - kill + 1)))
        with subprocess.Popen(
            command(shop, job), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
        ) as process:
            while lines(shop) < aim and _runs_for(process, LOOK_S):
                pass
            is_killed = _runs_for(process, numbers.uniform(0, SPREAD_S))
            process.send_signal(signal.SIGKILL)
        if not is_killed:
            return kill
    return kills


def command(shop: Shop, job: int) -> list[str]:
    """The command that puts a job back."""
    return [*COMMAND, "undo", "--job", str(job), "--yes", "--json", "--config", str(shop.config)]


def lines(shop: Shop) -> int:
    """How many the journal has."""
    return sum(path.read_bytes().count(b"\n") for path in (shop.sorted / "_journal").glob("*.jsonl"))


def _require_restored(shop: Shop, was: Inbox, before: Counter[str]) -> None:
    now = inbox(shop)
    assert now == was, f"not as it was: {dict(list(now.items() ^ was.items())[:5])}"
    assert shop.photos() == before, "something is left on the shelf"


def _runs_for(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Whether a process still runs after so many seconds; told at once when it does not."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def main() -> None:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="refundsorter-undo-") as folder:
        found = restore(Path(folder) / "shop", asked.files, asked.kills, asked.seed)
    sys.stdout.write(
        f"{asked.files} files put back, killed {found.killed} times; the last run put back "
        f"{found.last['undone']} in {found.seconds:.1f} s\n{found.account}\n"
        "the inbox is as it was, byte for byte; lost 0, doubled 0, every line once\n"
    )


if __name__ == "__main__":
    main()
