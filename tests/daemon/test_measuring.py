"""`evaluate` and `models diff` as a person and as a program meet them."""

import json
from pathlib import Path

from support import CATEGORY_OF, COLOURS, COMMAND, Shop, photo
from terminal import run_on_terminal
from trials import lay, variant

HOSTILE = "\x1b[2J<b>.jpg"
ALL = {f"{CATEGORY_OF[colour]}/{colour}.jpg": colour for colour in COLOURS}
WRONG = {f"WARM/{HOSTILE}": "blue"}


def test_evaluate_tells_figures_and_writes_a_page(shop: Shop, tmp_path: Path) -> None:
    """Five photos of six are right: the table says so, names the mistake without its escape, and exits 0."""
    data = lay(tmp_path / "data", ALL | WRONG)
    done = shop.run("evaluate", str(data), "--html", str(tmp_path / "page.html"))
    assert "tiny/1.0.0 on 6 photos" in done.stdout
    assert "83.3%" in done.stdout
    assert "5 of 6" in done.stdout
    assert r"\x1b[2J<b>.jpg" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == f"The page is {tmp_path / 'page.html'}.\n"
    assert "&lt;b&gt;.jpg" in (tmp_path / "page.html").read_text()


def test_evaluate_in_json_has_the_schema_of_the_page(shop: Shop, tmp_path: Path) -> None:
    """One object, with these keys; a program that reads them may rely on it."""
    found = json.loads(shop.run("evaluate", str(lay(tmp_path / "data", ALL | WRONG)), "--json").stdout)
    assert list(found) == [
        *(
            "schema",
            "model",
            "photos",
            "unreadable",
            "thresholds",
            "measure",
            "held_back",
            "sources",
            "mistakes",
        ),
    ]
    assert (found["schema"], found["photos"]) == (1, 6)
    assert list(found["measure"]) == [
        *("right", "top3", "macro_f1", "filed", "filed_right", "promise", "chosen", "categories"),
        *("confusion", "reliability", "curve"),
    ]
    assert list(found["measure"]["right"]) == ["hits", "of", "share", "low", "high"]
    assert found["measure"]["confusion"]["counts"] == [[2, 0, 0], [0, 2, 0], [1, 0, 1]]
    assert list(found["mistakes"][0]) == [
        *("path", "category", "category_confidence", "predicted", "label", "confidence", "filed"),
    ]


def test_evaluate_measures_the_bundle_that_is_named(shop: Shop, tmp_path: Path) -> None:
    """With red and blue exchanged, the other bundle has red and blue wrong, and the active one has not."""
    other = variant(shop, labels=["blue", "green", "red", "white", "black"])
    data = str(lay(tmp_path / "data", ALL))
    rights = [
        json.loads(shop.run("evaluate", data, "--json", *flags).stdout)["measure"]["right"]["hits"]
        for flags in ((), ("--model", other))
    ]
    assert rights == [5, 3]


def test_evaluate_with_a_broken_photo_ends_with_3(shop: Shop, tmp_path: Path) -> None:
    """The others are measured; the broken one is named on standard error, with JSON too."""
    data = lay(tmp_path / "data", ALL)
    (data / "WARM" / "broken.jpg").write_bytes(photo("red")[:200])
    done = shop.run("evaluate", str(data), "--json", check=False)
    assert done.returncode == 3
    assert json.loads(done.stdout)["photos"] == 5
    assert done.stderr.startswith(f"refundsorter: {data}/WARM/broken.jpg: left out: ")


def test_what_cannot_be_evaluated_is_refused(shop: Shop, tmp_path: Path) -> None:
    """No photos named, an unknown category, a page in no folder: each says what to do."""
    data = str(lay(tmp_path / "data", {**ALL, "HOT/a.jpg": "red"}))
    for arguments, status, words in (
        ((), 2, "name the photos to measure on"),
        ((data,), 1, "the taxonomy has no category HOT"),
        ((data, "--html", str(tmp_path / "none" / "page.html")), 1, "make it first"),
    ):
        done = shop.run("evaluate", *arguments, check=False)
        assert (done.returncode, done.stdout) == (status, ""), arguments
        assert words in done.stderr


def test_evaluate_shows_its_progress_on_a_terminal(shop: Shop, tmp_path: Path) -> None:
    """On a terminal a bar counts the photos; the answer stands below it, and no number is cut short."""
    data = lay(tmp_path / "data", ALL)
    status, shown = run_on_terminal(
        [*COMMAND, "evaluate", str(data), "--config", str(shop.config)], columns=60
    )
    assert status == 0
    assert "…" not in shown
    assert "measuring" in shown
    assert "tiny/1.0.0 on 5 photos" in shown


def test_diff_compares_two_bundles_on_a_folder(shop: Shop, tmp_path: Path) -> None:
    """Red and blue exchanged: two of five photos change category; table and JSON agree."""
    other = variant(shop, labels=["blue", "green", "red", "white", "black"])
    folder = str(lay(tmp_path / "photos", {f"{colour}.jpg": colour for colour in COLOURS}))
    table = shop.run("models", "diff", "tiny/1.0.0", other, folder).stdout
    assert "tiny/1.0.0 → tiny/2.0.0, on 5 photos." in table
    assert "3 of 5" in table
    found = json.loads(shop.run("models", "diff", "tiny/1.0.0", other, folder, "--json").stdout)
    assert list(found) == [
        *("schema", "before", "after", "photos", "unreadable", "same_category", "filed_before"),
        *("filed_after", "outcomes", "changes", "disagreements"),
    ]
    assert sorted(Path(pair["path"]).name for pair in found["disagreements"]) == ["blue.jpg", "red.jpg"]


def test_diff_takes_the_last_photos_of_the_ledger(shop: Shop) -> None:
    """Of five photos that were sorted two have been taken away: three are compared; a copy is not."""
    other = variant(shop)
    for number, colour in enumerate(COLOURS, start=1):
        shop.drop(f"{number}.jpg", photo(colour, seed=number))
    shop.run("sweep")
    shop.drop("copy.jpg", photo("red", seed=1))
    shop.run("sweep")
    for taken in ("WARM/1.jpg", "PLAIN/4.jpg"):
        (shop.sorted / taken).unlink()
    for last, compared in ((10, 3), (2, 2)):
        done = shop.run("models", "diff", "tiny/1.0.0", other, "--last", str(last), "--json")
        assert json.loads(done.stdout)["same_category"]["of"] == compared


def test_diff_says_what_it_needs(shop: Shop, tmp_path: Path) -> None:
    """Folder and number at once, or a ledger without photos: nothing is compared."""
    other = variant(shop)
    for arguments, status, words in (
        ((str(tmp_path), "--last", "3"), 2, "name a folder of photos, or say --last N"),
        (("--last", "3"), 1, "the ledger knows no photo yet"),
    ):
        done = shop.run("models", "diff", "tiny/1.0.0", other, *arguments, check=False)
        assert (done.returncode, done.stdout) == (status, ""), arguments
        assert words in done.stderr
