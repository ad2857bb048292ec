"""The data set of what people have put right."""

import os
from pathlib import Path

from support import Shop, photo
from workbench import opened, rows, sort_all

from refundsorter import settings as configuration
from refundsorter.training.corrections import read_corrections
from refundsorter.training.dataset import Sample
from refundsorter.training.progress import Progress


def sort(shop: Shop, **colours: str) -> None:
    """Sort photos of one colour each, named by the keywords."""
    for seed, (name, colour) in enumerate(colours.items(), start=1):
        shop.drop(f"{name}.jpg", photo(colour, seed=seed))
    with opened(shop) as workshop:
        sort_all(workshop)


def read(shop: Shop, told: list[Progress] | None = None) -> tuple[Sample, ...]:
    """The data set."""
    settings = configuration.load(shop.config, environment={}, overrides={})
    return read_corrections(settings, (told if told is not None else []).append)


def correct(shop: Shop, name: str, category: str) -> Path:
    """Move the photo of that name, and let it be found; where it lies then."""
    (row,) = [row for row in rows(shop) if Path(row["destination"]).name == f"{name}.jpg"]
    target = shop.sorted / category / f"{name}.jpg"
    target.parent.mkdir(exist_ok=True)
    os.rename(row["destination"], target)
    with opened(shop) as workshop:
        workshop.sorter.reconciler.run_once()
    return target


def test_nobody_has_corrected_anything(shop: Shop) -> None:
    """Without a ledger, and without a correction, the data set is empty."""
    assert read(shop) == ()
    sort(shop, apple="red")
    assert read(shop) == ()


def test_the_latest_correction_counts(shop: Shop) -> None:
    """A photo is a sample once, of the category it was put in last, with the model's best label of it."""
    sort(shop, apple="red", pea="green")
    correct(shop, "apple", "PLAIN")
    lies = correct(shop, "apple", "COLD")
    (sample,) = read(shop)
    (row,) = rows(shop, "SELECT * FROM images WHERE label = 'red'")
    assert (sample.path, sample.category, sample.label) == (lies, "COLD", "green")
    assert (sample.source, sample.group) == ("corrections", f"corrections/{row['sha256']}")


def test_a_category_without_a_label(shop: Shop) -> None:
    """In a category that no label of the model belongs to, the category itself is the label."""
    sort(shop, apple="red")
    correct(shop, "apple", "TOYS")
    (sample,) = read(shop)
    assert (sample.category, sample.label) == ("TOYS", "TOYS")


def test_a_photo_put_back_for_review_is_none(shop: Shop) -> None:
    """Who takes a correction back leaves nothing to learn from."""
    sort(shop, apple="red")
    correct(shop, "apple", "COLD")
    correct(shop, "apple", "_review")
    assert read(shop) == ()


def test_what_is_gone_or_changed_is_left_out_and_told(shop: Shop) -> None:
    """A photo that is gone, or whose bytes are others now, is no sample, and a sentence says which."""
    sort(shop, apple="red", pea="green", plum="blue")
    for name in ("apple", "pea", "plum"):
        correct(shop, name, "PLAIN")
    (shop.sorted / "PLAIN" / "apple.jpg").unlink()
    (shop.sorted / "PLAIN" / "pea.jpg").write_bytes(photo("white"))
    told: list[Progress] = []
    assert [sample.path.name for sample in read(shop, told)] == ["plum.jpg"]
    notes = sorted(one.note.partition("PLAIN/")[2] for one in told if one.note)
    assert notes == [
        "apple.jpg: left out, it is gone",
        "pea.jpg: left out, it is not the photo that was sorted",
    ]
