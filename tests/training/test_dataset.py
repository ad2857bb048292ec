from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from refundsorter.training.dataset import (
    DatasetRefused,
    Sample,
    decode,
    read,
    sampling_weights,
    split,
)
from refundsorter.training.progress import Progress


def sample(number: int, *, label: str = "mug", category: str = "HOME", group: str = "") -> Sample:
    """A photo that need not exist."""
    return Sample(
        path=Path(f"{number}.jpg"),
        label=label,
        category=category,
        source="a shop",
        group=group or str(number),
        licence="CC0-1.0",
    )


def test_folders_give_category_and_label(folders: Path) -> None:
    """DATA/<CATEGORY>/<label>/x: the first folder is the category, the second the label."""
    found = {(s.category, s.label) for s in read(folders)}
    assert ("TOOLS", "red disc") in found
    assert ("TOYS", "blue whale") in found


def test_one_level_of_folders_is_label_and_category(folders: Path) -> None:
    """DATA/<label>/x: the label is its own category."""
    assert {(s.category, s.label) for s in read(folders / "TOYS")} == {
        (label, label) for label in ("blue disc", "blue bar", "blue whale")
    }


def test_a_manifest_gives_source_group_and_licence(tmp_path: Path) -> None:
    """A table's columns become what the card and the split need; paths are relative to the table."""
    (tmp_path / "manifest.csv").write_text(
        "path,department,label,source,repository,licence\n"
        "a.jpg,HOME,mug,a shop,someone/shop,MIT\n"
        "b.jpg,HOME,jug,a shop,,\n"
    )
    first, second = read(tmp_path)
    assert (first.path, first.group, first.licence) == (tmp_path / "a.jpg", "someone/shop", "MIT")
    assert (second.group, second.licence) == ("a shop", "not stated")


def test_a_manifest_without_its_columns_is_refused(tmp_path: Path) -> None:
    """The message names the columns that are missing."""
    (tmp_path / "manifest.csv").write_text("file,label\n")
    with pytest.raises(DatasetRefused, match="department"):
        read(tmp_path)


@pytest.mark.parametrize("inside", ["", "SHAPES"])
def test_folders_of_parts_give_the_split(tmp_path: Path, inside: str) -> None:
    """DATA/{train,val,test}/<CATEGORY>/x, also inside an archive's own folder: `test` is called check."""
    for part in ("train", "val", "test"):
        for category in ("TOOLS", "TOYS"):
            folder = tmp_path / inside / part / category
            folder.mkdir(parents=True)
            Image.new("RGB", (40, 40)).save(folder / "0.png")
    found = {(s.category, s.label, s.split, s.source) for s in read(tmp_path)}
    parts = ("train", "val", "check")
    assert found == {(c, c, part, tmp_path.name) for c in ("TOOLS", "TOYS") for part in parts}


def test_without_parts_no_split_is_stated(folders: Path) -> None:
    """Folders of categories leave the split to the training."""
    assert {s.split for s in read(folders)} == {None}


def test_a_category_may_be_called_train(tmp_path: Path) -> None:
    """Where another folder lies beside them, `train` is a category like any other."""
    for category in ("train", "val", "DOLLS"):
        (tmp_path / category).mkdir()
        Image.new("RGB", (40, 40)).save(tmp_path / category / "0.png")
    assert {(s.category, s.split) for s in read(tmp_path)} == {(c, None) for c in ("train", "val", "DOLLS")}


def test_a_manifest_gives_the_split(tmp_path: Path) -> None:
    """A column `split` says the part; what it leaves open stays open."""
    (tmp_path / "manifest.csv").write_text(
        "path,department,split\na.jpg,HOME,train\nb.jpg,TOYS,validation\nc.jpg,TOYS,\n"
    )
    assert [s.split for s in read(tmp_path)] == ["train", "val", None]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            b"a.jpg,HOME,train\na.jpg,HOME,check\nb.jpg,TOYS,\n",
            "a.jpg is listed twice, under 'HOME' of 'train'",
        ),
        (b"a.jpg,HOME,train\nb.jpg\n", "line 3: path or department is empty"),
        (b"a.jpg,HOME,dev\n", "line 2: split is 'dev'; allowed are train, val and check"),
        (b"\xff.jpg,HOME,train\n", "no table in CSV as UTF-8"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(tmp_path: Path, rows: bytes, said: str) -> None:
    """The message names the file and, where there is one, the line."""
    (tmp_path / "manifest.csv").write_bytes(b"path,department,split\n" + rows)
    with pytest.raises(DatasetRefused, match=said) as refused:
        read(tmp_path)
    assert str(tmp_path) in str(refused.value)


def test_one_label_is_refused(tmp_path: Path) -> None:
    """There is nothing to learn from a single label."""
    (tmp_path / "mug").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "mug" / "0.png")
    with pytest.raises(DatasetRefused, match="at least two are needed"):
        read(tmp_path)


def test_a_photo_outside_of_any_label_is_refused(folders: Path) -> None:
    """A photo that lies directly in the data folder has no label; the message names it."""
    with pytest.raises(DatasetRefused, match=r"\.png: a photo outside"):
        read(folders / "TOYS" / "blue whale")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """The message names what is not there."""
    with pytest.raises(DatasetRefused, match="nowhere"):
        read(tmp_path / "nowhere")


def test_no_group_is_on_both_sides() -> None:
    """A split keeps a group whole, and takes about the share asked for."""
    samples = [sample(n, group=f"shop {n % 20}") for n in range(200)]
    held = split(samples, 0.2, seed=3)
    groups = np.array([s.group for s in samples])
    assert not set(groups[held]) & set(groups[~held])
    assert held.sum() == 40


def test_a_source_that_is_nearly_all_of_a_category_is_not_held_out() -> None:
    """Holding it out would leave nothing to learn from."""
    samples = [sample(n, group="big" if n < 90 else f"shop {n}") for n in range(100)]
    held = split(samples, 0.1, seed=0)
    assert not held[:90].any()
    assert held[90:].any()


def test_categories_weigh_the_same() -> None:
    """Ninety photos of one category and ten of another are drawn equally often."""
    samples = [sample(n, category="HOME" if n < 90 else "PETS") for n in range(100)]
    weights = sampling_weights(samples)
    assert weights[:90].sum() == pytest.approx(0.5)
    assert weights.sum() == pytest.approx(1.0)


def test_an_unreadable_photo_is_left_out_and_told(folders: Path) -> None:
    """The rest is decoded to the size asked for, and the note names the file."""
    told: list[Progress] = []
    samples = read(folders)
    kept, pixels = decode(samples, 32, 2, told.append)
    assert len(kept) == len(samples) - 1 == len(pixels)
    assert pixels.shape[1:] == (32, 32, 3)
    assert [p.note for p in told if "broken.jpg" in p.note]


def test_a_photo_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    """Orientation 6 turns the photo a quarter to the right: what was left comes to the top."""
    photo = Image.new("RGB", (40, 20), (0, 0, 0))
    photo.paste((255, 255, 255), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "0.png", exif=exif)
    _, pixels = decode([replace(sample(0), path=tmp_path / "0.png")], 32, 1, lambda _: None)
    assert pixels[0, 2].mean() > 250
    assert pixels[0, -3].mean() < 5


def test_nothing_readable_is_refused() -> None:
    """Data of which not one photo can be read is refused."""
    with pytest.raises(DatasetRefused, match="not one"):
        decode([sample(0)], 32, 1, lambda _: None)


def test_weights_are_a_distribution() -> None:
    """Whatever the counts, the weights are positive and sum to one."""
    draws = np.random.default_rng(0)
    samples = [
        sample(
            n, label=f"l{draws.integers(9)}", category=f"C{draws.integers(3)}", group=f"g{draws.integers(5)}"
        )
        for n in range(300)
    ]
    weights = sampling_weights(samples)
    assert weights.min() > 0
    assert weights.sum() == pytest.approx(1.0)
