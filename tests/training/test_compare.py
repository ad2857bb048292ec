from pathlib import Path

import pytest
from support import Shop
from trials import judge, lay, variant

from refundsorter.training.compare import Comparison, ComparisonRefused, Side, compare, photos_in

ALL = {f"{colour}.jpg": colour for colour in ("red", "green", "blue", "white", "black")}


def compared(shop: Shop, folder: Path, other: str) -> Comparison:
    """The shop's bundle and another one on a folder's photos."""
    first, second = (Side(stored=stored, rules=rules) for stored, rules in (judge(shop), judge(shop, other)))
    return compare(first, second, photos_in(folder), workers=2, on_progress=lambda _done, _found: None)


def test_the_same_model_never_disagrees_with_itself(shop: Shop, tmp_path: Path) -> None:
    """Another version with the same weights and manifest: no change of any kind."""
    found = compared(shop, lay(tmp_path / "photos", ALL), variant(shop))
    assert (found.before, found.after, found.photos) == ("tiny/1.0.0", "tiny/2.0.0", 5)
    assert (found.same_category.hits, found.changes, found.disagreements) == (5, (), ())
    assert found.outcomes == {"same": 5, "filed_elsewhere": 0, "no_longer_filed": 0, "newly_filed": 0}


def test_another_category_is_told_with_both_answers(shop: Shop, tmp_path: Path) -> None:
    """Red and green exchanged: two photos are filed elsewhere, one in each direction."""
    other = variant(shop, labels=["green", "red", "blue", "white", "black"])
    found = compared(shop, lay(tmp_path / "photos", ALL), other)
    assert found.same_category.hits == 3
    assert {(one.before, one.after, one.photos) for one in found.changes} == {
        ("WARM", "COLD", 1),
        ("COLD", "WARM", 1),
    }
    told = {Path(p.path).name: (p.outcome.value, p.before.label, p.after.label) for p in found.disagreements}
    assert told == {
        "red.jpg": ("filed_elsewhere", "red", "green"),
        "green.jpg": ("filed_elsewhere", "green", "red"),
    }


def test_what_only_one_of_them_files_is_counted(shop: Shop, tmp_path: Path) -> None:
    """The second asks for certainty of COLD: green and blue are filed no longer; back, newly filed."""
    other = variant(shop, thresholds={"COLD": 1.0})
    folder = lay(tmp_path / "photos", ALL)
    found = compared(shop, folder, other)
    assert (found.filed_before.hits, found.filed_after.hits, found.same_category.hits) == (5, 3, 5)
    assert found.outcomes["no_longer_filed"] == 2
    assert found.changes == ()
    first, second = (Side(stored=stored, rules=rules) for stored, rules in (judge(shop, other), judge(shop)))
    back = compare(first, second, photos_in(folder), workers=1, on_progress=lambda _done, _found: None)
    assert back.outcomes["newly_filed"] == 2


def test_photos_that_cannot_be_read_are_left_out(shop: Shop, tmp_path: Path) -> None:
    """One broken photo among five is named; where all are broken there is nothing to compare."""
    folder = lay(tmp_path / "photos", ALL)
    (folder / "broken.jpg").write_bytes(b"no photo")
    other = variant(shop)
    found = compared(shop, folder, other)
    assert (found.photos, [Path(one.path).name for one in found.unreadable]) == (5, ["broken.jpg"])
    (tmp_path / "broken").mkdir()
    (folder / "broken.jpg").rename(tmp_path / "broken" / "broken.jpg")
    with pytest.raises(ComparisonRefused, match=r"not one photo .*broken\.jpg: not_an_image"):
        compared(shop, tmp_path / "broken", other)


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    """Neither an empty folder nor a name that is none gives a comparison."""
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.raises(ComparisonRefused, match="holds no photo"):
        photos_in(tmp_path)
    with pytest.raises(ComparisonRefused, match="is no folder"):
        photos_in(tmp_path / "none")
