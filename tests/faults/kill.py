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
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.account import take
from faults.corpus import fill
from support import COMMAND, Shop, environment, make_shop

LOOK_S = 0.005  # how often it is looked how far the sweep has come
SPREAD_S = 0.05  # how much later the kill comes at most: it falls anywhere in the work on a group of photos
STARTS = 0.2  # the share of kills that fall into the start of the process,
START_S = 0.6  # which takes about so long
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
    for kill in range(kills):
        if numbers.random() < STARTS:
            killed = _kill(shop, lines=0, later_s=numbers.uniform(0, START_S))
        else:
            done = _lines(shop)
            lines = done + round(numbers.uniform(0, 2 * (files - done) / (kills - kill)))
            killed = _kill(shop, lines=lines, later_s=numbers.uniform(0, SPREAD_S))
        if not killed:
            return kill
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


def _kill(shop: Shop, *, lines: int, later_s: float) -> bool:
    """Kill a sweep that long after the journal has so many lines; False when the sweep was over before."""
    with subprocess.Popen(
        [*COMMAND, "sweep", "--json", "--config", str(shop.config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    ) as process:
        while _lines(shop) < lines and _runs_for(process, LOOK_S):
            pass
        killed = _runs_for(process, later_s)
        process.send_signal(signal.SIGKILL)
    assert killed or process.returncode == 0, f"the sweep ended with {process.returncode}"
    return killed


def _runs_for(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Whether a process still runs after so many seconds; told at once when it does not."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
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
        sys.stdout.write(f"{asked.files} files, seed {asked.seed}; killing\n")
        killed = kill_often(shop, asked.files, asked.kills, asked.seed)
        last = finish(shop)
        account = take(shop, before)
    sys.stdout.write(
        f"killed {killed} times; the last sweep found {last['found']}\n"
        f"{account}\nlost 0, doubled 0, every line once\n"
    )


if __name__ == "__main__":
    main()
