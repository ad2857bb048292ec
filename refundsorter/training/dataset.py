"""Photos to learn from: folders a label, or a manifest; split by where they come from, sampled evenly.

What a model says about photos of a shop it has learned from tells little about the next shop, so photos of
one source are never on both sides of a split. An unreadable photo is left out and told, never fatal.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.fault import ItemFault, RefundsorterError
from refundsorter.core.pixels import ImageLimits
from refundsorter.edges.decoder import Decoder
from refundsorter.training.progress import Progress, Report

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif"}
)
MANIFEST = "manifest.csv"

# What is decoded at all: whoever trains has looked at the photos, so tiny ones are meant.
LIMITS = ImageLimits(max_bytes=1 << 28, max_pixels=1 << 28, min_side=8)

UNSTATED = "not stated"

Split = Literal["train", "val", "check"]
# What the parts of a data set are called in the wild, as folders or in a manifest's column `split`.
SPLITS: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "check": "check",
    "test": "check",
    "testing": "check",
}

# How far a big label, or a big source within a label, may outweigh a small one: 0 not at all, 1 by its size.
LABEL_POWER = 0.5
SOURCE_POWER = 0.5

# A source that holds more than this share of a category's photos is never held out: too much would be lost.
MAX_HELD_SHARE = 0.25


class DatasetRefused(RefundsorterError):
    """The data cannot be trained on; the message says which file and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One photo and what is known about it."""

    path: Path  # where the file lies
    label: str  # what is on it: "laptop"
    category: str  # the folder it belongs to: "ELECTRONICS"
    source: str  # the set or shop it comes from, for the model card
    group: str  # photos that must stay on one side of a split: the repository, or the file alone
    licence: str  # as the source states it
    split: Split | None = None  # which part the data set itself puts it in; None where it does not say


def read(data: Path, source: str = "") -> tuple[Sample, ...]:
    """Read a data set, whichever of its layouts it has; refuse one from which nothing can be learned.

    Args:
        data: A table in CSV with the columns path, department and, where known, label, source, repository,
            licence and split; a folder with a `manifest.csv`; `DATA/<label>/*.jpg` (label and category are
            then one); `DATA/<CATEGORY>/<label>/*.jpg`; or `DATA/{train,val,check}/` with any of the last two
            below, which may lie one folder deeper, as archives have them.
        source: The set's name, for photos of which the data itself names none.

    Returns:
        The photos, in the order of their paths; none has been opened yet.

    Raises:
        DatasetRefused: There is nothing to read, a photo is listed twice, or there are fewer than two labels.
    """
    samples = listed(data, source)
    labels = {sample.label for sample in samples}
    if len(labels) < 2:  # noqa: PLR2004 - one label leaves nothing to tell apart
        raise DatasetRefused(
            f"{data}: found {len(samples)} photo(s) of {len(labels)} label(s); at least two are needed, each "
            "in a folder of its own"
        )
    return samples


def listed(data: Path, source: str = "") -> tuple[Sample, ...]:
    """List a data set's photos as `read` does, however few its labels are.

    Raises:
        DatasetRefused: There is no such data, its table is wrong, or it lists a photo twice.
    """
    if data.is_file():
        found = _read_manifest(data, source)
    elif (data / MANIFEST).is_file():
        found = _read_manifest(data / MANIFEST, source)
    elif data.is_dir():
        found = _read_parts(data, source or data.name)
    else:
        raise DatasetRefused(f"{data}: no such file or folder")
    samples = tuple(sorted(found, key=lambda sample: sample.path))
    for first, second in pairwise(samples):
        if first.path == second.path:
            raise DatasetRefused(
                f"{data}: {first.path} is listed twice, under {_place(first)} and {_place(second)}; keep one"
            )
    return samples


def _place(sample: Sample) -> str:
    return f"{sample.label!r}" + (f" of {sample.split!r}" if sample.split else "")


def _read_manifest(manifest: Path, source: str) -> Iterator[Sample]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as lines:
            table = csv.DictReader(lines)
            missing = {"path", "department"} - set(table.fieldnames or ())
            if missing:
                raise DatasetRefused(f"{manifest}: the columns {sorted(missing)} are missing")
            for row in table:
                yield _of_row(row, f"{manifest}, line {table.line_num}", manifest.parent, source)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetRefused(f"{manifest}: no table in CSV as UTF-8: {error}") from error


def _of_row(row: Mapping[str, str | None], where: str, folder: Path, source: str) -> Sample:
    path, category, part = row["path"], row["department"], row.get("split") or ""
    if not path or not category:
        raise DatasetRefused(f"{where}: path or department is empty")
    if part and part not in SPLITS:
        raise DatasetRefused(f"{where}: split is {part!r}; allowed are train, val and check")
    named = row.get("source") or row.get("set") or source or UNSTATED
    return Sample(
        path=folder / path,
        label=row.get("label") or category,
        category=category,
        source=named,
        group=row.get("repository") or named,
        licence=row.get("licence") or UNSTATED,
        split=SPLITS.get(part),
    )


def _read_parts(root: Path, source: str) -> Iterator[Sample]:
    """Read the folders train, val and check where the set has them, and else the folder itself."""
    parts = _parts(root)
    if not parts:
        yield from _read_folders(root, source, None)
    for folder in parts:
        yield from _read_folders(folder, source, SPLITS[folder.name.lower()])


def _parts(root: Path) -> list[Path]:
    """Find the folders of a set's parts: all that is in its folder, or in the only folder that is there."""
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    named = {SPLITS.get(folder.name.lower()) for folder in folders}
    if "train" in named and len(named) > 1 and None not in named:
        return folders
    return _parts(folders[0]) if len(folders) == 1 else []


def _read_folders(root: Path, source: str, split: Split | None) -> Iterator[Sample]:
    for path in root.rglob("*"):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        folders = path.relative_to(root).parts[:-1]
        if not folders:
            raise DatasetRefused(f"{path}: a photo outside of any label's folder")
        yield Sample(
            path=path,
            label=folders[1] if len(folders) > 1 else folders[0],
            category=folders[0],
            source=source,
            group=str(path),
            licence=UNSTATED,
            split=split,
        )


def split(samples: Sequence[Sample], share: float, seed: int) -> NDArray[np.bool_]:
    """Hold whole groups out, until each category has about `share` of its photos held out.

    Args:
        samples: All photos.
        share: The share of each category to hold out, 0..1.
        seed: Of the order in which groups are tried.

    Returns:
        Which photos are held out, bool [N]; no group is on both sides.
    """
    total = Counter(sample.category for sample in samples)
    members: dict[str, Counter[str]] = {}
    for sample in samples:
        members.setdefault(sample.group, Counter())[sample.category] += 1
    held: set[str] = set()
    taken: Counter[str] = Counter()
    groups = sorted(members)
    for index in np.random.default_rng(seed).permutation(len(groups)):
        counts = members[groups[index]]
        wanted = any(taken[category] < share * total[category] for category in counts)
        allowed = max(share, MAX_HELD_SHARE)
        if wanted and all(taken[c] + n <= allowed * total[c] for c, n in counts.items()):
            held.add(groups[index])
            taken.update(counts)
    return np.array([sample.group in held for sample in samples], dtype=np.bool_)


def sampling_weights(samples: Sequence[Sample]) -> NDArray[np.float64]:
    """Say how often to draw each photo so that no category, label or source drowns the others.

    Categories weigh the same; within one, labels weigh by the square root of their counts; within a label,
    sources likewise.

    Returns:
        float64 [N], summing to 1.
    """
    labels = Counter((s.category, s.label) for s in samples)
    groups = Counter((s.category, s.label, s.group) for s in samples)
    of_category: defaultdict[str, float] = defaultdict(float)
    of_label: defaultdict[tuple[str, str], float] = defaultdict(float)
    for (category, _), count in labels.items():
        of_category[category] += count**LABEL_POWER
    for (category, label, _), count in groups.items():
        of_label[category, label] += count**SOURCE_POWER
    weights = np.array(
        [
            labels[s.category, s.label] ** LABEL_POWER
            / of_category[s.category]
            * groups[s.category, s.label, s.group] ** SOURCE_POWER
            / of_label[s.category, s.label]
            / groups[s.category, s.label, s.group]
            for s in samples
        ],
        dtype=np.float64,
    )
    normed: NDArray[np.float64] = weights / weights.sum()
    return normed


def decode(
    samples: Sequence[Sample], size: int, workers: int, report: Report
) -> tuple[tuple[Sample, ...], NDArray[np.uint8]]:
    """Decode photos to the model's size, by the class that serving uses.

    Args:
        samples: The photos.
        size: The side of the model's input in pixels.
        workers: How many photos to decode at a time; Pillow releases the interpreter lock.
        report: Told after every thousandth photo, and of every photo left out.

    Returns:
        The photos that could be read, and their pixels: uint8 [N, size, size, 3], RGB, 0..255.

    Raises:
        DatasetRefused: Not one could be read.
    """
    decoder = Decoder(limits=LIMITS, input_size=size)
    pixels = np.empty((len(samples), size, size, 3), dtype=np.uint8)
    readable = np.zeros(len(samples), dtype=np.bool_)
    with ThreadPoolExecutor(workers) as pool:
        notes = pool.map(
            lambda index: _decode_one(decoder, samples[index].path, pixels[index]), range(len(samples))
        )
        for done, note in enumerate(notes, start=1):
            readable[done - 1] = not note
            if note or done % 1000 == 0 or done == len(samples):
                report(Progress(stage="decode", done=done, total=len(samples), note=note))
    if not readable.any():
        raise DatasetRefused("not one photo could be read")
    kept = tuple(sample for sample, good in zip(samples, readable, strict=True) if good)
    return kept, pixels if readable.all() else pixels[readable]


def _decode_one(decoder: Decoder, path: Path, out: NDArray[np.uint8]) -> str:
    """Decode a photo into `out`; return why that could not be done, or nothing."""
    try:
        decoder.decode(path.read_bytes(), out)
    except (OSError, ItemFault) as error:
        return f"{path}: left out, {error}"
    return ""
