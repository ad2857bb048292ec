"""The ledger's filed photos in the order of filing, by the index on time: each page costs the same."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from refundsorter.core.port_events import Told
from refundsorter.core.port_images import Position
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.ledger_rows import record
from refundsorter.edges.ledger_schema_reading import IS_FILED

PATHS = ("path", "destination", "filed_as")  # columns that hold bytes
BEGINNING = Position(id=0, time=0.0)


class LedgerEvents:
    """See `EventsPort`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def latest(self) -> Position:
        """The photo that was filed last."""
        found = self._reader.run(
            f"SELECT id, finished_at FROM images INDEXED BY by_time WHERE {IS_FILED} "  # noqa: S608 - a constant
            "ORDER BY finished_at DESC, id DESC LIMIT 1"
        )
        return Position(id=found[0]["id"], time=found[0]["finished_at"]) if found else BEGINNING

    def after(self, position: Position, limit: int) -> Sequence[Told]:
        """What follows, up to the first photo whose line is not durable yet: it is told in its turn."""
        rows = self._reader.run(
            f"SELECT * FROM images INDEXED BY by_time WHERE {IS_FILED} "  # noqa: S608 - a constant
            "AND finished_at >= :time AND (finished_at > :time OR id > :id) "
            "ORDER BY finished_at, id LIMIT :limit",
            {"time": position.time or 0.0, "id": position.id, "limit": limit},
        )
        told = []
        for row in rows:
            if not row["journaled"]:
                break
            told.append(_told(row))
        return told


def _told(row: Mapping[str, Any]) -> Told:
    values = {
        name: os.fsdecode(value) if name in PATHS and value is not None else value
        for name, value in row.items()
    }
    return Told(Position(id=row["id"], time=row["finished_at"]), record(values))
