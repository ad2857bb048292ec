"""What the model said in a span of time, counted by category and by confidence."""

from collections import Counter

from refundsorter.core.drift import CONFIDENCE_BINS, confidence_class
from refundsorter.core.share import Share
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.ledger_schema_reading import IS_FILED

# Copies say nothing new, and of rejected photos the model was never asked.
_BIN = f"min({CONFIDENCE_BINS - 1}, CAST(confidence * {CONFIDENCE_BINS} AS INTEGER))"
ANSWERED = (
    f"SELECT coalesce(category, '') AS category, {_BIN} AS bin, count(*) AS photos "  # noqa: S608 - constants
    f"FROM images INDEXED BY by_time WHERE {IS_FILED} AND finished_at >= ? AND finished_at < ? "
    "AND model = ? AND label IS NOT NULL AND duplicate_of IS NULL GROUP BY 1, 2"
)
JUDGED = (
    "SELECT images.category IS to_category AS is_right, count(*) AS photos "
    "FROM correction JOIN images ON images.id = correction.image "
    "WHERE done_at >= ? AND done_at < ? AND images.model = ? AND images.label IS NOT NULL "
    "AND how <> 'reclassified' AND to_category <> '' AND substr(to_category, 1, 1) <> '_' "
    "AND correction.id = "
    "(SELECT max(id) FROM correction AS other WHERE other.image = images.id AND other.done_at IS NOT NULL) "
    "GROUP BY 1"
)


class LedgerDrift:
    """Reads the ledger beside whoever writes it. Methods raise as `Reader.run` does."""

    def __init__(self, reader: Reader) -> None:
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

    def judged(self, model: str, since: float, until: float) -> Share:
        """Of the photos that people put into a category in a span of time, those whose best one it was."""
        found = {row["is_right"]: row["photos"] for row in self._reader.run(JUDGED, (since, until, model))}
        return Share(hits=found.get(1, 0), of=sum(found.values()))
