from pathlib import Path

import pytest

from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.training import imagenet

TAXONOMY = Path(__file__).parents[2] / "config" / "taxonomy.yaml"


def test_every_department_is_one_of_the_taxonomy() -> None:
    """All of the shipped taxonomy's categories occur, and no other."""
    found = {department for department in imagenet.read_departments().values() if department}
    assert found == set(read_taxonomy(TAXONOMY).categories)


def test_classes_are_filed_passed_over_or_left_out() -> None:
    """Dogs are for pet supplies; a vehicle's column is of no department; other animals have no column."""
    found = imagenet.read_departments()
    assert len(imagenet.DEFAULT.read_text().splitlines()) == imagenet.CLASSES + 1
    assert len(found) == 731
    assert found[152] == "PET_SUPPLIES"
    assert found[0] is None
    assert found[408] is None
    assert 3 not in found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("class,department", "number,department", "line 1:"),
        ("\n7,", "\n8,", "line 9: expected class 7"),
        ("\n1000,HOME_KITCHEN_TOOLS", "", "found 1000 classes"),
        ("\n0,none", "\n0,", "line 2:"),
        ("\n0,none", "\n0,none,more", "line 2:"),
    ],
)
def test_a_wrong_mapping_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    """The message names the file and the line."""
    file = tmp_path / "mapping.csv"
    text = imagenet.DEFAULT.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(imagenet.MappingRefused, match=rf"mapping\.csv: .*{told}|mapping\.csv: {told}"):
        imagenet.read_departments(file)


def test_a_missing_mapping_is_told(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(imagenet.MappingRefused, match="nowhere"):
        imagenet.read_departments(tmp_path / "nowhere.csv")
