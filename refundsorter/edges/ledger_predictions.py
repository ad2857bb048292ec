"""The ledger's rows of predictions that are recorded: an answer each, which never changes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping, insert, select

from refundsorter.core.prediction import Prediction
from refundsorter.core.record import ranked_fields
from refundsorter.edges import ledger_rows as rows
from refundsorter.edges.ledger_places import Rows
from refundsorter.edges.ledger_tables import IS_UNTOLD, prediction

SAME = (
    "id", "file", "state", "category", "label", "confidence", "reason", "model", "taxonomy", "sha256",
    "width", "height", "decode_ms", "infer_ms",
)  # fmt: skip
NAMES = (*SAME, "answered_at", "by_whom", "top_predictions", "bytes", "cached", "written")
INSERT_PREDICTION = "INSERT INTO prediction ({}) VALUES ({})".format(  # noqa: S608 - constants
    ", ".join(NAMES), ", ".join(f":{name}" for name in NAMES)
)


class PredictionRows(Rows):
    """What was answered and is to be remembered."""

    def record(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        """Keep predictions; the same, each with its number."""
        kept: list[Prediction] = []
        with self._write() as connection:
            for one in predictions:
                key = connection.execute(
                    insert(prediction).values(values(one, written=0))
                ).inserted_primary_key
                assert key is not None, "a row was inserted"
                kept.append(replace(one, id=int(key[0])))
        return kept

    def unjournaled(self, limit: int) -> list[Prediction]:
        """Those that have no line that is marked as durable, oldest first."""
        query = select(prediction).where(IS_UNTOLD).order_by(prediction.c.id).limit(limit)
        with self._read() as connection:
            return [_prediction(row) for row in connection.execute(query).mappings()]


def values(one: Prediction, *, written: int) -> dict[str, Any]:
    """The row of a prediction; `written` is 1 where its line is durable."""
    return {
        **{name: getattr(one, name) for name in SAME},
        "answered_at": one.time,
        "by_whom": one.by,
        "top_predictions": json.dumps(ranked_fields(one.top_predictions)),
        "bytes": one.size,
        "cached": int(one.cached),
        "written": written,
    }


def _prediction(row: RowMapping | Mapping[str, Any]) -> Prediction:
    return Prediction(
        time=row["answered_at"],
        by=row["by_whom"],
        top_predictions=rows.ranked(row["top_predictions"]),
        size=row["bytes"],
        cached=bool(row["cached"]),
        **{name: row[name] for name in SAME},
    )
