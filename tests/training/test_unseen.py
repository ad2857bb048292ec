"""What is measured on was not taught: told apart by content, not by name."""

import shutil
from pathlib import Path

import pytest

from refundsorter.training import dataset
from refundsorter.training.dataset import DatasetRefused
from refundsorter.training.progress import Progress
from refundsorter.training.unseen import unseen


def test_photos_that_are_taught_are_not_measured_on(folders: Path, others: Path, tmp_path: Path) -> None:
    """Two taught photos among forty others, under other names: the forty stay, and it is told."""
    mixed = tmp_path / "mixed"
    shutil.copytree(others, mixed)
    for number in range(2):
        shutil.copy(folders / "TOYS" / "blue disc" / f"{number}.png", mixed / "TOYS" / f"copy {number}.png")
    told: list[Progress] = []
    left = unseen(dataset.listed(mixed), dataset.read(folders), told.append)
    assert {sample.path for sample in left} == {
        mixed / one.path.relative_to(others) for one in dataset.read(others)
    }
    assert [one.note for one in told] == [
        "2 of 42 photos to measure on are among those to learn from: left out"
    ]


def test_only_taught_photos_are_refused(folders: Path) -> None:
    """Where nothing would be left, nothing is measured."""
    photos = dataset.read(folders)
    with pytest.raises(DatasetRefused, match="what was learned cannot be measured on"):
        unseen(photos, photos, lambda _: None)


def test_without_photos_to_measure_on_nothing_is_told(folders: Path) -> None:
    """Measuring may be left out."""
    told: list[Progress] = []
    assert unseen((), dataset.read(folders), told.append) == ()
    assert told == []
