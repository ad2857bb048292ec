"""Dividing and checking data sets, on made photos whose copies and look-alikes are known."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from disks import small_disk
from PIL import Image

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.taxonomy import Taxonomy
from refundsorter.training import dataset, manifest
from refundsorter.training.dataset import DatasetRefused, Split
from refundsorter.training.inspect import Inspection, Verdict, inspect
from refundsorter.training.partition import By, Partition, divide
from refundsorter.training.progress import Progress
from refundsorter.training.survey import joined, survey

SHARES: dict[Split, float] = {"train": 0.8, "val": 0.1, "check": 0.1}
LABELS = {"HOME": ("mug", "jug"), "TOYS": ("doll",)}
TAXONOMY = Taxonomy(category_of={"mug": "HOME", "jug": "HOME", "doll": "TOYS"}, thresholds={})


def ignore(_: Progress) -> None:
    """Take no notice of progress."""


def picture(seed: int) -> Image.Image:
    """Soft patches, 96 by 96; no two seeds look alike."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 96), Image.Resampling.NEAREST)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """DATA/<CATEGORY>/<label>/<case>-<n>.png: 20 photos a label, two a case."""
    root, seed = tmp_path / "photos", 0
    for category, labels in LABELS.items():
        for label in labels:
            (root / category / label).mkdir(parents=True)
            for number in range(20):
                picture(seed).save(root / category / label / f"{label}{number // 2}-{number % 2}.png")
                seed += 1
    return root


def divided(photos: Path, by: By = By.NONE, shares: dict[Split, float] = SHARES, **more: Any) -> Partition:
    """Divide a data set."""
    return divide(survey(dataset.read(photos), 2, ignore), shares, by=by, seed=1, **more)


def inspected(data: Path, taxonomy: Taxonomy = TAXONOMY) -> Inspection:
    """Check a data set."""
    samples = dataset.listed(data)
    return inspect(samples, survey(samples, 2, ignore), taxonomy)


def verdicts(found: Inspection) -> dict[str, str]:
    """What is not well, by name."""
    return {one.name: one.verdict.value for one in found.findings if one.verdict is not Verdict.OK}


def test_each_label_is_divided_by_the_shares(photos: Path) -> None:
    """Of 20 photos a label, 16 are learned from, two chosen by, two measured on."""
    counts = Counter((sample.label, sample.split) for sample in divided(photos).samples)
    assert counts == {
        (label, part): number
        for label in ("mug", "jug", "doll")
        for part, number in (("train", 16), ("val", 2), ("check", 2))
    }


def test_the_same_seed_divides_alike(photos: Path) -> None:
    """A split can be made again."""
    assert divided(photos).samples == divided(photos).samples


def test_a_case_stays_together(photos: Path) -> None:
    """Both photos of mug7 are in one part, whatever the pattern's default takes off."""
    patterns: list[dict[str, Any]] = [{}, {"case_pattern": "-"}]
    for more in patterns:
        parts: dict[str, set[str | None]] = {}
        for sample in divided(photos, By.CASE, **more).samples:
            parts.setdefault(sample.path.stem.split("-")[0], set()).add(sample.split)
        assert {len(found) for found in parts.values()} == {1}
        assert len(parts) == 30


def test_a_source_stays_together(photos: Path, tmp_path: Path) -> None:
    """What a table names as a repository is on one side only."""
    rows = [f"{path},HOME,{path.parent.name},{path.stem[-3]}" for path in sorted(photos.rglob("*.png"))]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["path,department,label,repository", *rows]))
    found = divided(table, By.SOURCE).samples
    assert len({(s.group, s.split) for s in found}) == len({s.group for s in found}) == 10


def test_lookalikes_stay_together_and_copies_are_left_out(photos: Path) -> None:
    """A smaller JPEG of a photo follows it; the same bytes under another name are dropped."""
    home = photos / "HOME" / "mug"
    for number in range(5):
        first = home / f"mug{number}-0.png"
        Image.open(first).resize((64, 64)).save(home / f"again{number}.jpg", quality=70)
        (home / f"zcopy{number}.png").write_bytes(first.read_bytes())
    found = divided(photos)
    part = {sample.path.name: sample.split for sample in found.samples}
    assert [part[f"again{n}.jpg"] for n in range(5)] == [part[f"mug{n}-0.png"] for n in range(5)]
    assert {sample.path.name for sample in found.copies} == {f"zcopy{n}.png" for n in range(5)}


def test_a_photo_under_two_labels_is_left_out_of_all(photos: Path) -> None:
    """Nobody knows which label is right; a broken photo is left out, too."""
    content = (photos / "HOME" / "mug" / "mug0-0.png").read_bytes()
    (photos / "TOYS" / "doll" / "x.png").write_bytes(content)
    (photos / "TOYS" / "doll" / "y.png").write_bytes(content[:100])
    found = divided(photos)
    assert {sample.path.name for sample in found.contradictory} == {"mug0-0.png", "x.png"}
    assert [sample.path.name for sample in found.broken] == ["y.png"]
    assert len(found.samples) == 59


@pytest.mark.parametrize("copy", [False, True])
def test_what_was_written_is_read_again(photos: Path, tmp_path: Path, *, copy: bool) -> None:
    """The folder and each part's table give the same photos with the same split, also when it is moved."""
    found, out = divided(photos, By.CASE), tmp_path / "parts"
    manifest.write(found.samples, out, copy=copy, report=ignore)
    with (out / "manifest.csv").open(newline="") as file:
        assert not any(Path(row["path"]).is_absolute() for row in csv.DictReader(file))
    again = dataset.read(out)
    assert Counter((s.label, s.split, s.group) for s in again) == Counter(
        (s.label, s.split, s.group) for s in found.samples
    )
    assert {s.path.read_bytes() for s in again} == {path.read_bytes() for path in photos.rglob("*.png")}
    assert {s.split for s in dataset.read(out / "check.csv")} == {"check"}
    assert (len(list(out.rglob("*.png"))) == 60) is copy
    assert verdicts(inspected(out)) == {}


def test_a_folder_that_holds_something_is_left_alone(photos: Path, tmp_path: Path) -> None:
    """Nothing is overwritten."""
    with pytest.raises(DatasetRefused, match="holds something already"):
        manifest.write(divided(photos).samples, photos, copy=False, report=ignore)
    assert not list(tmp_path.glob("**/manifest.csv"))


def test_a_full_disk_leaves_nothing_behind(photos: Path, tmp_path: Path) -> None:
    """Copies for which there is no room are taken back; it needs root, to mount a disk."""
    found = divided(photos).samples
    with small_disk(tmp_path / "disk", size="16k") as disk:
        with pytest.raises(PassingTrouble, match="No space left on device"):
            manifest.write(found, disk / "parts", copy=True, report=ignore)
        assert list(disk.iterdir()) == []


@pytest.mark.parametrize(
    ("shares", "more", "said"),
    [
        ({"train": 0.8, "val": 0.1, "check": 0.2}, {}, "must add up to 1"),
        ({"train": 0.0, "val": 0.5, "check": 0.5}, {}, "with some for training"),
        (SHARES, {"by": By.CASE, "case_pattern": "("}, "no regular expression"),
        (SHARES, {"by": By.CASE, "case_pattern": "u|o"}, "would get no photo"),
    ],
)
def test_what_cannot_be_divided_is_refused(
    photos: Path, shares: dict[Split, float], more: dict[str, Any], said: str
) -> None:
    """Shares that are none, a pattern that is none, and too few groups."""
    with pytest.raises(DatasetRefused, match=said):
        divided(photos, shares=shares, **more)


def test_ties_reach_through_others() -> None:
    """What is tied to the same photo is tied."""
    assert joined(6, [(0, 2), (4, 2), (5, 3)]) == [0, 1, 0, 3, 0, 3]


def test_a_good_set_has_no_findings(photos: Path) -> None:
    """Whole photos, balanced, each once, all in the taxonomy."""
    found = inspected(photos)
    assert (verdicts(found), found.is_fit) == ({}, True)
    assert (found.photos, found.labels, found.categories) == (60, 3, {"HOME": 40, "TOYS": 20})


def test_overlapping_splits_are_found(tmp_path: Path) -> None:
    """The same photo, or one that looks like it, in train and check: to be mended, with the files' names."""
    for part in ("train", "check"):
        for number, label in enumerate(("mug", "doll")):
            (tmp_path / part / label).mkdir(parents=True)
            for extra in range(5):
                shift = 100 if part == "check" and extra > 1 else 0
                picture(10 * number + extra + shift).save(tmp_path / part / label / f"{extra}.png")
    picture(1).resize((64, 64)).save(tmp_path / "check" / "mug" / "1.png")
    found = inspected(tmp_path)
    assert not found.is_fit
    assert {name for name, verdict in verdicts(found).items() if verdict == "failed"} == {
        "one part",
        "alike, parts",
    }
    (parts,) = [one for one in found.findings if one.name == "one part"]
    assert (str(tmp_path / "check/mug/0.png"), str(tmp_path / "train/mug/0.png")) in parts.photos


def test_what_else_is_wrong_is_found(photos: Path) -> None:
    """Broken, small, double, contradictory, lopsided, rare and unknown: each with its verdict."""
    toys, home = photos / "TOYS" / "doll", photos / "HOME" / "mug"
    for photo in sorted(toys.iterdir())[3:]:
        photo.unlink()
    (home / "broken.jpg").write_bytes(b"no photo")
    picture(900).resize((40, 40)).save(home / "small.png")
    (home / "copy.png").write_bytes((home / "mug0-0.png").read_bytes())
    (toys / "mug.png").write_bytes((home / "mug1-0.png").read_bytes())
    found = inspected(photos, Taxonomy(category_of={"mug": "HOME", "jug": "TOYS"}, thresholds={}))
    assert verdicts(found) == {
        "readable": "failed",
        "size": "warning",
        "balance": "warning",
        "rare labels": "warning",
        "copies": "warning",
        "one label": "failed",
        "taxonomy": "warning",
    }
    assert [one.found for one in found.findings if one.name == "taxonomy"] == [
        "1 labels have no category in it: doll",
        "1 labels are in another category there: jug (HOME here, TOYS there)",
    ]
    assert all(one.todo for one in found.findings if one.verdict is not Verdict.OK)


def test_one_class_is_found(photos: Path) -> None:
    """A set of one label is told as what must be mended, not refused."""
    assert verdicts(inspected(photos / "TOYS"))["labels"] == "failed"
