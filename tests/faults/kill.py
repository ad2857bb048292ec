"""Kill a sweep again and again, at random moments, and take the account.

`make kill FILES=5000 KILLS=50 SEED=1` runs it over a corpus as large as one likes, and prints the account.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.account import Account, take
from faults.corpus import fill
from support import COMMAND, PATIENCE_S, Shop, environment, make_shop

FIRST_GUESS = 200.0  # photos a second
START_S = 0.5  # what a process needs before it sorts; kills fall into it too
SETTINGS = """\
watch: {stability_s: 0, recursive: true}
batch: {workers: 2}
retry: {base_s: 0.05}
move: {min_free_bytes: 0}
"""


def corpus_shop(base: Path, files: int, seed: int) -> tuple[Shop, Counter[str]]:
    """A shop whose inbox is full, and what it holds."""
    shop = make_shop(base)
    shop.config.write_text(SETTINGS)
    return shop, fill(shop.inbox, files, seed)


def kill_often(shop: Shop, files: int, kills: int, seed: int) -> int:
    """Begin a sweep and kill it, until that many were killed or nothing is left; how many were."""
    numbers = random.Random(seed)
    done, sorting_s = 0, 0.0
    for kill in range(kills):
        rate = done / sorting_s if done else FIRST_GUESS
        mean_s = START_S + (files - done) / rate / (kills - kill)
        began = time.monotonic()
        if not _killed_within(shop, numbers.uniform(0, 2 * mean_s)):
            return kill
        sorting_s += max(0.01, time.monotonic() - began - START_S)
        done = _lines(shop)
    return kills


def finish(shop: Shop) -> dict[str, int]:
    """Sweep to the end; what the sweep says of it."""
    ended = subprocess.run(
        [*COMMAND, "sweep", "--json", "--config", str(shop.config)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert ended.returncode == 0, f"the sweep ended with {ended.returncode}: {ended.stderr[-2000:]}"
    answer: dict[str, int] = json.loads(ended.stdout)
    return answer


def _killed_within(shop: Shop, seconds: float) -> bool:
    """Kill a sweep after so many seconds; False when it was over before."""
    with subprocess.Popen(
        [*COMMAND, "sweep", "--json", "--config", str(shop.config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        try:
            _, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=PATIENCE_S)
            return True
    assert process.returncode == 0, f"the sweep ended with {process.returncode}: {errors[-2000:]!r}"
    return False


def _lines(shop: Shop) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (shop.sorted / "_journal").glob("*.jsonl"))


def main() -> None:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="refundsorter-kill-") as folder:
        shop, before = corpus_shop(Path(folder) / "shop", asked.files, asked.seed)
        print(f"{asked.files} files, seed {asked.seed}; killing", flush=True)
        killed = kill_often(shop, asked.files, asked.kills, asked.seed)
        last = finish(shop)
        account: Account = take(shop, before)
    print(f"killed {killed} times; the last sweep found {last['found']}")
    print(json.dumps(asdict(account)))
    print("lost 0, doubled 0, every line once")


if __name__ == "__main__":
    main()
