"""Reading the ledger beside the sorter: which photos a list holds, and how few rows are read for it."""

import itertools
import json
import os
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from stages import IDENTITY, arrival, examined, filed, intent, relocation

from refundsorter.core.fault import LedgerRefused, PassingTrouble
from refundsorter.core.image import TERMINAL, State
from refundsorter.core.port_images import Photo, Position, Wanted
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_images import LedgerImages
from refundsorter.edges.ledger_reading import Reader, Row
from refundsorter.edges.ledger_report import read_overview
from refundsorter.edges.ledger_schema_reading import INDICES

ROWS = 120
NAMES = ("a.jpg", "A.JPG", "b.jpg", os.fsdecode(b"caf\xe9.jpg"), "caf\u00e9.jpg", "Stra\u00dfe 7.jpg")
CATEGORIES, LABELS, MODELS = ("TOYS", "GARDEN"), ("teddy", "ball", "rake"), ("tiny/1.0.0", "tiny/2.0.0")
TIMES = (None, 100.0, 103.5)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A ledger with photos of every kind, some filed at the same time and not in the order of their ids."""
    path = str(tmp_path_factory.mktemp("ledger") / "ledger.sqlite3")
    Ledger(path, longest_wait_s=300.0).close()
    numbers = random.Random(7)
    with closing(sqlite3.connect(path)) as connection:
        for number in range(ROWS):
            connection.execute(
                "INSERT INTO images (state, path, root, identity, noticed_by, seen_at, not_before, attempts, "
                "claimed_at, category, label, confidence, top_predictions, decode_ms, model, taxonomy, "
                "intended, destination, finished_at, move_ms) VALUES "
                "(?, ?, x'2f', '1:2:3:4', 'scan', 1, 0, 0, 2, ?, ?, ?, '[]', 1, ?, 't', ?, x'2f78', ?, 1)",
                row(numbers, number),
            )
        connection.commit()
    return path


def row(numbers: random.Random, number: int) -> Sequence[Any]:
    """One photo of some kind; a waiting one may have answers from before it was sent back."""
    state = numbers.choice(list(State))
    done = state in TERMINAL
    name = os.fsencode(f"/in/{number}/{numbers.choice(NAMES)}")
    has_answer = numbers.random() < 0.9
    return (
        state.value,
        name,
        numbers.choice(CATEGORIES) if has_answer else None,
        numbers.choice(LABELS) if has_answer else None,
        numbers.choice((0.2, 0.5, 0.9)) if has_answer else None,
        numbers.choice(MODELS),
        "sorted" if state is State.UNDONE else state.value,
        100.0 + numbers.randrange(8) if done else None,
    )


def wanted() -> Iterator[Wanted]:
    """Every way to ask."""
    for state, category, label, model, name, since, until, confidence in itertools.product(
        (None, State.WAITING, State.REVIEW),
        (None, "TOYS"),
        (None, "rake"),
        (None, "tiny/2.0.0"),
        (None, "a.jpg"),
        TIMES,
        (None, 105.0),
        (None, 0.5),
    ):
        yield Wanted(
            state=state,
            category=category,
            label=label,
            model=model,
            name=name,
            since=since,
            until=until,
            min_confidence=confidence,
        )


def every_photo(path: str) -> list[Photo]:
    """All of them, by another way."""
    images = LedgerImages(Reader(path))
    return [photo for number in range(1, ROWS + 1) if (photo := images.photo(number)) is not None]


def fits(photo: Photo, asked: Wanted) -> bool:
    """Whether a photo is one that is asked for, said without SQL."""
    found, time = photo.found, photo.finished_at
    name = os.path.basename(photo.path)
    is_in_time = (
        (time is not None and (asked.since or 0) <= time and (asked.until is None or time < asked.until))
        if asked.is_by_time
        else True
    )
    return (
        (asked.state is None or photo.state is asked.state)
        and (asked.category is None or (found is not None and found.category == asked.category))
        and (asked.label is None or (found is not None and found.label == asked.label))
        and (asked.model is None or (found is not None and found.model == asked.model))
        and (asked.name is None or name.lower() == asked.name)
        and (asked.min_confidence is None or _confidence(photo) >= asked.min_confidence)
        and is_in_time
    )


def _confidence(photo: Photo) -> float:
    return -1.0 if photo.found is None or photo.found.confidence is None else photo.found.confidence


def walked(images: LedgerImages, asked: Wanted, limit: int) -> list[int]:
    """The ids on all pages, one behind another."""
    found: list[int] = []
    after: Position | None = None
    for _ in range(10 * ROWS):
        page = images.page(asked, after=after, limit=limit)
        assert len(page.photos) <= limit
        found += [photo.id for photo in page.photos]
        if page.next is None:
            return found
        after = page.next
    raise AssertionError("the list has no end")


@pytest.mark.parametrize(("looked_at", "limit"), [(7, 3), (3, 5), (2_000, 50)])
def test_the_pages_together_hold_what_is_asked_for(path: str, looked_at: int, limit: int) -> None:
    """Each photo that fits once, newest first, whatever is asked for and however few rows a page looks at."""
    everything = every_photo(path)
    images = LedgerImages(Reader(path), looked_at=looked_at)
    seen = Counter[int]()
    for asked in wanted():
        expected = sorted(
            (photo for photo in everything if fits(photo, asked)),
            key=lambda photo: ((photo.finished_at or 0.0) if asked.is_by_time else 0.0, photo.id),
            reverse=True,
        )
        assert walked(images, asked, limit) == [photo.id for photo in expected], asked
        seen[len(expected)] += 1
    assert len(seen) > 5


def test_a_position_of_another_list_leads_to_nothing_that_is_not_asked_for(path: str) -> None:
    """Whoever mixes cursors up gets photos that fit, and no others."""
    images, asked = LedgerImages(Reader(path)), Wanted(since=101.0, until=105.0)
    for after in (Position(id=60, time=None), Position(id=1, time=1e9), Position(id=1, time=0.0)):
        photos = images.page(asked, after=after, limit=200).photos
        assert all(fits(photo, asked) for photo in photos)
    assert images.page(Wanted(), after=Position(id=3, time=9.0), limit=9).photos[0].id == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_photo_is_found_by_its_name(path: str, name: str) -> None:
    """By the name alone, whatever folder it came in; only a-z and A-Z are alike, and bytes are bytes."""
    expected = {
        photo.id for photo in every_photo(path) if folded(os.path.basename(photo.path)) == folded(name)
    }
    assert expected
    if "\udce9" in name:  # what is no UTF-8 cannot be asked for, and harms nothing
        return
    assert set(walked(LedgerImages(Reader(path)), Wanted(name=name), 50)) == expected


def folded(name: str) -> bytes:
    """A name as SQLite's NOCASE sees it: `bytes.lower` knows ASCII alone."""
    return os.fsencode(name).lower()


class Noted(Reader):
    """A reader that tells how SQLite finds the rows of every query."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.plans: dict[str, list[str]] = {}

    def run(self, query: str, parameters: Any = ()) -> list[Row]:
        """Look at the plan, and run it."""
        plan = super().run(f"EXPLAIN QUERY PLAN {query}", parameters)
        self.plans[query] = [step["detail"] for step in plan]
        return super().run(query, parameters)


def test_no_query_reads_the_history_or_sorts_it(path: str) -> None:
    """Each walks the key or one index in its order, and every index is used by some."""
    reader = Noted(path)
    images = LedgerImages(reader, looked_at=3)
    for asked in wanted():
        walked(images, asked, 2)
    images.photo(1)
    images.changes(1)
    images.open()
    images.timings(10)
    steps = {
        query: steps
        for query, steps in reader.plans.items()
        if any("TEMP B-TREE" in step or "SCAN" in step for step in steps)
    }
    assert {tuple(found) for found in steps.values()} <= {("SCAN images USING INDEX by_time",)}
    used = " ".join(step for plan in reader.plans.values() for step in plan)
    assert [index for index in INDICES if index.split()[2] not in used] == []


def test_the_tally_is_what_the_rows_say(tmp_path: Path) -> None:
    """Photos are counted when they are filed, once, and rejected ones by their reason."""
    path = str(tmp_path / "ledger.sqlite3")
    with closing(Ledger(path, longest_wait_s=300.0)) as ledger:
        ledger.admit([arrival(f"/inbox/{number}.jpg") for number in range(5)])
        taken = ledger.claim(limit=4, now=101.0)
        ledger.classify([intent(examined(one)) for one in taken[:3]])
        ledger.finish([filed(one.id) for one in taken[:2]])
        images = LedgerImages(Reader(path))
        assert [(one.state, one.category, one.photos) for one in images.tallies()] == [("sorted", "TOYS", 2)]
        assert images.open() == {"waiting": 1, "claimed": 1, "classified": 1}
        assert len(images.timings(10)) == 2


def file_three(path: str) -> None:
    """Make a ledger with three photos that were sorted as toys."""
    with closing(Ledger(path, longest_wait_s=300.0)) as ledger:
        ledger.admit([arrival(f"/inbox/{number}.jpg") for number in range(3)])
        taken = ledger.claim(limit=3, now=101.0)
        ledger.classify([intent(examined(one)) for one in taken])
        ledger.finish([filed(one.id) for one in taken])


def put_two_back(path: str) -> None:
    """Write down that two of them lie in the inbox again."""
    with closing(Ledger(path, longest_wait_s=300.0)) as ledger:
        ledger.corrections.ask_back([1, 2], by=None, now=1.0)
        asked = ledger.corrections.requests(9, after=0)
        moves = [relocation(one, f"/inbox/{one.image}.jpg") for one in asked]
        ledger.corrections.intend(moves)
        ledger.corrections.finish([(one, IDENTITY) for one in moves], now=2.0)


def test_what_is_put_back_stays_counted_as_filed(tmp_path: Path) -> None:
    """On its day, in its state; how many of it are in the inbox again stands beside that."""
    path = str(tmp_path / "ledger.sqlite3")
    file_three(path)
    put_two_back(path)
    (tallied,) = LedgerImages(Reader(path)).tallies()
    assert (tallied.state, tallied.photos, tallied.undone) == ("sorted", 3, 2)
    overview = read_overview(path)
    assert overview is not None
    assert (overview.by_state, overview.by_category) == ({"sorted": 1, "undone": 2}, {"TOYS": 1})


# What came with versions 4 and 5, taken away, and the jobs as they stood before it.
OF_VERSION_3 = """
DROP TABLE prediction; ALTER TABLE checkpoint DROP COLUMN tip;
DROP TRIGGER tally_filed; DROP TRIGGER tally_rebuilt; DROP TRIGGER tally_undone; DROP TABLE tally;
DROP TRIGGER job_undone; DROP TRIGGER job_entered; DROP TRIGGER job_changed;
DROP TRIGGER job_forgotten; DROP TRIGGER job_filed;
DROP TABLE job_tally; DROP TABLE kept; DROP TABLE jobs;
CREATE TABLE jobs (
    id INTEGER NOT NULL PRIMARY KEY, kind TEXT NOT NULL, started_at FLOAT NOT NULL, ended_at FLOAT,
    found INTEGER DEFAULT '0' NOT NULL
);
PRAGMA user_version = 3;
"""


# How version 4 kept its tally.
OF_VERSION_4 = """
DROP TABLE prediction; ALTER TABLE checkpoint DROP COLUMN tip;
DROP TRIGGER tally_filed; DROP TRIGGER tally_rebuilt; DROP TRIGGER tally_undone; DROP TRIGGER job_undone;
ALTER TABLE tally DROP COLUMN undone;
CREATE TRIGGER tally_filed AFTER UPDATE OF finished_at ON images
WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL BEGIN
INSERT INTO tally VALUES (CAST(NEW.finished_at / 86400 AS INTEGER), NEW.state, ifnull(NEW.category, ''),
ifnull(NEW.reason, ''), 1) ON CONFLICT DO UPDATE SET photos = photos + 1; END;
CREATE TRIGGER tally_rebuilt AFTER INSERT ON images WHEN NEW.finished_at IS NOT NULL BEGIN
INSERT INTO tally VALUES (CAST(NEW.finished_at / 86400 AS INTEGER), NEW.state, ifnull(NEW.category, ''),
ifnull(NEW.reason, ''), 1) ON CONFLICT DO UPDATE SET photos = photos + 1; END;
PRAGMA user_version = 4;
"""


def test_a_ledger_of_version_4_learns_to_count_what_is_put_back(tmp_path: Path) -> None:
    """What it counted stays, and is read before and after it is migrated."""
    path = str(tmp_path / "ledger.sqlite3")
    file_three(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OF_VERSION_4)
    before = read_overview(path)
    put_two_back(path)
    (tallied,) = LedgerImages(Reader(path)).tallies()
    assert before is not None
    assert (before.by_state, before.by_category) == ({"sorted": 3}, {"TOYS": 3})
    assert (tallied.photos, tallied.undone) == (3, 2)


def test_a_ledger_of_version_3_is_counted_when_it_is_migrated(path: str, tmp_path: Path) -> None:
    """What was filed before there was a tally stands in it, and what is asked for is found."""
    old = str(tmp_path / "old.sqlite3")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (old,))
    with closing(sqlite3.connect(old)) as connection:
        for index in INDICES:
            connection.execute(f"DROP INDEX {index.split()[2]}")
        connection.executescript(OF_VERSION_3)
    Ledger(old, longest_wait_s=300.0).close()
    assert LedgerImages(Reader(old)).tallies() == LedgerImages(Reader(path)).tallies()
    asked = Wanted(category="TOYS", since=0.0)
    assert walked(LedgerImages(Reader(old)), asked, 9) == walked(LedgerImages(Reader(path)), asked, 9)


def test_answers_that_are_void_are_not_told(path: str) -> None:
    """Of a photo that waits again, nothing is told of what was found before."""
    waiting = [photo for photo in every_photo(path) if photo.state is State.WAITING]
    assert waiting
    assert all(photo.found is None for photo in waiting)


def test_nothing_can_be_written(path: str) -> None:
    """The connections are read-only."""
    with pytest.raises(PassingTrouble, match="readonly"):
        Reader(path).run("DELETE FROM images")


def test_what_is_missing_or_damaged_is_told_apart(tmp_path: Path) -> None:
    """A file that is not there may come; one that is no ledger is refused."""
    with pytest.raises(PassingTrouble):
        Reader(str(tmp_path / "none")).run("SELECT 1 FROM images")
    (tmp_path / "bad").write_bytes(json.dumps([1] * 999).encode())
    with pytest.raises(LedgerRefused, match="ledger rebuild"):
        Reader(str(tmp_path / "bad")).run("SELECT 1 FROM images")
