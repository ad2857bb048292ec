"""The report of photos that were really swept, under names that are meant to harm."""

import base64
import io
import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pages import Reader
from PIL import Image
from support import Shop, make_shop, photo
from workbench import AT_ONCE, fence, opened, sort_all

from refundsorter import settings as configuration
from refundsorter.edges.ledger_day import LedgerDay
from refundsorter.edges.ledger_reading import Reader as LedgerReader
from refundsorter.edges.ledger_schema import FILE
from refundsorter.report import make

NAMES = (
    "<script>alert(1)<\u2215script>.jpg",
    '"><img src=x onerror=alert(1)>.jpg',
    "=HYPERLINK(0).jpg",
    "line\nbreak\t.jpg",
    "'quote' & \"quote\".jpg",
    os.fsdecode(b"caf\xe9.jpg"),
    "\u202egpj.jpg",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop that has swept photos whose names are hostile, every second one cut short."""
    shop = make_shop(tmp_path_factory.mktemp("report"))
    shop.config.write_text(AT_ONCE + "sweep: {timezone: UTC}\n")
    for number, name in enumerate(NAMES):
        content = photo("red", size=(640, 480), seed=number + 1)
        shop.drop(name, content[: len(content) * 2 // 3] if number % 2 else content)
    shop.drop("text.jpg", b"no picture at all")
    with opened(shop) as workshop:
        sort_all(workshop)
    return shop


@pytest.fixture(scope="module")
def page(shop: Shop) -> str:
    """Its page for today."""
    settings = configuration.load(shop.config, environment={}, overrides={})
    now = time.time()
    made = make(settings, datetime.fromtimestamp(now, UTC).date(), now=now, fence=fence())
    assert (made.account.came_in, made.account.adds_up) == (len(NAMES) + 1, True)
    return Path(made.html).read_text(encoding="utf-8")


def report_of(shop: Shop) -> dict[str, Any]:
    """What was written."""
    (file,) = (shop.sorted / "_reports").glob("*.json")
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found


def test_no_name_is_obeyed(page: str) -> None:
    """Every one is on the page as it can be shown, and none has become a tag."""
    reader = Reader(page)
    assert {"script", "a", "form"}.isdisjoint(tag for tag, _ in reader.tags)
    assert all("onerror" not in attributes for _, attributes in reader.tags)
    for told in (
        "<script>alert(1)<",
        '"><img src=x onerror=alert(1)>.jpg',
        "line\\nbreak\\t.jpg",
        "caf\\xe9.jpg",
    ):
        assert told in reader.words


def test_what_is_left_of_a_rejected_photo_is_seen(shop: Shop, page: str) -> None:
    """A photo that was cut short shows its beginning, in its own proportions; what is none shows nothing."""
    found = report_of(shop)
    assert found["rejected"] == {"truncated": 3, "not_an_image": 1}
    by_id = {str(one["id"]): one["reason"] for one in found["refused"]}
    pictures = found["recorded"]["pictures"]
    assert {by_id[number] for number in pictures} == {"truncated"}
    for encoded in pictures.values():
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as picture:
            assert picture.size == (160, 120)
            red, green, blue = picture.convert("RGB").getpixel((80, 5))  # type: ignore[misc]
            assert (red > 200, green < 60, blue < 60) == (True, True, True)
    assert page.count("data:image/jpeg;base64,") == 3
    assert "text.jpgnot_an_image: " in Reader(page).words


@pytest.mark.usefixtures("page")
def test_a_report_is_no_photo(shop: Shop) -> None:
    """Who makes the ledger anew from the shelf finds none that has no line."""
    kept = shop.state.rename(shop.base / "kept")
    found = json.loads(shop.run("ledger", "rebuild", "--dry-run", "--json").stdout)
    shutil.rmtree(shop.state, ignore_errors=True)
    kept.rename(shop.state)
    assert (found["on_shelf"], found["without_line"]) == (len(NAMES) + 1, [])


def test_no_query_reads_the_whole_history(shop: Shop) -> None:
    """Each finds its photos by the index of time, or by that of what is at work; people's words are few."""

    class Noted:
        """A reader that tells how SQLite finds the rows of every query."""

        def __init__(self) -> None:
            self.plans: list[str] = []
            self.reader = LedgerReader(str(shop.state / FILE))

        def run(self, query: str, parameters: Any = ()) -> Any:
            """Look at the plan, and run it."""
            self.plans += [
                row["detail"] for row in self.reader.run(f"EXPLAIN QUERY PLAN {query}", parameters)
            ]
            return self.reader.run(query, parameters)

        each = run

    noted = Noted()
    day: Any = LedgerDay(noted, 0.0, 1e10)  # type: ignore[arg-type]
    for read in ("count", "groups", "waiting", "answered", "reasons", "times", "models", "owed", "first"):
        getattr(day, read)()
    for read in ("moves", "judged"):
        getattr(day, read)()
    for read in ("oldest", "refused", "slowest"):
        getattr(day, read)(3)
    day.busiest(60.0)
    day.backlog(1e10)
    scans = {one for one in noted.plans if one.startswith("SCAN")}
    assert {one for one in scans if "images" in one} <= {"SCAN images USING INDEX one_open_per_path"}
    assert any("SEARCH images USING INDEX by_time (finished_at>" in one for one in noted.plans)
