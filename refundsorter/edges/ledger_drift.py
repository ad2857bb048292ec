"""What the model said in a span of time, counted by category and by confidence."""

from collections import Counter
from typing import Protocol

from refundsorter.core.drift import CONFIDENCE_BINS, confidence_class
from refundsorter.core.share import Share
from refundsorter.edges.ledger_reading import Parameters, Row
from refundsorter.edges.ledger_schema_reading import IS_FILED

# Copies say nothing new, and of rejected photos the model was never asked.
_BIN = f"min({CONFIDENCE_BINS - 1}, CAST(confidence * {CONFIDENCE_BINS} AS INTEGER))"
ANSWERED = (
    f"SELECT coalesce(category, '') AS category, {_BIN} AS bin, count(*) AS photos "  # noqa: S608 - constants
    f"FROM images INDEXED BY by_time WHERE {IS_FILED} AND finished_at >= ? AND finished_at < ? "
    "AND model = ? AND label IS NOT NULL AND duplicate_of IS NULL GROUP BY 1, 2"
)
# What was said by the end of the span counts: a span that is over gives the same figures for ever.
JUDGED = (
    "SELECT images.category IS to_category AS is_right, count(*) AS photos "
    "FROM correction JOIN images ON images.id = correction.image "
    "WHERE done_at >= :since AND done_at < :until AND images.label IS NOT NULL "
    "AND (:model IS NULL OR images.model = :model) "
    "AND how <> 'reclassified' AND to_category <> '' AND substr(to_category, 1, 1) <> '_' "
    "AND correction.id = "
    "(SELECT max(id) FROM correction AS other WHERE other.image = images.id AND other.done_at < :until) "
    "GROUP BY 1"
)


class Runs(Protocol):
    """A reader, or a snapshot."""

    def run(self, query: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query, by the names of their columns."""


class LedgerDrift:
    """Reads the ledger beside whoever writes it. Methods raise as `Reader.run` does."""

    def __init__(self, reader: Runs) -> None:
        self._reader = reader

    def answered(self, model: str, since: float, until: float) -> tuple[Counter[str], Counter[str]]:
        """The photos that a bundle decided in a span of time, by best category and by confidence.

        Args:
            model: NAME/VERSION.
            since: Unix seconds, inclusive.
            until: Unix seconds, exclusive.
        """
        categories, confidences = Counter[str](), Counter[str]()
        for row in self._reader.run(ANSWERED, (since, until, model)):
            categories[row["category"]] += row["photos"]
            confidences[confidence_class(row["bin"])] += row["photos"]
        return categories, confidences

    def judged(self, model: str | None, since: float, until: float) -> Share:
        """Of the photos that people put into a category in a span of time, those whose best one it was.

        Args:
            model: The bundle whose answers are looked at; None: whichever.
            since: Unix seconds, inclusive.
            until: Unix seconds, exclusive.
        """
        span = {"model": model, "since": since, "until": until}
        found = {row["is_right"]: row["photos"] for row in self._reader.run(JUDGED, span)}
        return Share(hits=found.get(1, 0), of=sum(found.values()))
