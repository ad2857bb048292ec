"""A daemon at full load for a long time, in a storm that does not kill it: what it holds must stay flat.

`python tests/faults/soak.py --minutes 30` keeps the inbox full of photos that nobody has seen before, renames
and deletes them meanwhile, reloads the settings, and looks at memory, file descriptors and threads of the
daemon and its decoding processes. At the end it takes the account, and compares the last quarter with the
second: in the first one the caches fill.
"""

import argparse
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.account import take
from faults.storm import (
    FOLDERS,
    SETTINGS,
    Storm,
    again_and_again,
    buried,
    copy_slowly,
    delete,
    link_in,
    rename,
)
from pictures import saved, texture
from processes import family, memory_mib
from rich.console import Console
from rich.table import Table
from support import Running, eventually, every_file, make_shop
from workbench import journaled

BACKLOG = 400  # photos that the feeder keeps in the inbox: more than are in work at any time
LOOK_EVERY_S = 5.0
RELOAD_EVERY = 12  # looks
GROWTH = 1.05  # how much more the last quarter may hold than the second


@dataclass(frozen=True, slots=True)
class Look:
    """What the daemon and its decoding processes hold at a moment."""

    memory_mib: float  # proportional set size, all processes together
    descriptors: int  # open in the daemon
    threads: int  # of the daemon


def look(pid: int) -> Look:
    """Look at a daemon."""
    return Look(
        memory_mib=sum(memory_mib(one) for one in family(pid)),
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        threads=len(list(Path(f"/proc/{pid}/task").iterdir())),
    )


def feed(one: Storm, numbers: random.Random) -> None:
    """Fill the inbox up: photos of the model's size, each of another content."""
    photo = saved(texture(224, 224), "JPEG", quality=85)
    for _ in range(BACKLOG - len(every_file(one.shop.inbox))):
        content = photo + numbers.randbytes(16)
        made = one.outside / f"{numbers.randrange(1 << 62)}.jpg"
        made.write_bytes(content)
        made.rename(one.shop.inbox / made.name)
        one.has_put(content)
    one.rest(numbers, 0.2)


def soak(base: Path, seed: int, seconds: float, console: Console) -> list[Look]:
    """Let a daemon work for that long; what it held. Fails if a photo is not accounted for."""
    one = Storm(make_shop(base))
    one.shop.config.write_text(SETTINGS)
    for folder in (one.outside, one.grave, *(one.shop.inbox / name for name in FOLDERS)):
        folder.mkdir(exist_ok=True)
    deeds = (feed, copy_slowly, link_in, rename, delete)
    looks: list[Look] = []
    with one.shop.daemon() as daemon, ThreadPoolExecutor(len(deeds)) as threads:
        reading = threading.Thread(target=_read_log, args=(daemon,))
        reading.start()
        blowing = [
            threads.submit(again_and_again, one, deed, random.Random(f"{seed} {number}"))
            for number, deed in enumerate(deeds)
        ]
        end = time.monotonic() + seconds
        while not one.over.wait(LOOK_EVERY_S) and time.monotonic() < end:
            looks.append(look(daemon.process.pid))
            if len(looks) % RELOAD_EVERY == 0:
                daemon.process.send_signal(signal.SIGHUP)
                console.print(f"{len(looks) * LOOK_EVERY_S / 60:5.1f} min  {looks[-1]}")
        one.over.set()
        for deed in blowing:
            deed.result()
        left = one.put - buried(one)
        eventually(lambda: not every_file(one.shop.inbox), "an empty inbox")
        eventually(journaled(one.shop, left.total()), "every photo with its line")
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(60) == 0
        reading.join()
    found = take(one.shop, left)
    console.print(f"{found.lines} photos filed, {found.lines / seconds:.0f}/s; lost 0, doubled 0")
    return looks


def _read_log(daemon: Running) -> None:
    assert daemon.process.stderr is not None
    for _ in daemon.process.stderr:
        pass


def main() -> None:
    """Soak, and say whether it stayed flat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="refundsorter-soak-") as folder:
        looks = soak(Path(folder) / "shop", asked.seed, asked.minutes * 60, console)
    quarter = len(looks) // 4
    table = Table("", "second quarter", "last quarter", "most")
    is_flat = True
    for number, name in enumerate(("memory, MiB", "file descriptors", "threads")):
        values = [astuple(one)[number] for one in looks]
        before, after = statistics.median(values[quarter : 2 * quarter]), statistics.median(values[-quarter:])
        table.add_row(name, f"{before:.0f}", f"{after:.0f}", f"{max(values):.0f}")
        is_flat &= after <= before * GROWTH
    console.print(table)
    sys.exit(not is_flat)


if __name__ == "__main__":
    main()
