"""What kind of photos were filed in a span of time; every query walks the index of times."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.ledger_rows import identity_of
from refundsorter.edges.ledger_schema_reading import IS_FILED

_SPAN = f"FROM images INDEXED BY by_time WHERE {IS_FILED} AND finished_at >= :since AND finished_at < :until"
COUNTED = f"SELECT state, coalesce(reason, '') AS reason, count(*) AS photos {_SPAN} GROUP BY 1, 2"
SMALL = f"SELECT count(*) AS photos {_SPAN} AND min(width, height) < :side"
COPIES = f"SELECT count(*) AS photos {_SPAN} AND duplicate_of IS NOT NULL"
NEW = (
    f"SELECT id, destination, identity {_SPAN} AND state IN ('sorted', 'review') "
    "AND duplicate_of IS NULL ORDER BY finished_at DESC, id DESC LIMIT :limit"
)
NEW_COUNT = f"SELECT count(*) AS photos {_SPAN} AND state IN ('sorted', 'review') AND duplicate_of IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A photo, where it lies as far as is known."""

    id: int
    path: str
    size: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """How many photos of which kind were filed."""

    states: Mapping[str, int]  # by state
    reasons: Mapping[str, int]  # of rejected ones, by reason
    small: int  # whose shorter side has fewer pixels than was asked for
    copies: int  # with the content of an earlier one
    new: int  # sorted or given to a person, and no copies


class LedgerQuality:
    """Reads the ledger beside whoever writes it. Methods raise as `Reader.run` does."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def kinds(self, since: float, until: float, *, side: int) -> Kinds:
        """How many of which kind were filed in a span of time, unix seconds; `side` is in pixels."""
        span = {"since": since, "until": until, "side": side}
        states, reasons = dict[str, int](), dict[str, int]()
        for row in self._reader.run(COUNTED, span):
            states[row["state"]] = states.get(row["state"], 0) + row["photos"]
            if row["state"] == "rejected":
                reasons[row["reason"]] = row["photos"]
        small, copies, new = (
            int(self._reader.run(query, span)[0]["photos"]) for query in (SMALL, COPIES, NEW_COUNT)
        )
        return Kinds(states=states, reasons=reasons, small=small, copies=copies, new=new)

    def new(self, since: float, until: float, *, limit: int) -> list[Placed]:
        """The last photos of a span that are no copies, the newest first."""
        rows = self._reader.run(NEW, {"since": since, "until": until, "limit": limit})
        return [
            Placed(
                id=row["id"],
                path=os.fsdecode(row["destination"]),
                size=identity_of(row["identity"]).size,
            )
            for row in rows
        ]
