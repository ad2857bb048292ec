"""What the ledger keeps so that questions about its history are answered without reading it.

Indices, and a tally that counts what was filed, by day. Triggers keep it in the same transaction in which a
photo is filed, so that it can never say anything else than the rows. Literal SQL: the planner takes a partial
index, or one on an expression, only where a query says the same as it.
"""

from collections.abc import Callable

# The name of a file, from its path: what follows the last slash. Letters of ASCII are alike in either case.
NAME = (
    "substr(CAST(path AS TEXT), "
    "length(rtrim(CAST(path AS TEXT), replace(CAST(path AS TEXT), '/', ''))) + 1) COLLATE NOCASE"
)
# Said so that no statement of the sorter says the same: none is ever planned by the indices of these two.
STATE = "state || ''"
IS_FILED = "finished_at <> 0"
INDICES = (
    f"CREATE INDEX by_state ON images ({STATE})",
    "CREATE INDEX by_category ON images (category) WHERE category IS NOT NULL",
    "CREATE INDEX by_label ON images (label) WHERE label IS NOT NULL",
    "CREATE INDEX by_model ON images (model) WHERE model IS NOT NULL",
    f"CREATE INDEX by_time ON images (finished_at) WHERE {IS_FILED}",
    f"CREATE INDEX by_name ON images ({NAME})",
)
TALLY = (
    "CREATE TABLE tally ("
    "day INTEGER NOT NULL, "  # since 1970-01-01, UTC
    "state TEXT NOT NULL, category TEXT NOT NULL, reason TEXT NOT NULL, "  # '' for none
    "photos INTEGER NOT NULL, PRIMARY KEY (day, state, category, reason)) WITHOUT ROWID"
)
_DAY = "CAST({row}finished_at / 86400 AS INTEGER)"
_KEY = f"{_DAY}, {{row}}state, ifnull({{row}}category, ''), ifnull({{row}}reason, '')"
_COUNT = (
    f"BEGIN INSERT INTO tally VALUES ({_KEY.format(row='NEW.')}, 1) "  # noqa: S608 - constants
    "ON CONFLICT DO UPDATE SET photos = photos + 1; END"
)
_IS_FILED_NOW = "OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL"
TRIGGERS = (
    f"CREATE TRIGGER tally_filed AFTER UPDATE OF finished_at ON images WHEN {_IS_FILED_NOW} {_COUNT}",
    f"CREATE TRIGGER tally_rebuilt AFTER INSERT ON images WHEN NEW.finished_at IS NOT NULL {_COUNT}",
)
FILL = (
    f"INSERT INTO tally SELECT {_KEY.format(row='')}, count(*) FROM images "  # noqa: S608 - constants
    "WHERE finished_at IS NOT NULL GROUP BY 1, 2, 3, 4"
)


def make(execute: Callable[[str], object]) -> None:
    """Make them, in a ledger that has photos or none."""
    for statement in (TALLY, FILL, *TRIGGERS, *INDICES):
        execute(statement)
