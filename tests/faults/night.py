"""A large night: an inbox full of photos, a night that is due, and the accounts of the morning.

`python tests/faults/night.py --files 50000` fills an inbox, starts a daemon whose night is due at once, and
waits until all its steps are over. Then every photo must lie once on the shelf with its line, the report of
the day must add up to the same number, and the daemon must not have held more in the last quarter of the time
than in the second.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.account import take
from faults.soak import GROWTH, Look, look
from pictures import saved, texture
from rich.console import Console
from support import Running, Shop, make_shop

LOOK_EVERY_S = 2.0
NIGHTLY = {"REFUNDSORTER_SWEEP__SCHEDULE": "0 3 * * *"}  # that of the day is due at the first start
SETTINGS = "sweep: {timezone: UTC}\n"


def fill(shop: Shop, files: int, seed: int) -> None:
    """Photos of the model's size, each of another content."""
    numbers, photo = random.Random(seed), saved(texture(224, 224), "JPEG", quality=85)
    for number in range(files):
        (shop.inbox / f"{number}.jpg").write_bytes(photo + numbers.randbytes(16))


def steps(shop: Shop) -> list[dict[str, Any]]:
    """What is written down of the night."""
    shown = shop.run("nights", "show", "--json", check=False)
    return list(json.loads(shown.stdout)["steps"]) if shown.returncode in (0, 3) and shown.stdout else []


def over(daemon: Running, shop: Shop) -> list[Look]:
    """What the daemon holds until its night is over."""
    looks: list[Look] = []
    while not any(one["step"] == "retention" and one["ended"] for one in steps(shop)):
        looks.append(look(daemon.process.pid))
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"the daemon has ended with {daemon.process.wait(LOOK_EVERY_S)}")
    return looks


def main() -> None:
    """Let a night pass, and take its accounts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    asked, console = parser.parse_args(), Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="refundsorter-night-") as folder:
        shop = make_shop(Path(folder) / "shop", settings=SETTINGS)
        fill(shop, asked.files, asked.seed)
        before, began = shop.photos(), time.monotonic()
        with shop.daemon(**NIGHTLY) as daemon:
            reading = threading.Thread(
                target=lambda: [None for _ in daemon.process.stderr or ()], daemon=True
            )
            reading.start()
            looks = over(daemon, shop)
            daemon.process.terminate()
            assert daemon.process.wait(60) == 0
        took_s, account = time.monotonic() - began, take(shop, before)
        for one in steps(shop):
            console.print(f"{one['step']:<10}{one['told']['outcome']:<7}{one['told']['sentence']}")
        today = time.strftime("%Y-%m-%d", time.gmtime())
        (report,) = json.loads(shop.run("report", "--date", today, "--json").stdout)
        found = report["account"]
    quarter = max(1, len(looks) // 4)
    memory = [one.memory_mib for one in looks]
    second, last = (
        statistics.median(memory[quarter : 2 * quarter] or memory),
        statistics.median(memory[-quarter:]),
    )
    console.print(f"{account.lines} photos in {took_s:.0f} s; lost 0, doubled 0, every line once")
    console.print(f"the report: {found}")
    console.print(
        f"memory, MiB: second quarter {second:.0f}, last quarter {last:.0f}, most {max(memory):.0f}"
    )
    sys.exit(account.lines != asked.files or not found["adds_up"] or last > second * GROWTH)


if __name__ == "__main__":
    main()
