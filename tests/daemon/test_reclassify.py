"""`refundsorter reclassify`: another model looks at what is filed already."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from faults.account import take
from support import LABELS, Shop, photo, write_bundle
from workbench import rows

from refundsorter.edges.ledger_report import LedgerReport
from refundsorter.edges.ledger_schema import FILE
from refundsorter.exits import ExitCode

# It takes red for blue, and blue for red: WARM and COLD change places.
SWAPPED = [{"red": "blue", "blue": "red"}.get(label, label) for label in LABELS]


@pytest.fixture
def numbers(shop: Shop) -> dict[str, int]:
    """Photos by their names, sorted by the first model; a second one lies ready."""
    for seed, colour in enumerate(["red", "blue", "green", "white"], start=1):
        shop.drop(f"{colour}.jpg", photo(colour, seed=seed))
    shop.drop("broken.jpg", b"no photo")
    shop.run("sweep")
    write_bundle(shop.base / "models", "2.0.0", active=False, labels=SWAPPED)
    return {Path(row["path"]).stem: row["id"] for row in rows(shop)}


def reclassify(shop: Shop, *arguments: object) -> tuple[int, dict[str, Any]]:
    """Run the command; the exit status and the account."""
    ended = shop.run("reclassify", "--model", "tiny/2.0.0", *map(str, arguments), "--json", check=False)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def folders(shop: Shop) -> dict[str, str]:
    """Where each photo lies, by its name."""
    files = (path for path in shop.sorted.rglob("*.jpg"))
    return {path.stem: path.relative_to(shop.sorted).parts[0] for path in files}


def test_a_rehearsal_says_what_would_move(shop: Shop, numbers: dict[str, int]) -> None:
    """Each change with both folders; nothing is moved, and rejected photos are left out."""
    before = folders(shop)
    status, found = reclassify(shop, "--dry-run")
    assert (status, found["photos"], found["same"], found["dry_run"]) == (0, 4, 2, True)
    assert found["moves"] == {"WARM → COLD": 1, "COLD → WARM": 1}
    assert {one["id"] for one in found["changes"]} == {numbers["red"], numbers["blue"]}
    assert folders(shop) == before
    told = shop.run("reclassify", "--model", "tiny/2.0.0", "--dry-run").stdout
    assert "Nothing was moved. Would be moved: 2." in told


@pytest.mark.parametrize("beside", [False, True])
def test_what_the_model_files_elsewhere_is_moved(shop: Shop, numbers: dict[str, int], beside: bool) -> None:  # noqa: FBT001
    """By this process or by the daemon; the line says by which model, and nobody learns from it."""
    before = shop.photos()
    if beside:
        with shop.daemon() as daemon:
            status, found = reclassify(shop)
            assert daemon.stop() == 0
    else:
        status, found = reclassify(shop)
    assert (status, [one["done"] for one in found["changes"]]) == (0, [True, True])
    assert (folders(shop)["red"], folders(shop)["blue"]) == ("COLD", "WARM")
    line = next(one for one in shop.lines() if one["event"] == "corrected" and one["id"] == numbers["red"])
    assert [line[name] for name in ("from", "to", "how", "by", "model")] == [
        "WARM", "COLD", "reclassified", "tiny/2.0.0", "tiny/1.0.0"
    ]  # fmt: skip
    with closing(LedgerReport(str(shop.state / FILE))) as report:
        assert list(report.corrected()) == []
    assert reclassify(shop)[1]["changes"] == []
    take(shop, before)


def test_what_people_put_right_stays(shop: Shop, numbers: dict[str, int]) -> None:
    """It is not looked at; by a selection only what fits is."""
    shop.run("correct", str(numbers["red"]), "PLAIN")
    _, found = reclassify(shop)
    assert (found["put_right"], found["photos"]) == (1, 3)
    assert folders(shop)["red"] == "PLAIN"
    _, found = reclassify(shop, "--category", "WARM")
    assert (found["photos"], found["same"]) == (1, 1)


def test_what_the_model_doubts_stays(shop: Shop, numbers: dict[str, int]) -> None:
    """No filed photo goes to review because another model is not sure of it."""
    assert numbers
    taxonomy = shop.config.parent / "taxonomy.yaml"
    taxonomy.write_text(taxonomy.read_text().replace("  COLD:\n", "  COLD:\n    threshold: 1.0\n"))
    _, found = reclassify(shop)
    assert (found["doubted"], found["moves"]) == (2, {"COLD → WARM": 1})
    assert folders(shop)["red"] == "WARM"


def test_many_are_asked_for_twice_and_a_wrong_model_is_refused(shop: Shop) -> None:
    """Above a hundred photos it wants a word more; a bundle that is not there is named."""
    for seed in range(101):
        shop.drop(f"{seed}.jpg", photo("red", seed=seed + 1))
    shop.run("sweep")
    many = shop.run("reclassify", check=False)
    assert (many.returncode, "--dry-run" in many.stderr) == (ExitCode.USAGE, True)
    wrong = shop.run("reclassify", "--model", "tiny/9.9.9", "--dry-run", check=False)
    assert wrong.returncode != 0
    assert "9.9.9" in wrong.stderr
