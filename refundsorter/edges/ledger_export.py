"""Filed photos as the journal's lines tell them, in the order of filing: any number, some thousand at a time.

Between two pages nothing is held, so that a reader who takes hours keeps the daemon from nothing.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from refundsorter.core.record import Record
from refundsorter.edges.ledger_reading import Reader, Row
from refundsorter.edges.ledger_rows import record
from refundsorter.edges.ledger_schema_reading import IS_FILED

PAGE = 2_000  # rows
PATHS = ("path", "destination", "filed_as")  # columns that hold bytes
COLUMNS = (
    "id", "finished_at", "path", "destination", "intended", "category", "label", "confidence",
    "top_predictions", "model", "sha256", "identity", "width", "height", "job", "seen_at", "claimed_at",
    "decode_ms", "infer_ms", "move_ms", "reason", "duplicate_of", "taxonomy", "filed_as",
)  # fmt: skip
QUERY = (
    f"SELECT {', '.join(COLUMNS)} FROM images INDEXED BY by_time "  # noqa: S608 - constants
    f"WHERE {IS_FILED} AND finished_at >= :time AND (finished_at > :time OR id > :id) "
    "AND finished_at < :until "
    "AND (:category IS NULL OR category = :category) AND (:state IS NULL OR intended = :state) "
    f"ORDER BY finished_at, id LIMIT {PAGE}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which photos; all that is given has to fit."""

    since: float  # filed then or later, unix seconds
    until: float  # filed before
    category: str | None  # the best one; None: whichever
    state: str | None  # what was done


class LedgerExport:
    """Reads the ledger beside whoever writes it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def records(self, wanted: Selection) -> Iterator[Record]:
        """Every photo that fits.

        Raises:
            PassingTrouble: The ledger cannot be read now.
            LedgerRefused: It is damaged.
        """
        asked = {"until": wanted.until, "category": wanted.category, "state": wanted.state}
        time, last = wanted.since, 0
        while rows := self._reader.run(QUERY, asked | {"time": time, "id": last}):
            yield from map(_record, rows)
            time, last = rows[-1]["finished_at"], rows[-1]["id"]


def _record(row: Row) -> Record:
    values = {
        name: os.fsdecode(value) if name in PATHS and value is not None else value
        for name, value in row.items()
    }
    return record(values | {"state": row["intended"]})
