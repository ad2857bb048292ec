"""Open every photo of a data set once: is it whole, how large, seen before, like another?"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refundsorter.core import lookalike
from refundsorter.core.fault import ItemFault
from refundsorter.edges.decoder import Decoder
from refundsorter.training.dataset import LIMITS, Sample
from refundsorter.training.progress import Progress, Report

EVERY = 500  # photos between two reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What lies there; all that is about the same photo has the same index."""

    samples: tuple[Sample, ...]  # that could be read
    hashes: tuple[str, ...]  # SHA-256 of the content
    sides: tuple[int, ...]  # the shorter side in pixels
    averages: NDArray[np.float32]  # [N, blocks and colours], as `lookalike.blocks` gives them
    broken: tuple[tuple[Sample, str], ...]  # that could not be read, and why

    def copies(self) -> list[list[int]]:
        """Photos of the same content, group by group, in order."""
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for index, digest in enumerate(self.hashes):
            groups[digest].append(index)
        return [group for group in groups.values() if len(group) > 1]

    def lookalikes(self) -> list[tuple[int, int]]:
        """Pairs that look alike without being of the same content."""
        pairs = lookalike.alike(self.averages)
        return [(one, other) for one, other in pairs if self.hashes[one] != self.hashes[other]]


def survey(samples: Sequence[Sample], workers: int, report: Report) -> Survey:
    """Read and decode every photo, by the class that serving uses.

    Args:
        samples: The photos.
        workers: How many to decode at a time.
        report: Told of the progress.
    """
    decoder = Decoder(limits=LIMITS, input_size=lookalike.SIDE)
    read: list[int] = []
    seen: list[tuple[str, int]] = []
    parts: list[NDArray[np.float32]] = []
    broken = []
    with ThreadPoolExecutor(workers) as pool:
        looks = pool.map(lambda sample: _look(decoder, sample.path), samples)
        for index, look in enumerate(looks):
            if isinstance(look, str):
                broken.append((samples[index], look))
            else:
                read.append(index)
                seen.append(look[:2])
                parts.append(look[2])
            if (index + 1) % EVERY == 0 or index + 1 == len(samples):
                report(Progress(stage="look", done=index + 1, total=len(samples)))
    empty = np.empty((0, lookalike.ROWS * lookalike.COLUMNS * 3), np.float32)
    return Survey(
        samples=tuple(samples[index] for index in read),
        hashes=tuple(digest for digest, _ in seen),
        sides=tuple(side for _, side in seen),
        averages=np.concatenate([empty, *parts]),
        broken=tuple(broken),
    )


def _look(decoder: Decoder, path: Path) -> tuple[str, int, NDArray[np.float32]] | str:
    """Return content's hash, shorter side and blocks of one photo; or why it cannot be read."""
    pixels = np.empty((1, lookalike.SIDE, lookalike.SIDE, 3), np.uint8)
    try:
        content = path.read_bytes()
        info = decoder.decode(content, pixels[0])
    except OSError as error:
        return error.strerror or str(error)
    except ItemFault as fault:
        return str(fault)
    return hashlib.sha256(content).hexdigest(), min(info.width, info.height), lookalike.blocks(pixels)


def joined(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Give every photo the smallest index that it is tied to, directly or through others.

    Args:
        count: How many photos there are.
        pairs: Which are tied.
    """
    root = list(range(count))

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = root[root[index]]
            index = root[index]
        return index

    for one, other in pairs:
        first, second = sorted((find(one), find(other)))
        root[second] = first
    return [find(index) for index in range(count)]
