"""The photos in the order of filing: none twice, none left out, none before its line is durable."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from support import Shop, photo
from workbench import AT_ONCE, opened, sort_all

from refundsorter.assembly import LEDGER_FILE
from refundsorter.core.port_events import Told
from refundsorter.core.port_images import Position
from refundsorter.edges.ledger_events import BEGINNING, LedgerEvents
from refundsorter.edges.ledger_reading import Reader


@pytest.fixture
def sorted_shop(shop: Shop) -> Shop:
    """A shop that has filed five photos."""
    shop.config.write_text(AT_ONCE)
    for number in range(1, 6):
        shop.drop(f"{number}.jpg", photo("red", seed=number))
    with opened(shop) as workshop:
        sort_all(workshop)
    return shop


@pytest.fixture
def events(sorted_shop: Shop) -> Iterator[LedgerEvents]:
    """What is told of them."""
    with closing(Reader(str(sorted_shop.state / LEDGER_FILE))) as reader:
        yield LedgerEvents(reader)


def change(shop: Shop, statement: str) -> None:
    """Change the ledger."""
    with closing(sqlite3.connect(shop.state / LEDGER_FILE)) as connection:
        connection.execute(statement)
        connection.commit()


def test_page_by_page_each_is_told_once_as_its_line_tells_it(sorted_shop: Shop, events: LedgerEvents) -> None:
    """Also where several were filed at the same time; and nothing follows on the latest."""
    change(sorted_shop, "UPDATE images SET finished_at = 1000.25 WHERE id < 5")
    told: list[Told] = []
    position = BEGINNING
    while page := events.after(position, 2):
        assert len(page) <= 2
        told += page
        position = page[-1].position
    assert [one.record.id for one in told] == [1, 2, 3, 4, 5]
    assert position == events.latest()
    assert events.after(events.latest(), 10) == []
    (last,) = (line for line in sorted_shop.lines() if line["id"] == 5)
    assert told[-1].record.fields() | {"previous": last["previous"]} == last


def test_what_is_not_in_the_journal_is_not_told_before_it_is(sorted_shop: Shop, events: LedgerEvents) -> None:
    """Nor what follows on it: the order is kept."""
    change(sorted_shop, "UPDATE images SET finished_at = id, journaled = (id <> 3)")
    assert [one.record.id for one in events.after(BEGINNING, 10)] == [1, 2]
    change(sorted_shop, "UPDATE images SET journaled = 1")
    assert [one.record.id for one in events.after(Position(id=2, time=2.0), 10)] == [3, 4, 5]


def test_a_page_walks_the_index_on_time_alone(sorted_shop: Shop) -> None:
    """A page of a long history costs what one of a short one costs: nothing is scanned or sorted."""
    query = (
        "EXPLAIN QUERY PLAN SELECT * FROM images INDEXED BY by_time WHERE finished_at <> 0 "
        "AND finished_at >= 1 AND (finished_at > 1 OR id > 1) ORDER BY finished_at, id LIMIT 1"
    )
    with closing(sqlite3.connect(sorted_shop.state / LEDGER_FILE)) as connection:
        (plan,) = (row[3] for row in connection.execute(query))
    assert plan == "SEARCH images USING INDEX by_time (finished_at>?)"


def test_an_empty_ledger_has_a_beginning(shop: Shop) -> None:
    """Whoever listens from now on is told of the first photo."""
    with opened(shop), closing(Reader(str(shop.state / LEDGER_FILE))) as reader:
        assert LedgerEvents(reader).latest() == BEGINNING
