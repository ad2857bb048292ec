"""The page of a day's report, and its table."""

import csv
import io
from datetime import UTC, date

import pytest
from pages import Reader

from refundsorter.core.day_facts import (
    BEFORE,
    Answered,
    Drifted,
    Facts,
    Group,
    Move,
    Recorded,
    Refused,
    Room,
    Shifted,
    Slow,
    Waits,
)
from refundsorter.core.local_day import local_day
from refundsorter.core.page import POLICY
from refundsorter.core.report import Report, report
from refundsorter.core.report_page import render
from refundsorter.core.report_table import rows
from refundsorter.core.share import Share
from refundsorter.core.table import FORMULA, csv_rows

HOSTILE = '=1+1"><script>alert(1)</script>&\x1b[2J\r\n\u202e\udcff'
DAY = local_day(date(2026, 6, 1), UTC)


def made(name: str, *, filed: int = 7, pictures: dict[str, str] | None = None) -> Report:
    """A report in which every text is this one."""
    share = Share(hits=1, of=2)
    shifted = Shifted(
        what=name, photos=1, reference=2, psi=0.5, low=0.1, high=0.9, chance=0.2, verdict=name, moved=(name,)
    )
    facts = Facts(
        filed=filed,
        groups=[
            Group(source=name, hour=3, state="sorted", photos=4),
            Group(source=name, hour=BEFORE, state="review", photos=2),
            Group(source="scan", hour=23, state="rejected", photos=1),
        ],
        answered=[Answered(category=name, sorted=4, review=2, confidence=4.5)],
        usual=[Answered(category="", sorted=28, review=0, confidence=14.0)],
        usual_days=28,
        reasons={name: 1},
        refused=[
            Refused(id=1, file=name, reason=name, detail=name),
            Refused(id=2, file=name, reason=name, detail=name),
        ],
        slowest=[Slow(id=1, file=name, state="sorted", total_s=9000.0, queued_s=130.0, attempts=2)],
        latency={
            stage: {"p50": 1.0, "p90": 2.0, "p99": 3.0}
            for stage in ("total_s", "queued_s", "decode_ms", "infer_ms", "move_ms")
        },
        busiest_hour=(3, 4),
        busiest_minute=(185, 4),
        models={name: 7},
        moves=[Move(origin=name, category=name, photos=1), Move(origin=name, category="", photos=1)],
        judged=share,
        judged_usual=Share(hits=0, of=0),
        backlog_before=1,
        backlog=3,
    )
    recorded = Recorded(
        taken_at="2026-06-02T03:00:00.000Z",
        waiting=(Group(source=name, hour=23, state="waiting", photos=1),),
        oldest=(Waits(id=9, file=name, seen_at="2026-06-01T23:59:00.000Z", attempts=1, trouble=name),),
        lines_owed=1,
        disk=(Room(place="shelf", folder=name, free=5 << 30, total=9 << 40),),
        bundle=name,
        drift=Drifted(
            model=name, since=name, reference_since=name, shifts=(shifted,), agreed=share,
            agreed_before=share, accuracy=name, shifted=(name,),
        ),
        pictures=pictures or {},
    )  # fmt: skip
    return report(DAY, facts, recorded)


def test_the_figures_stand_on_the_page() -> None:
    """The account, and that it adds up; what came before the day; what the day is held against."""
    words = Reader(render(made("TOYS"), UTC)).words
    for told in (
        "Monday, 01 June 2026",
        "came in8sorted4review2rejected1waiting1",
        "8 = 4 + 2 + 1 + 1: the account adds up.",
        "2 of them waited when the day began.",
        "1 have no line in the journal yet.",
        "TOYS60.04275.0%–",
        "none01.000–50.0%",
        "on this day50.0%1 of 2",
        "TOYSback into the inbox1",
        "2.5 h2.2 min2 ×",
        "shelf: TOYS5.0 GiB9.0 TiB",
        "the hour from 03:00 with 4 photos",
    ):
        assert told in words, told


def test_an_account_that_does_not_add_up_is_said() -> None:
    """A photo that was filed and is in none of the counts is missed."""
    found = made("TOYS", filed=8)
    assert not found.account.adds_up
    assert "9 came in, but 4 + 2 + 1 + 1 are told of" in Reader(render(found, UTC)).words


@pytest.mark.parametrize("name", [HOSTILE, "", "x" * 400])
def test_hostile_names_are_text(name: str) -> None:
    """No name adds a tag, a control character or a byte that is no UTF-8; nothing comes from elsewhere."""
    content = render(made(name, pictures={"1": '/9j/4A=="><script>'}), UTC)
    reader = Reader(content)
    assert reader.open == []
    tags = [tag for tag, _ in reader.tags]
    assert {"script", "iframe", "link", "object", "embed", "form", "a"}.isdisjoint(tags)
    assert all(line.isprintable() for line in content.splitlines())
    assert content.encode().decode() == content
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}) in reader.tags
    values = [value or "" for _, attributes in reader.tags for value in attributes.values()]
    places = {value for value in values if "://" in value or value.startswith("//")}
    assert places <= {"http://www.w3.org/2000/svg"}
    assert [one["src"] for tag, one in reader.tags if tag == "img"] == [
        'data:image/jpeg;base64,/9j/4A=="><script>'
    ]


def test_the_table_holds_no_formula() -> None:
    """One figure a row, whatever the names."""
    content = b"".join(csv_rows(rows(made(HOSTILE)))).decode("utf-8-sig")
    heading, *found = csv.reader(io.StringIO(content, newline=""), strict=True)
    assert heading == ["date", "of", "name", "figure", "value"]
    assert all(len(row) == len(heading) and row[0] == "2026-06-01" for row in found)
    assert [one for row in found for one in row if one[:1] in tuple(FORMULA)] == []
    assert ["2026-06-01", "account", "", "came_in", "8"] in found
