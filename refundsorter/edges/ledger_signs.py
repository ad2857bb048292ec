"""What of the ledger there are alerts about, each asked by an index."""

from refundsorter.core.image import State
from refundsorter.edges.ledger_counts import OLDEST_OPEN
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.ledger_schema_reading import IS_FILED, STATE

FILED = (
    f"SELECT state, count(*) AS photos FROM images INDEXED BY by_time WHERE {IS_FILED} "  # noqa: S608 - constants
    "AND finished_at >= ? GROUP BY state"
)
# One that a person has moved lies no longer where it was filed.
IN_REVIEW = f"SELECT count(*) AS photos FROM images WHERE {STATE} = 'review' AND filed_as IS NULL"  # noqa: S608 - a constant


class LedgerSigns:
    """Reads the ledger beside whoever writes it. Methods raise as `Reader.run` does."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def oldest_open(self) -> float | None:
        """When the oldest photo that is not filed was seen, unix seconds."""
        (found,) = self._reader.run(OLDEST_OPEN)
        oldest: float | None = next(iter(found.values()))
        return oldest

    def filed_since(self, time: float) -> tuple[int, int]:
        """How many photos were filed since then, and how many of them were rejected."""
        found = {row["state"]: row["photos"] for row in self._reader.run(FILED, (time,))}
        return sum(found.values()), found.get(State.REJECTED.value, 0)

    def in_review(self) -> int:
        """How many photos wait for a person."""
        return int(self._reader.run(IN_REVIEW)[0]["photos"])
