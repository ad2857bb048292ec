from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import Shop, make_shop, photo
from trials import CATEGORIES, evaluate, judge, lay

from refundsorter.training.dataset import DatasetRefused
from refundsorter.training.reading import category_odds, label_odds, verdicts
from refundsorter.training.served import ask

# Two of each category; one of WARM is blue, which the model takes for COLD.
PHOTOS = {
    "COLD/a.jpg": "green",
    "COLD/b.jpg": "blue",
    "PLAIN/c.jpg": "white",
    "PLAIN/d.jpg": "black",
    "WARM/e.jpg": "red",
    "WARM/f.jpg": "blue",
}


def test_a_model_is_measured_on_folders(shop: Shop, tmp_path: Path) -> None:
    """Five of six photos are right, and the sixth is the one mistake, with what was said of it."""
    found = evaluate(shop, lay(tmp_path / "data", PHOTOS))
    assert (found.photos, found.measure.right.hits, found.unreadable) == (6, 5, ())
    (mistake,) = found.mistakes
    assert Path(mistake.path).name == "f.jpg"
    assert (mistake.category, mistake.predicted, mistake.label) == ("WARM", "COLD", "blue")
    assert mistake.filed
    assert mistake.confidence > 0.9
    assert mistake.category_confidence < 0.1


def test_an_unreadable_photo_is_left_out_and_told(shop: Shop, tmp_path: Path) -> None:
    """Two files that are no photos change no figure; each is named with the reason."""
    data = lay(tmp_path / "data", PHOTOS)
    (data / "WARM" / "0.jpg").write_bytes(b"no photo")
    (data / "WARM" / "g.jpg").write_bytes(photo("red")[:300])
    found = evaluate(shop, data)
    assert [Path(one.path).name for one in found.unreadable] == ["0.jpg", "g.jpg"]
    assert found.unreadable[0].why.startswith("not_an_image")
    assert (found.photos, found.measure.right.hits) == (6, 5)


def test_a_category_that_the_taxonomy_lacks_is_named(shop: Shop, tmp_path: Path) -> None:
    """The message has the category, a photo of it, and what there is instead."""
    data = lay(tmp_path / "data", {**PHOTOS, "LUKEWARM/x.jpg": "red"})
    with pytest.raises(DatasetRefused, match=r"no category LUKEWARM .*x\.jpg.*COLD, PLAIN, WARM"):
        evaluate(shop, data)


def test_where_nothing_can_be_read_the_first_reason_is_told(shop: Shop, tmp_path: Path) -> None:
    """No figure is made of nothing."""
    for folder in ("COLD", "WARM"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "a.jpg").write_bytes(b"")
    with pytest.raises(DatasetRefused, match=r"not one photo .*COLD/a\.jpg: empty"):
        evaluate(shop, tmp_path / "data")


def test_what_is_no_product_is_to_be_held_back(shop: Shop, tmp_path: Path) -> None:
    """Of two photos in `_review` the red one is filed, which is a mistake; no other figure counts them."""
    data = lay(tmp_path / "data", {**PHOTOS, "_review/red.jpg": "red"})
    grey = BytesIO()
    Image.new("RGB", (40, 40), (128, 128, 128)).save(grey, "PNG")
    (data / "_review" / "grey.png").write_bytes(grey.getvalue())
    found = evaluate(shop, data)
    assert (found.held_back.hits, found.held_back.of) == (1, 2)
    assert (found.photos, found.measure.right.of, found.measure.right.hits) == (6, 6, 5)
    assert [(Path(one.path).name, one.category) for one in found.mistakes if one.category == "_review"] == [
        ("red.jpg", "_review")
    ]


def test_without_any_product_there_is_nothing_to_measure(shop: Shop, tmp_path: Path) -> None:
    """Photos that belong to no category, and no others, are refused with what to add."""
    data = lay(tmp_path / "data", {"_review/faces/a.jpg": "red", "_review/rooms/b.jpg": "blue"})
    with pytest.raises(DatasetRefused, match="add photos of categories"):
        evaluate(shop, data)


def test_sources_are_told_apart(shop: Shop, tmp_path: Path) -> None:
    """A table names two sources: each has its own counts."""
    lay(tmp_path, PHOTOS)
    rows = [f"{name},{name.split('/')[0]},{'web' if name < 'P' else 'shop'}" for name in PHOTOS]
    (tmp_path / "photos.csv").write_text("\n".join(["path,department,source", *rows]))
    found = evaluate(shop, tmp_path / "photos.csv")
    counts = {name: (score.right.hits, score.right.of) for name, score in found.sources.items()}
    assert counts == {"shop": (3, 4), "web": (2, 2)}


def test_one_source_needs_no_table(shop: Shop, tmp_path: Path) -> None:
    """Folders name no sources: nothing is said about them."""
    assert evaluate(shop, lay(tmp_path / "data", PHOTOS)).sources == {}


def test_a_label_without_category_counts_for_none(tmp_path: Path) -> None:
    """Black has no category: a black photo's probabilities sum to nearly nothing, and it is not filed."""
    shop = make_shop(
        tmp_path / "shop",
        taxonomy="categories: {WARM: {labels: [red]}, COLD: {labels: [green, blue, white]}}",
    )
    stored, rules = judge(shop)
    lay(tmp_path, {"black.jpg": "black", "red.jpg": "red"})
    answers = ask([stored], [tmp_path / "black.jpg", tmp_path / "red.jpg"], 1, lambda _done, _found: None)
    odds = label_odds(np.stack([answer[0] for answer in answers if not isinstance(answer, str)]), rules)
    sums = category_odds(odds, rules.interpretation, CATEGORIES).sum(axis=1)
    assert sums[0] < 0.1
    assert 0.9 < sums[1] <= 1
    assert [verdict.filed for verdict in verdicts(odds, rules)] == [False, True]


def test_what_is_measured_is_what_serving_says(shop: Shop, tmp_path: Path) -> None:
    """Confidence, category and label are those of `classify`, to the last digit that it prints."""
    data = lay(tmp_path / "data", PHOTOS)
    stored, rules = judge(shop)
    paths = sorted(data.rglob("*.jpg"))
    logits = ask([stored], paths, 2, lambda _done, _found: None)
    rows = np.stack([answer[0] for answer in logits if not isinstance(answer, str)])
    served = rules.interpretation.answers(rows, [(1, 1)] * len(rows))
    assert [
        (one.category, one.label, one.confidence) for one in verdicts(label_odds(rows, rules), rules)
    ] == [(one.category, one.label, one.confidence) for one in served]


def test_progress_counts_every_photo(shop: Shop, tmp_path: Path) -> None:
    """After each photo it is told how many are done, and of how many."""
    paths = sorted(lay(tmp_path / "data", PHOTOS).rglob("*.jpg"))
    told: list[tuple[int, int]] = []
    ask([judge(shop)[0]], paths, 2, lambda done, found: told.append((done, found)))
    assert told == [(done, 6) for done in range(1, 7)]
