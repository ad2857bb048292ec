"""What the ledger keeps so that questions about its history are answered without reading it.

Indices, and a tally that counts what was filed, by day, and what of it was put back. Triggers keep it in the
same transaction in which a photo's row changes, so that it can never say anything else than the rows. Literal
SQL: the planner takes a partial index, or one on an expression, only where a query says the same as it.
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
    "photos INTEGER NOT NULL, "
    "undone INTEGER NOT NULL, "  # of these, in the inbox again
    "PRIMARY KEY (day, state, category, reason)) WITHOUT ROWID"
)
_DAY = "CAST({row}finished_at / 86400 AS INTEGER)"
_KEY = f"{_DAY}, {{row}}state, ifnull({{row}}category, ''), ifnull({{row}}reason, '')"
_WAS = _KEY.replace("{row}state", "CASE {row}state WHEN 'undone' THEN {row}intended ELSE {row}state END")
_COUNT = (
    f"BEGIN INSERT INTO tally VALUES ({_WAS.format(row='NEW.')}, 1, NEW.state = 'undone') "  # noqa: S608 - constants
    "ON CONFLICT DO UPDATE SET photos = photos + 1, undone = undone + excluded.undone; END"
)
_COUNT_BACK = f"""
BEGIN UPDATE tally SET undone = undone + 1
WHERE (day, state, category, reason) = ({_KEY.format(row="OLD.")}); END"""  # noqa: S608 - constants
_IS_FILED_NOW = "OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL"
_IS_PUT_BACK = "NEW.state = 'undone' AND OLD.state <> 'undone'"
TRIGGERS = (
    f"CREATE TRIGGER tally_filed AFTER UPDATE OF finished_at ON images WHEN {_IS_FILED_NOW} {_COUNT}",
    f"CREATE TRIGGER tally_rebuilt AFTER INSERT ON images WHEN NEW.finished_at IS NOT NULL {_COUNT}",
    f"CREATE TRIGGER tally_undone AFTER UPDATE OF state ON images WHEN {_IS_PUT_BACK} {_COUNT_BACK}",
)
FILL = (
    f"INSERT INTO tally SELECT {_WAS.format(row='')}, count(*), sum(state = 'undone') FROM images "  # noqa: S608 - constants
    "WHERE finished_at IS NOT NULL GROUP BY 1, 2, 3, 4"
)


def make(execute: Callable[[str], object]) -> None:
    """Make them, in a ledger that has photos or none."""
    for statement in (TALLY, FILL, *TRIGGERS, *INDICES):
        execute(statement)


def count_undone(execute: Callable[[str], object]) -> None:
    """Count photos that are put back, in a ledger of version 4; what it counted is counted anew."""
    for name in ("tally_filed", "tally_rebuilt", "tally_undone"):
        execute(f"DROP TRIGGER IF EXISTS {name}")
    for statement in ("DROP TABLE tally", TALLY, FILL, *TRIGGERS):
        execute(statement)
