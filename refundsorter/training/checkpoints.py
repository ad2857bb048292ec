"""What a run that was cut short has done already, so that the same command goes on from there.

It lies in a hidden folder. A run of other photos, another recipe or another seed finds nothing of use in it,
and begins anew.
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.fault import BundleRefused, PassingTrouble
from refundsorter.edges.lock import FILE as LOCK
from refundsorter.edges.lock import FolderLock
from refundsorter.training.options import TrainOptions
from refundsorter.training.progress import Progress, Report

FINGERPRINT = "of"


class Checkpoints:
    """The folder of one run, for as long as it is entered; it goes when the run comes to its end.

    Args:
        folder: Where it is; made when missing.
        options: Of the run; what was kept of another one is removed.
        report: Told when something is kept.

    Raises:
        BundleRefused: The folder cannot be written to.
        AlreadyRunning: Another run works in it.
    """

    def __init__(self, folder: Path, options: TrainOptions, report: Report) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(str(folder), setting="version")
            self._begin(fingerprint(options), report)
        except (OSError, PassingTrouble) as error:
            raise BundleRefused(f"{folder}: cannot be written to: {error}; name another by --out") from error

    def _begin(self, of: str, report: Report) -> None:
        file = self.folder / FINGERPRINT
        if file.exists() and file.read_text() == of:
            report(Progress(stage="resume", done=1, total=1, note=f"going on with what {self.folder} holds"))
            return
        for path in self.folder.iterdir():
            if path.name != LOCK:
                path.unlink()
        file.write_text(of)

    def __enter__(self) -> Self:
        """Hold it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let it go, and with it, where the run has come to its end, what it holds."""
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def array(self, name: str, make: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return an array that was kept, or make and keep it; its file appears whole."""
        file = self.folder / f"{name}.npy"
        if file.exists():
            kept: NDArray[np.float32] = np.load(file, allow_pickle=False)
            return kept
        made = make()
        making = self.folder / f"{name}.making.npy"
        np.save(making, made)
        making.replace(file)
        return made


def fingerprint(options: TrainOptions) -> str:
    """64 hex digits that change with whatever changes what a run makes: photos and figures."""
    digest = hashlib.sha256()
    for sample in options.data:
        stat = sample.path.stat() if sample.path.exists() else None
        size = None if stat is None else (stat.st_size, stat.st_mtime_ns)
        digest.update(repr((str(sample.path), sample.label, sample.category, sample.group, size)).encode())
    digest.update(repr(replace(options, data=(), measure_on=(), notes=(), workers=0, command="")).encode())
    return digest.hexdigest()
