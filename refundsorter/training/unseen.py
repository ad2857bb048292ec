"""Photos to measure on must not be among those that were taught, or the figures flatter."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from refundsorter.core.fault import PassingTrouble, Vanished
from refundsorter.edges.copying import hash_of
from refundsorter.edges.filesystem import FileSystem
from refundsorter.training.dataset import DatasetRefused, Sample
from refundsorter.training.progress import Progress, Report


def unseen(photos: Sequence[Sample], taught: Sequence[Sample], report: Report) -> tuple[Sample, ...]:
    """Leave out photos that are taught as well, byte for byte.

    Args:
        photos: To be measured on.
        taught: To be learned from.
        report: Told how many were left out, where any were.

    Raises:
        DatasetRefused: None would be left.
    """
    contents = _Contents([sample.path for sample in taught])
    left = tuple(sample for sample in photos if not contents.has(sample.path))
    if photos and not left:
        raise DatasetRefused(
            f"{photos[0].path}: like every photo to measure on, it is among those to learn from; "
            "what was learned cannot be measured on"
        )
    if gone := len(photos) - len(left):
        note = f"{gone} of {len(photos)} photos to measure on are among those to learn from: left out"
        report(Progress(stage="overlap", done=len(left), total=len(photos), note=note))
    return left


class _Contents:
    """The contents of photos; only those are read of which another has the size."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = FileSystem()
        self._by_size: defaultdict[int, list[Path]] = defaultdict(list)
        self._hashes: dict[int, set[str]] = {}
        for path in paths:
            if path.is_file():
                self._by_size[path.stat().st_size].append(path)

    def has(self, path: Path) -> bool:
        """Whether one of them has the very bytes of another file."""
        if not path.is_file() or (size := path.stat().st_size) not in self._by_size:
            return False
        if size not in self._hashes:
            self._hashes[size] = {self._hash(one) for one in self._by_size[size]}
        return self._hash(path) in self._hashes[size] - {""}

    def _hash(self, path: Path) -> str:
        """The SHA-256 of a file; empty where it cannot be read, which decoding tells."""
        try:
            return hash_of(self._files, str(path))
        except (PassingTrouble, Vanished):
            return ""
