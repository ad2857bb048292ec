from pathlib import Path

import numpy as np
import pytest

from refundsorter.training.head import NOTHING
from refundsorter.training.imagenet import CLASSES, read_departments
from refundsorter.training.prior import LABELS, PriorRefused, prior_columns, read_prior, unique


def written(folder: Path, classes: int = CLASSES) -> Path:
    """A classifier of four features, with names."""
    file = folder / "head.npz"
    kernel = np.arange(4 * classes, dtype=np.float16).reshape(4, classes)
    np.savez(file, kernel=kernel, bias=np.arange(classes, dtype=np.float32))
    (folder / LABELS).write_text("".join(f"thing {number}, also so\n" for number in range(classes)))
    return file


def test_the_classes_of_products_keep_their_columns(tmp_path: Path) -> None:
    """Each kept class has its own column, bias and name; what the mapping leaves out has none."""
    prior = read_prior(written(tmp_path))
    kept = list(read_departments())
    assert prior.bias.tolist() == kept
    assert prior.kernel[0].tolist() == np.arange(CLASSES, dtype=np.float16)[kept].tolist()
    assert prior.names[0] == f"thing {kept[0]}"


def test_classes_of_other_departments_are_left_out(tmp_path: Path) -> None:
    """With two of the departments: their classes, and those of no product."""
    columns = prior_columns(read_prior(written(tmp_path)), ("ELECTRONICS", "GROCERY"), ())
    assert columns is not None
    assert set(columns.categories.tolist()) == {0, 1, NOTHING}
    wanted = [place for place in read_departments().values() if place in (None, "ELECTRONICS", "GROCERY")]
    assert len(columns.labels) == len(wanted) == columns.kernel.shape[1]


def test_categories_of_a_company_take_nothing_from_it(tmp_path: Path) -> None:
    """None of the categories is a department that the mapping knows: no column."""
    assert prior_columns(read_prior(written(tmp_path)), ("BOLTS", "NUTS"), ()) is None


def test_names_are_made_unlike_each_other_and_ours() -> None:
    """A name that is taken says where it comes from, and a second one is numbered."""
    assert unique(["crane", "crane", "laptop", "pen"], ["laptop"]) == (
        "crane", "crane (ImageNet)", "laptop (ImageNet)", "pen",
    )  # fmt: skip


@pytest.mark.parametrize("wrong", ["missing", "no archive", "classes", "names"])
def test_another_file_is_refused_by_name(tmp_path: Path, wrong: str) -> None:
    """Missing, no archive, other classes, or without its names: the message says which file."""
    file = written(tmp_path, 10 if wrong == "classes" else CLASSES)
    if wrong == "missing":
        file.unlink()
    elif wrong == "no archive":
        file.write_bytes(b"nothing")
    elif wrong == "names":
        (tmp_path / LABELS).write_text("one\n")
    with pytest.raises(PriorRefused, match=r"head\.npz"):
        read_prior(file)
