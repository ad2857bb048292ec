"""People move photos about on the shelf while daemons sort, correct and are killed.

Run as a program it makes one storm after another: `moving.py --seeds 20 --seconds 30`.
"""

import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.account import Account, take
from faults.storm import Storm, again_and_again, one_after_another
from support import COLOURS, Shop, eventually, make_shop, photo
from workbench import rows

from refundsorter.core.fault import NameTaken, Vanished
from refundsorter.exits import ExitCode

SETTINGS = """\
watch: {stability_s: 0}
batch: {workers: 1}
retry: {base_s: 0.05, max_s: 0.5}
corrections: {scan_s: 1}
"""
FOLDERS = ("WARM", "COLD", "PLAIN", "GARDEN", "_review/COLD", "PLAIN/today", "_archive", ".")
MOVES = "SELECT count(*) AS count FROM correction WHERE stage IN ('asked', 'intended')"
LONGEST_LIFE_S = 3.0


def storm(base: Path, seed: int, seconds: float) -> Account:
    """Let it blow, let a daemon come to rest, and take the account."""
    one = Storm(make_shop(base))
    one.shop.config.write_text(SETTINGS)
    for folder in FOLDERS:
        (one.shop.sorted / folder).mkdir(parents=True, exist_ok=True)
    for number in range(10):
        _drop(one, random.Random(f"{seed} first {number}"))
    one.shop.run("sweep")
    deeds: list[Callable[[Storm, random.Random], None]] = [_drop, _move, _move, _correct, _run_and_kill]
    with ThreadPoolExecutor(len(deeds)) as threads:
        blowing = [
            threads.submit(again_and_again, one, deed, random.Random(f"{seed} {number}"))
            for number, deed in enumerate(deeds)
        ]
        one.over.wait(seconds)
        one.over.set()
    for deed in blowing:
        deed.result()
    _bring_back(one)
    with one.shop.daemon() as daemon:
        eventually(lambda: len(_filed(one.shop)) == one.put.total(), "a line for each photo")
        eventually(lambda: rows(one.shop, MOVES)[0]["count"] == 0, "an outcome for each request")
        assert daemon.stop() == ExitCode.OK
    with one.shop.daemon() as daemon:  # scans once more, from the beginning
        eventually(lambda: _is_known(one.shop), "every photo where the ledger says")
        assert daemon.stop() == ExitCode.OK
    return take(one.shop, one.put)


def _drop(one: Storm, numbers: random.Random) -> None:
    """Put a photo into the inbox; one in five is a copy of an earlier one."""
    seed = numbers.randrange(1, 1 << 32) if numbers.random() > 0.2 else 1
    content = photo(numbers.choice(list(COLOURS)), form="PNG", seed=seed)
    one.shop.drop(f"photo {numbers.randrange(1 << 40)}.png", content)
    one.has_put(content)
    one.rest(numbers, 0.15)


def _move(one: Storm, numbers: random.Random) -> None:
    """Move or rename a photo that has its line."""
    known = [row["destination"] for row in _filed(one.shop)]
    if known:
        source = Path(numbers.choice(known))
        name = source.name if numbers.random() > 0.3 else f"renamed {numbers.randrange(1 << 40)}.png"
        target = one.shop.sorted / numbers.choice(FOLDERS) / name
        with suppress(NameTaken, Vanished):  # somebody was quicker
            one.files.rename(str(source), str(target))
            one.count("move")
    one.rest(numbers, 0.15)


def _correct(one: Storm, numbers: random.Random) -> None:
    """Correct some photos by command."""
    known = [str(row["id"]) for row in _filed(one.shop)]
    if known:
        chosen = numbers.sample(known, min(3, len(known)))
        ended = one.shop.run("correct", *chosen, numbers.choice(("WARM", "COLD", "PLAIN")), check=False)
        assert ended.returncode in (ExitCode.OK, ExitCode.LEFT, ExitCode.TEMPORARY), ended.stderr
        one.count("correct")
    one.rest(numbers, 0.3)


def _run_and_kill(one: Storm, numbers: random.Random) -> None:
    """Let a daemon live for a while; it may be refused while a command has the lock."""
    with suppress(AssertionError), one.shop.daemon():
        one.rest(numbers, LONGEST_LIFE_S)
        one.count("kill")
    one.rest(numbers, 0.5)


def _filed(shop: Shop) -> list[dict[str, Any]]:
    """The rows of photos with a line."""
    return rows(shop, "SELECT id, destination FROM images WHERE journaled = 1")


def _bring_back(one: Storm) -> None:
    """Put what lies where no photo is looked for into a category."""
    for folder in (one.shop.sorted, one.shop.sorted / "_archive"):
        for path in [path for path in folder.iterdir() if path.is_file()]:
            one.files.rename(str(path), str(one.shop.sorted / "GARDEN" / f"back {path.name}"))


def _is_known(shop: Shop) -> bool:
    return all(Path(row["destination"]).exists() for row in _filed(shop))


if __name__ == "__main__":
    one_after_another(storm, __doc__)
