"""Answers that were given before, looked up beside the sorter."""

from collections.abc import Collection

from refundsorter.core.image import Answer
from refundsorter.edges import ledger_rows as rows
from refundsorter.edges.ledger_reading import Reader

QUERY = (
    "SELECT sha256, category, label, confidence, top_predictions, width, height "
    "FROM images INDEXED BY contents WHERE sha256 IN ({}) AND infer_ms IS NOT NULL "
    "AND finished_at IS NOT NULL AND model = ? AND taxonomy = ?"
)


class LedgerAnswers:
    """See `AnswersPort`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def answers(self, contents: Collection[str], *, model: str, taxonomy: str) -> dict[str, Answer]:
        """Those that this model gave under this taxonomy, by the content's sha256."""
        wanted = sorted(set(contents))
        query = QUERY.format(", ".join("?" * len(wanted)))
        return {
            row["sha256"]: rows.answer(dict(row))
            for row in self._reader.run(query, (*wanted, model, taxonomy))
        }
