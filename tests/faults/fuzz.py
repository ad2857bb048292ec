"""Fuzzing of everything that comes from outside: photos, settings, taxonomies, names, the journal's tail.

A target draws one input and holds one rule about it; whatever else is raised is a find. `make fuzz` goes on
for SECONDS and prints the seed of a find, with which `--seed` makes it again; the test suite runs a few
rounds of each target.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePath

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from hostile import FORMATS, flips, sound
from rich.console import Console
from rich.progress import Progress
from stages import chained, record
from workbench import decode_one, fence

from refundsorter import settings as configuration
from refundsorter.core.chain import Chain, Place, without_link
from refundsorter.core.fault import BundleRefused, ConfigurationInvalid, ItemFault, Reason
from refundsorter.core.pixels import ImageLimits
from refundsorter.core.placement import free_name
from refundsorter.edges.bundle import BundleStore
from refundsorter.edges.fence import DecodeLimits, FencedDecoder
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal import Journal
from refundsorter.edges.taxonomy import read_taxonomy

ROOT = Path(__file__).parents[2]
SIDE = 64
OUT = np.empty((SIDE, SIDE, 3), np.uint8)
WORDS = (
    b"{",
    b"}",
    b"[",
    b"]",
    b": ",
    b"\n",
    b"\n  ",
    b"- ",
    b"&a ",
    b"*a ",
    b"!!",
    b"<<",
    b"'",
    b'"',
    b"\xff",
)
RECORDS = [record(number) for number in range(1, 9)]
LINES = chained(RECORDS)
DAY = RECORDS[0].day


@cache
def decoder() -> FencedDecoder:
    """One for all rounds, with a model's usual limits."""
    image = ImageLimits(max_bytes=100 << 20, max_pixels=200_000_000, min_side=16)
    return FencedDecoder(
        fence(), limits=DecodeLimits(image=image, cpu_s=10.0, memory_bytes=1 << 30), input_size=SIDE
    )


def photos(draws: random.Random, _: Path) -> None:
    """A damaged photo is decoded or refused, and needs no fence for it."""
    form = draws.choice(FORMATS)
    (damaged,) = flips(form, draws.getrandbits(32), 1)
    other = sound(draws.choice(FORMATS))
    if draws.random() < 0.3:
        damaged = damaged[: draws.randrange(len(damaged))] + other[draws.randrange(len(other)) :]
    try:
        decode_one(decoder(), damaged, OUT)
    except ItemFault as fault:
        if fault.reason in (Reason.CRASHED, Reason.TIMED_OUT):
            raise


def garbled(draws: random.Random, text: bytes) -> bytes:
    """A text with some words put in, cut out and doubled."""
    for _ in range(draws.randint(1, 6)):
        at, to = sorted(draws.randrange(len(text) + 1) for _ in range(2))
        to = min(to, at + 40)
        text = draws.choice(
            (text[:at] + draws.choice(WORDS) + text[at:], text[:at] + text[to:], text[:to] + text[at:])
        )
    return text


def settings(draws: random.Random, folder: Path) -> None:
    """Whatever stands in the settings, they are read or every problem is told."""
    path = folder / "refundsorter.yaml"
    path.write_bytes(garbled(draws, (ROOT / "config" / "refundsorter.yaml").read_bytes()))
    with suppress(ConfigurationInvalid):
        configuration.load(path, environment={})


def taxonomy(draws: random.Random, folder: Path) -> None:
    """Whatever stands in the taxonomy, its categories are folders below the shelf."""
    path = folder / "taxonomy.yaml"
    path.write_bytes(garbled(draws, (ROOT / "config" / "taxonomy.yaml").read_bytes()[:2000]))
    try:
        for category in read_taxonomy(path).categories:
            assert PurePath(category).parts == (category,)
    except ConfigurationInvalid:
        pass


def bundle(draws: random.Random, folder: Path) -> None:
    """Whatever stands in a manifest, the bundle is loaded or refused."""
    shipped = BundleStore(ROOT / "models").active()
    reference, whole = shipped.manifest.reference, shipped.weights.parent
    place = folder / reference
    place.mkdir(parents=True, exist_ok=True)
    (place / "bundle.yaml").write_bytes(garbled(draws, (whole / "bundle.yaml").read_bytes()))
    (place / "model.tflite").write_bytes(b"no model")
    try:
        BundleStore(folder).load(reference)
    except BundleRefused:
        pass
    else:
        raise AssertionError("weights that the manifest does not name were taken")


def names(draws: random.Random, _: Path) -> None:
    """Whatever a photo is called, its name on the shelf is one part of a path, free, and fits."""
    raw = draws.randbytes(draws.randint(1, 255)).replace(b"\0", b"0").replace(b"/", b"-")
    name = os.fsdecode(raw if raw not in (b".", b"..") else b"x")
    taken = {name} | {f"{name} ({number})" for number in range(draws.randint(0, 5))}
    free = free_name(name, taken.__contains__)
    assert free not in taken
    assert "/" not in free
    assert 0 < len(os.fsencode(free)) <= 255


def journal(draws: random.Random, folder: Path) -> None:
    """Whatever befell the journal's unmarked tail, it is repaired to one whole line for each photo."""
    path, marked = folder / f"{DAY}.jsonl", draws.randrange(len(RECORDS))
    path.unlink(missing_ok=True)
    keeper = Journal(str(folder), FileSystem())
    checkpoint = keeper.append(RECORDS[:marked])
    before = path.read_bytes() if marked else b""
    tail = b"".join(LINES[marked:])
    torn = bytearray(tail[: draws.randrange(len(tail) + 1)])
    for _ in range(draws.randint(0, 3) if torn else 0):
        at = draws.randrange(len(torn))
        torn[at : at + draws.randint(1, 600)] = bytes(draws.randint(0, 600))
    path.write_bytes(before + torn)
    keeper.settle(RECORDS[marked:], checkpoint)
    lines = path.read_bytes().splitlines(keepends=True)
    assert lines[:marked] == LINES[:marked]
    assert sorted(map(without_link, lines)) == sorted(map(without_link, LINES))
    chain = Chain()
    for number, line in enumerate(lines, start=1):
        chain.feed(Place(DAY, number), line)
    assert chain.breaks() == []


TARGETS: Mapping[str, Callable[[random.Random, Path], None]] = {
    one.__name__: one for one in (photos, settings, taxonomy, bundle, names, journal)
}


def play(target: str, seed: int, rounds: int, folder: Path) -> None:
    """Some rounds of one target, each with a seed of its own; a find names its seed."""
    for number in range(seed, seed + rounds):
        try:
            TARGETS[target](random.Random(f"{target} {number}"), folder)
        except Exception as found:
            found.add_note(f"found by: --target {target} --seed {number}")
            raise


def main() -> None:
    """Play every target, or one, until the time is over."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--target", choices=TARGETS)
    given = options.parse_args()
    targets = [given.target] if given.target else list(TARGETS)
    played, end, console = Counter[str](), time.monotonic() + given.seconds, Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder, Progress(console=console) as bar:
        task = bar.add_task("fuzzing", total=given.seconds)
        while (left := end - time.monotonic()) > 0:
            for target in targets:
                place = Path(folder) / target
                place.mkdir(exist_ok=True)
                play(target, given.seed + played[target], 20, place)
                played[target] += 20
            bar.update(task, completed=given.seconds - left)
    inputs = ", ".join(f"{target} {count}" for target, count in played.items())
    console.print(f"inputs: {inputs}; finds: 0")


if __name__ == "__main__":
    main()
