"""A data set's parts as tables: one a part, and one of all, which `dataset.read` reads again.

The folder appears whole or not at all. Photos stay where they are, and the tables name them relative to their
own folder; only when asked are they copied beside them.
"""

import csv
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from refundsorter.core.fault import translate
from refundsorter.core.taxonomy import folder_problem
from refundsorter.training.dataset import MANIFEST, DatasetRefused, Sample
from refundsorter.training.progress import Progress, Report

COLUMNS = ("path", "department", "label", "source", "repository", "licence", "split")
EVERY = 500  # photos between two reports


def write(samples: Sequence[Sample], out: Path, *, copy: bool, report: Report) -> None:
    """Write `manifest.csv`, `train.csv`, `val.csv` and `check.csv` into a new folder.

    Args:
        samples: The photos, each with its split.
        out: The folder; it must not exist, or be empty.
        copy: Whether the photos are copied into it, as `SPLIT/CATEGORY/LABEL/NAME`.
        report: Told of the copying's progress.

    Raises:
        DatasetRefused: The folder holds something, or a category or label can be no folder's name.
        PassingTrouble: The disk does not allow it.
    """
    refuse_occupied(out)
    if copy:
        _refuse_names(samples)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            making.chmod(0o755)
            placed = _copied(samples, making, report) if copy else list(samples)
            _tables(placed, making, out if not copy else making)
            making.rename(out)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    except OSError as error:
        told = translate(error, f"writing {out}")
        raise told from error


def refuse_occupied(out: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        DatasetRefused: It does.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetRefused(f"{out}: holds something already; choose a new folder")


def _refuse_names(samples: Sequence[Sample]) -> None:
    for name in sorted({name for sample in samples for name in (sample.category, sample.label)}):
        if problem := folder_problem(name):
            raise DatasetRefused(f"{name!r} can be no folder's name: it {problem}; split without --copy")


def _copied(samples: Sequence[Sample], folder: Path, report: Report) -> list[Sample]:
    placed = []
    for number, sample in enumerate(samples):
        place = folder / str(sample.split) / sample.category / sample.label
        place.mkdir(parents=True, exist_ok=True)
        target = place / sample.path.name
        if target.exists():
            target = place / f"{sample.path.stem}-{number}{sample.path.suffix}"
        shutil.copyfile(sample.path, target)
        placed.append(replace(sample, path=target))
        if (number + 1) % EVERY == 0 or number + 1 == len(samples):
            report(Progress(stage="copy", done=number + 1, total=len(samples)))
    return placed


def _tables(samples: Sequence[Sample], folder: Path, seen_from: Path) -> None:
    parts = {str(sample.split) for sample in samples}
    for part in (None, *sorted(parts)):
        name = MANIFEST if part is None else f"{part}.csv"
        with (folder / name).open("x", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            table.writerows(_row(s, seen_from) for s in samples if part in (None, s.split))


def _row(sample: Sample, seen_from: Path) -> tuple[str | None, ...]:
    path = os.path.relpath(sample.path, seen_from)
    return path, sample.category, sample.label, sample.source, sample.group, sample.licence, sample.split
