"""Break sorting in every way, again and again with other seeds, until the time is over, and print the counts.

`make faults SEED=1 BUDGET=600` runs it; docs/faults.md says what it does.
"""

import argparse
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[1]))

import pytest
from faults import calls, power
from faults.steps import kill_at_each
from faults.storm import storm
from faults.victim import victims

SLICE_S = 20.0  # how long one kind goes on before the next has its turn
PHOTOS_OF_CALLS, PHOTOS_OF_KILLS = 2, 3
MIN_STORM_S = 5.0

Round = Callable[[Path, int, float], Counter[str]]  # base, seed, until when: what was counted


def _calls(base: Path, seed: int, until: float) -> Counter[str]:
    way, code = _turn(tuple(calls.WAYS), seed), _turn(calls.CODES, seed)
    failed = calls.fail_each_anew(base, way, code, seed=seed, until=until)
    return Counter({"calls failed": failed, "photos": failed * PHOTOS_OF_CALLS})


def _kills(base: Path, seed: int, until: float) -> Counter[str]:
    with victims() as program:
        killed = kill_at_each(base, _turn(power.WAYS, seed), program, seed=seed, until=until)
    return Counter({"kills": killed, "photos": killed * PHOTOS_OF_KILLS})


def _cuts(base: Path, seed: int, until: float) -> Counter[str]:
    photos = 3 + seed % 7
    way = _turn(power.WAYS, seed)
    cuts = power.cut_everywhere(base, way, seed, photos=photos, again=True, until=until)
    return Counter({"power cuts": cuts, "photos": cuts * photos})


def _storms(base: Path, seed: int, until: float) -> Counter[str]:
    counts = storm(base, seed, max(MIN_STORM_S, until - monotonic()))
    told = {"uploads": counts.uploads, "predictions": counts.predictions, "jobs": counts.jobs}
    return Counter({"storms": 1, "kills": counts.kills, "photos": counts.lines, **told})


def _turn(ways: tuple[str, ...], seed: int) -> str:
    return ways[seed % len(ways)]


def kinds() -> dict[str, Round]:
    """What can be broken, by its name on the command line."""
    return {"calls": _calls, "kills": _kills, "cuts": _cuts, "storms": _storms}


def run(rounds: dict[str, Round], seed: int, budget_s: float) -> tuple[Counter[str], str | None]:
    """Break in turns; the counts, and how to repeat what went wrong."""
    counts: Counter[str] = Counter()
    began = monotonic()
    end = began + budget_s
    while True:
        for kind, break_it in rounds.items():
            now = monotonic()
            if now >= end:
                return counts, None
            _progress(counts, now - began, budget_s)
            with tempfile.TemporaryDirectory(prefix="refundsorter-faults-") as folder:
                try:
                    with suppress(pytest.skip.Exception):  # there is no second file system to copy to
                        counts += break_it(Path(folder) / "shop", seed, min(end, now + SLICE_S))
                except Exception:  # noqa: BLE001 - whatever it is, the seed belongs to it
                    return counts, f"{traceback.format_exc()}\nagain: --only {kind} --seed {seed}"
        seed += 1


def _progress(counts: Counter[str], spent_s: float, budget_s: float) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{spent_s:.0f} of {budget_s:.0f} s: {_told(counts)}")
        sys.stderr.flush()


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {count}" for what, count in sorted(counts.items())) or "nothing yet"


def main() -> int:
    """Run it as the command line says; 1 if an account was wrong."""
    known = kinds()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=600, help="seconds")
    parser.add_argument("--only", choices=known, help="break in one way alone")
    asked = parser.parse_args()
    rounds = {asked.only: known[asked.only]} if asked.only else known
    counts, wrong = run(rounds, asked.seed, asked.budget)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    counts["lines"] = counts["photos"]  # every account has found a line for each
    sys.stdout.write(f"seed {asked.seed}: {_told(counts)}\n")
    sys.stdout.write(f"{wrong}\n" if wrong else "lost 0, doubled 0, torn 0\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
