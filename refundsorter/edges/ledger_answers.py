"""Answers that were given before, looked up beside the sorter."""

from collections.abc import Collection

from refundsorter.core.image import Answer
from refundsorter.edges import ledger_rows as rows
from refundsorter.edges.ledger_reading import Reader

COLUMNS = "sha256, category, label, confidence, top_predictions, width, height"
OF_PREDICTIONS = (
    f"SELECT {COLUMNS} FROM prediction INDEXED BY predicted_contents WHERE sha256 IN ({{0}}) "  # noqa: S608 - constants
    "AND infer_ms IS NOT NULL AND model = ? AND taxonomy = ?"
)
OF_PHOTOS = (
    f"SELECT {COLUMNS} FROM images INDEXED BY contents WHERE sha256 IN ({{0}}) "  # noqa: S608 - constants
    "AND infer_ms IS NOT NULL AND finished_at IS NOT NULL AND model = ? AND taxonomy = ?"
)
QUERY = f"{OF_PREDICTIONS} UNION ALL {OF_PHOTOS}"  # photos last: their answers are the ones that count


class LedgerAnswers:
    """See `AnswersPort`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def answers(self, contents: Collection[str], *, model: str, taxonomy: str) -> dict[str, Answer]:
        """Those that this model gave under this taxonomy, by the content's sha256."""
        wanted = sorted(set(contents))
        query = QUERY.format(", ".join("?" * len(wanted)))
        parameters = (*wanted, model, taxonomy)
        return {row["sha256"]: rows.answer(row) for row in self._reader.run(query, parameters * 2)}
