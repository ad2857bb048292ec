"""`refundsorter report` over a real ledger: the account adds up, and a day is told the same way for ever."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from histories import DAY_S, FIRST, START, ZONE, Past, enter, ledger_of, report
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from stages import IDENTITY, MODEL, record
from support import Shop, make_shop, write_bundle

from refundsorter import settings as configuration
from refundsorter.core.correction import Correction, How
from refundsorter.core.fault import AlreadyRunning, PassingTrouble
from refundsorter.core.image import State
from refundsorter.core.stability import Source
from refundsorter.edges.ledger_rebuild import LedgerBuilder
from refundsorter.edges.ledger_schema import FILE
from refundsorter.edges.lock import FolderLock
from refundsorter.edges.reports import ReportDamaged
from refundsorter.exits import ExitCode
from refundsorter.report import Made, days_since

HOUR_S = 3600.0
FORMS = ("html", "json", "csv")
QUARTERS = st.integers(0, int(2 * DAY_S) * 4).map(lambda count: count / 4)  # of seconds: their sums are exact
PASTS = st.builds(
    Past,
    seen_s=QUARTERS,
    took_s=st.none() | QUARTERS,
    state=st.sampled_from((State.SORTED, State.REVIEW, State.REJECTED)),
    source=st.sampled_from(Source),
    category=st.sampled_from(("TOYS", "BOOKS")),
    confidence=st.floats(0, 1),
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop in Berlin."""
    return make_shop(tmp_path, ZONE)


def told(made: Made) -> dict[str, Any]:
    """What the report says."""
    found: dict[str, Any] = json.loads(Path(made.json).read_bytes())
    return found


def contents(made: Made) -> dict[str, bytes]:
    """Its files."""
    return {form: Path(getattr(made, form)).read_bytes() for form in FORMS}


@rules(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PASTS, max_size=12))
def test_the_account_adds_up_whatever_happened(photos: list[Past]) -> None:
    """What came in is what became of it, by source and by hour too; what waits is carried to the next day."""
    with TemporaryDirectory() as base:
        shop = make_shop(Path(base) / "shop", ZONE)
        with ledger_of(shop) as ledger:
            enter(ledger, photos)
        carried = 0
        for number in range(4):
            since, until = number * DAY_S, (number + 1) * DAY_S
            account = told(report(shop, FIRST + timedelta(days=number), after_s=9 * DAY_S))
            seen = [one for one in photos if one.seen_s < until]
            filed = [one for one in seen if one.filed_s is not None and since <= one.filed_s < until]
            waiting = [one for one in seen if one.filed_s is None or one.filed_s >= until]
            assert account["account"] == {
                "came_in": len(filed) + len(waiting),
                "carried": carried,
                **{
                    name: sum(one.state == name for one in filed) for name in ("sorted", "review", "rejected")
                },
                "waiting": len(waiting),
                "adds_up": True,
            }
            sources = {name: sum(one.values()) for name, one in account["sources"].items()}
            assert sources == Counter(one.source.value for one in [*filed, *waiting])
            assert [sum(one["outcomes"].values()) for one in account["hours"]] == [
                sum((one.seen_s - since) // HOUR_S == hour for one in [*filed, *waiting])
                for hour in range(24)
            ]
            carried = len(waiting)


def test_made_again_it_is_the_same(shop: Shop) -> None:
    """However much later, and whatever was filed, corrected, released and removed since."""
    with ledger_of(shop) as ledger:
        ids = enter(
            ledger,
            [
                Past(HOUR_S),
                Past(2 * HOUR_S, state=State.REVIEW),
                Past(3 * HOUR_S, state=State.REJECTED),
                Past(23 * HOUR_S, 3 * HOUR_S),
                Past(22 * HOUR_S, None),
            ],
        )
        first = contents(report(shop))
        assert told(report(shop))["account"] == {
            "came_in": 5, "carried": 0, "sorted": 1, "review": 1, "rejected": 1, "waiting": 2,
            "adds_up": True,
        }  # fmt: skip
        enter(ledger, [Past(1.5 * DAY_S), Past(1.6 * DAY_S, state=State.REVIEW)], name="later")
        ledger.forget([ids[-1]])
        ledger.corrections.ask([ids[1]], "TOYS", by=None, now=START + 2 * DAY_S)
    write_bundle(shop.base / "models", "2.0.0")
    assert contents(report(shop, after_s=60 * DAY_S)) == first
    (shop.sorted / "_reports" / f"{FIRST}.html").unlink()
    (shop.sorted / "_reports" / f"{FIRST}.csv").unlink()
    assert contents(report(shop, after_s=61 * DAY_S)) == first


def test_a_day_that_is_not_over_is_told_so_far(shop: Shop) -> None:
    """Each time anew; once it is over it is told as it was then."""
    with ledger_of(shop) as ledger:
        enter(ledger, [Past(HOUR_S), Past(2 * HOUR_S, None)])
        early = report(shop, after_s=0.5 * DAY_S)
        assert (early.is_over, early.account.came_in, early.account.waiting) == (False, 2, 1)
        assert b"figures so far" in contents(early)["html"]
        enter(ledger, [Past(0.7 * DAY_S)], name="later")
    late = report(shop)
    assert (late.is_over, late.account.came_in, late.account.waiting) == (True, 3, 1)
    assert b"figures so far" not in contents(late)["html"]


def test_what_only_the_day_could_tell_is_not_made_up(shop: Shop) -> None:
    """A report that is first made long after its day says that disk and bundle were not recorded."""
    with ledger_of(shop) as ledger:
        enter(ledger, [Past(HOUR_S), Past(2 * HOUR_S, 3 * DAY_S)])
    on_the_day, much_later = told(report(shop)), FIRST + timedelta(days=1)
    assert on_the_day["recorded"]["bundle"] == "tiny/1.0.0"
    assert {one["place"] for one in on_the_day["recorded"]["disk"]} == {"shelf", "state", "inbox"}
    late = report(shop, much_later, after_s=40 * DAY_S)
    recorded = told(late)["recorded"]
    assert (recorded["bundle"], recorded["disk"], recorded["oldest"]) == (None, [], None)
    assert late.account.waiting == 1
    assert b"was not recorded on the day" in contents(late)["html"]


def test_the_backlog_follows_what_people_do(shop: Shop) -> None:
    """A photo leaves it on the day on which somebody puts it elsewhere; the model is judged by that."""
    shop.state.mkdir()
    (shop.sorted / "_journal").mkdir()
    builder = LedgerBuilder(str(shop.state / FILE))
    for image in range(1, 6):
        state = "sorted" if image == 5 else "review"
        builder.add(replace(record(image, at=START + HOUR_S), state=state), root="/inbox", identity=IDENTITY)
    moves = [
        (1, 0.5, "_review", "TOYS"),  # confirmed
        (2, 0.6, "_review", "BOOKS"),
        (5, 1.1, "TOYS", "_review"),
        (2, 1.2, "BOOKS", "_review"),
        (3, 1.3, "_review", "BOOKS"),
    ]
    for number, (image, day, origin, category) in enumerate(moves, start=1):
        one = correction(number, image, at=START + day * DAY_S, origin=origin, category=category)
        builder.correct(one, identity=IDENTITY)
    builder.publish(highest_id=9, checkpoint=None, aside=str(shop.state / "aside"))
    first = told(report(shop, after_s=9 * DAY_S))["review"]
    assert (first["backlog_before"], first["backlog"]) == (0, 2)
    assert first["judged"] == {"hits": 1, "of": 2}
    second = told(report(shop, FIRST + timedelta(days=1), after_s=9 * DAY_S))["review"]
    assert (second["backlog_before"], second["backlog"]) == (2, 3)
    assert (second["judged"], second["judged_usual"]) == ({"hits": 0, "of": 1}, {"hits": 1, "of": 2})
    assert {"origin": "TOYS", "category": "_review", "photos": 1} in second["moves"]


def correction(number: int, image: int, *, at: float, origin: str, category: str) -> Correction:
    """One that was done."""
    return Correction(
        id=number, image=image, time=at, source="/sorted/a.jpg", destination="/sorted/b.jpg", origin=origin,
        category=category, by=None, how=How.MOVED, model=MODEL, sha256=None, size=3,
    )  # fmt: skip


def test_categories_are_held_against_the_days_before(shop: Shop) -> None:
    """Photos a day and mean confidence; a category that came no more is told as well."""
    with ledger_of(shop) as ledger:
        enter(
            ledger,
            [
                Past(HOUR_S, category="TOYS", confidence=0.5),
                Past(2 * HOUR_S, category="BOOKS", confidence=0.7),
                Past(DAY_S + HOUR_S, category="TOYS", confidence=0.75, state=State.REVIEW),
                Past(DAY_S + 2 * HOUR_S, category="TOYS", confidence=0.25),
            ],
        )
    found = told(report(shop, FIRST + timedelta(days=1), after_s=2.1 * DAY_S))
    assert found["usual_days"] == 1
    assert found["categories"] == [
        {
            "category": "TOYS", "sorted": 1, "review": 1, "confidence": 0.5, "usual_photos": 1.0,
            "usual_confidence": 0.5,
        },
        {
            "category": "BOOKS", "sorted": 0, "review": 0, "confidence": None, "usual_photos": 1.0,
            "usual_confidence": 0.7,
        },
    ]  # fmt: skip


def test_another_zone_has_another_day(shop: Shop) -> None:
    """What was recorded for the date's other hours is not taken for that of these."""
    with ledger_of(shop) as ledger:
        enter(ledger, [Past(HOUR_S), Past(10 * HOUR_S)])
    assert report(shop).account.came_in == 2
    shop.config.write_text(shop.config.read_text().replace("Europe/Berlin", "UTC"))
    found = told(report(shop))
    assert (found["account"]["came_in"], found["since"]) == (1, "2026-06-01T00:00:00+00:00")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"date": "2026-06-01"}', b"\xff", b'{"recorded": NaN}'], ids=repr
)
def test_what_is_no_report_is_not_replaced(shop: Shop, content: bytes) -> None:
    """It may be one that a disk has damaged: what it had recorded is not thrown away."""
    with ledger_of(shop) as ledger:
        enter(ledger, [Past(HOUR_S)])
    report(shop)
    file = shop.sorted / "_reports" / f"{FIRST}.json"
    file.write_bytes(content)
    with pytest.raises(ReportDamaged, match="move it away"):
        report(shop)
    assert file.read_bytes() == content


def test_two_processes_do_not_write_one_report(shop: Shop) -> None:
    """The second one is told so; nor is a report written where there is no shelf."""
    with ledger_of(shop) as ledger:
        enter(ledger, [Past(HOUR_S)])
    report(shop)
    lock = FolderLock(str(shop.sorted / "_reports"))
    with pytest.raises(AlreadyRunning, match="makes reports"):
        report(shop)
    lock.release()
    shutil.rmtree(shop.sorted)
    shop.sorted.mkdir()
    with pytest.raises(PassingTrouble, match="not mounted"):
        report(shop)
    assert list(shop.sorted.iterdir()) == []


def test_every_day_since_one_begins_with_the_first_photo(shop: Shop) -> None:
    """And ends with the last day that is over; before there is any photo there is none."""
    settings = configuration.load(shop.config, environment={}, overrides={})
    with ledger_of(shop) as ledger:
        assert days_since(settings, date(1971, 1, 1), now=START) == []
        enter(ledger, [Past(HOUR_S)])
    days = [FIRST + timedelta(days=number) for number in range(3)]
    assert days_since(settings, date(1971, 1, 1), now=START + 3.5 * DAY_S) == days
    assert days_since(settings, days[1], now=START + 3.5 * DAY_S) == days[1:]
    assert days_since(settings, days[1], now=START + 0.5 * DAY_S) == []


def test_the_command_tells_people_and_programs(shop: Shop) -> None:
    """One day, or every day since one; what it cannot do it says in a sentence."""
    refused = shop.run("report", "--date", "2026-06-01", check=False)
    assert (refused.returncode, "is `state_dir` right?" in refused.stderr) == (ExitCode.FAILED, True)
    with ledger_of(shop) as ledger:
        enter(ledger, [Past(HOUR_S), Past(DAY_S + HOUR_S, state=State.REVIEW)])
    out = shop.run("report", "--date", "2026-06-01").stdout
    assert out.startswith("2026-06-01: 1 came in = 1 sorted + 0 review + 0 rejected + 0 waiting\n")
    assert str(shop.sorted / "_reports" / "2026-06-01.html") in out
    (found,) = json.loads(shop.run("report", "--date", "2026-06-02", "--json").stdout)
    assert (found["date"], found["account"]["review"]) == ("2026-06-02", 1)
    for arguments, why in (
        (("--date", "2026-6-1"), "a date is expected, such as 2026-01-31"),
        (("--date", "2999-01-01"), "is still to come"),
        (("--date", "2026-06-01", "--since", "2026-06-01"), "give one of them"),
    ):
        found = shop.run("report", *arguments, check=False)
        assert found.returncode in (ExitCode.FAILED, ExitCode.USAGE)
        assert why in " ".join(found.stderr.split())
