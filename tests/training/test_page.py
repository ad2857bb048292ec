import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from pages import Reader
from support import Shop
from trials import evaluate, lay

from refundsorter.core.page import POLICY
from refundsorter.training import charts, page
from refundsorter.training.evaluate import Measure, measure
from refundsorter.training.trial import Mistake, SourceScore, Unread

HOSTILE = '"><script>alert(1)</script>&\x1b[2J\udcff'


def measured(names: tuple[str, ...]) -> Measure:
    """Some photos of categories with these names, a few of them mistaken."""
    draws = np.random.default_rng(1)
    odds = draws.dirichlet(np.full(len(names), 0.3), 60)
    truth = np.where(draws.random(60) < 0.8, odds.argmax(axis=1), draws.integers(0, len(names), 60))
    return measure(odds, truth, names, dict.fromkeys(names, 0.8))


def test_a_page_needs_nothing_but_itself(shop: Shop, tmp_path: Path) -> None:
    """It is well formed, has a policy that allows no script and no network, and names no other place."""
    data = lay(tmp_path / "data", {"COLD/a.jpg": "red", "COLD/b.jpg": "blue", "WARM/c.jpg": "red"})
    reader = Reader(page.render(evaluate(shop, data)))
    assert reader.open == []
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}) in reader.tags
    assert {"script", "link", "iframe", "object", "form", "a"}.isdisjoint(tag for tag, _ in reader.tags)
    targets = [v or "" for _, found in reader.tags for k, v in found.items() if k in ("src", "href")]
    assert len(targets) == 1
    assert targets[0].startswith("data:image/jpeg;base64,")
    assert not any(key.startswith("on") for _, found in reader.tags for key in found)
    assert "url(" not in page.STYLE


def test_the_figures_stand_on_the_page(shop: Shop, tmp_path: Path) -> None:
    """Two of three photos are right, and the mistake is told with both categories."""
    data = lay(tmp_path / "data", {"COLD/a.jpg": "red", "COLD/b.jpg": "blue", "WARM/c.jpg": "red"})
    words = Reader(page.render(evaluate(shop, data))).words
    assert "tiny/1.0.0 on 3 photos" in words
    assert "66.7%2 of 321% to 94%" in words
    assert re.search(r"filed as WARM \d+% \(red\)is COLD \d+%", words)


def test_hostile_names_are_text(shop: Shop, tmp_path: Path) -> None:
    """Names of files, categories, labels and sources add no tag, no control character and no bad byte."""
    data = lay(tmp_path / "data", {"COLD/a.jpg": "red", "COLD/b.jpg": "blue", "WARM/c.jpg": "red"})
    found = evaluate(shop, data)
    share = found.measure.right
    mistake = Mistake(
        path=HOSTILE,
        category=HOSTILE,
        category_confidence=0.1,
        predicted=HOSTILE,
        label=HOSTILE,
        confidence=0.9,
        filed=True,
    )
    hostile = replace(
        found,
        model=HOSTILE,
        measure=measured((HOSTILE, f"{HOSTILE}2", "C")),
        thresholds={HOSTILE: 0.5, f"{HOSTILE}2": 0.5, "C": 0.5},
        unreadable=(Unread(path=HOSTILE, why=HOSTILE),),
        sources={HOSTILE: SourceScore(right=share, filed=share, filed_right=share)},
        mistakes=(mistake,),
    )
    content = page.render(hostile)
    reader = Reader(content)
    assert reader.open == []
    assert "script" not in {tag for tag, _ in reader.tags}
    assert r"<script>alert(1)</script>&\x1b[2J\xff" in reader.words
    assert "\x1b" not in content
    content.encode()  # which a lone surrogate would not allow


def test_a_page_is_written_whole_or_not_at_all(shop: Shop, tmp_path: Path) -> None:
    """An older page is replaced; what is no place for a page is refused before any work."""
    target = tmp_path / "page.html"
    target.write_text("old")
    found = evaluate(shop, lay(tmp_path / "data", {"COLD/a.jpg": "red", "WARM/c.jpg": "red"}))
    page.refuse(target)
    page.write(target, found)
    assert target.read_text() == page.render(found)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    for wrong in (tmp_path / "none" / "page.html", tmp_path):
        with pytest.raises(page.PageRefused, match=r"folder|no file"):
            page.refuse(wrong)


@pytest.mark.parametrize("count", [2, 9, 60])
def test_charts_are_well_formed_and_stay_on_their_paper(count: int) -> None:
    """Whatever the number of categories and their names, every mark lies within the picture."""
    names = tuple(sorted(f"{HOSTILE}{'LONG_' * index}" for index in range(count)))
    drawn = charts.charts(measured(names))
    assert tuple(drawn) == charts.CHARTS
    for chart in drawn.values():
        root = ET.fromstring(chart)
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
            *("svg", "title", "style", "rect", "path", "circle", "text"),
        }
        for name, most in (("x", width), ("y", height), ("cx", width), ("cy", height)):
            places = [float(element.attrib[name]) for element in root.iter() if name in element.attrib]
            assert all(0 <= place <= most for place in places)


def test_a_chart_draws_each_category_and_each_bin_once() -> None:
    """As many bars as categories with photos, as many points as bins, a number a count in the matrix."""
    found = measured(("A", "B", "C"))
    drawn = {name: ET.fromstring(chart) for name, chart in charts.charts(found).items()}

    def kinds(name: str, kind: str) -> int:
        return sum(element.attrib.get("class") == kind for element in drawn[name].iter())

    assert kinds("recall", "bar") == len(found.categories)
    assert kinds("reliability", "mark") == len(found.reliability.bins)
    counts = [count for row in found.confusion.counts for count in row if count]
    assert kinds("confusion", "hit") + kinds("confusion", "miss") == len(counts)
    assert found.chosen is not None
    assert kinds("precision-coverage", "mark") == 2  # the point that was chosen, and its legend
