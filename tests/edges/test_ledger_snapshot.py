"""Queries that see the ledger at one moment, beside whoever writes it."""

from pathlib import Path

import pytest
from histories import Past, enter, ledger_of
from support import make_shop

from refundsorter.core.fault import PassingTrouble
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.ledger_schema import FILE

COUNT = "SELECT count(*) AS photos FROM images"


def test_what_is_written_meanwhile_is_not_seen(tmp_path: Path) -> None:
    """Not before the next moment that is looked at; and nobody who writes is held up."""
    shop = make_shop(tmp_path)
    with ledger_of(shop) as ledger:
        enter(ledger, [Past(1.0)])
        reader = Reader(str(shop.state / FILE))
        with reader.at_once() as moment:
            assert moment.run(COUNT) == [{"photos": 1}]
            enter(ledger, [Past(2.0), Past(3.0)], name="later")
            assert [row["photos"] for row in moment.each(COUNT)] == [1]
        with reader.at_once() as moment:
            assert moment.run(COUNT) == [{"photos": 3}]
        reader.close()


def test_trouble_within_is_told_as_elsewhere(tmp_path: Path) -> None:
    """And leaves the reader as good as new."""
    shop = make_shop(tmp_path)
    with ledger_of(shop) as ledger:
        enter(ledger, [Past(1.0)])
    reader = Reader(str(shop.state / FILE))
    with pytest.raises(PassingTrouble, match="no such table"):
        ask(reader, "SELECT * FROM elsewhere")
    ask(reader, COUNT)
    reader.close()


def ask(reader: Reader, query: str) -> None:
    """Run a query in a moment of its own."""
    with reader.at_once() as moment:
        moment.run(query)
