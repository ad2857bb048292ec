"""The queries that count photos over the whole history."""

from collections.abc import Mapping

from refundsorter.edges.ledger_schema_reading import IS_FILED

OPEN_STATES = "state IN ('claimed', 'classified', 'waiting')"  # as the partial index says it
LAST_FINISHED = f"SELECT max(finished_at) FROM images WHERE {IS_FILED}"  # noqa: S608 - a constant
OLDEST_OPEN = f"SELECT min(seen_at) FROM images WHERE {OPEN_STATES}"  # noqa: S608 - a constant
# Only recovery gives photos of this state trouble.
HELD = (
    f"SELECT id, trouble FROM images WHERE {OPEN_STATES} "  # noqa: S608 - a constant
    "AND state = 'classified' AND trouble IS NOT NULL"
)
TROUBLE = (
    "SELECT trouble, count(*) FROM images WHERE state = 'waiting' AND trouble IS NOT NULL "
    "GROUP BY trouble ORDER BY count(*) DESC LIMIT 10"
)

# What was filed in which way, over the whole history: counted in the rows, or read from the tally.
COUNTED: Mapping[str, str] = {
    "state": "SELECT state, count(*) FROM images GROUP BY 1",
    "category": "SELECT category, count(*) FROM images WHERE state = 'sorted' GROUP BY 1 ORDER BY 1",
    "reason": "SELECT reason, count(*) FROM images WHERE state = 'rejected' GROUP BY 1 ORDER BY 1",
}
TALLY_SINCE, UNDONE_SINCE = 4, 5  # the ledger's versions
_OPEN = f"SELECT state, count(*) FROM images WHERE {OPEN_STATES} GROUP BY 1"  # noqa: S608 - a constant
CORRECTIONS_DONE = "SELECT count(*) FROM correction WHERE done_at IS NOT NULL AND to_category <> ''"
JOBS_RUNNING = "SELECT count(*) FROM jobs WHERE state IN ('running', 'cancelling')"  # by `jobs_by_state`


def by(version: int) -> Mapping[str, str]:
    """The queries for a ledger of this version."""
    if version < TALLY_SINCE:
        return COUNTED
    undone = "undone" if version >= UNDONE_SINCE else "0"
    photos = f"sum(photos - {undone})"
    some = f"GROUP BY 1 HAVING {photos} > 0"
    put_back = f"SELECT 'undone', photos FROM (SELECT sum({undone}) AS photos FROM tally) WHERE photos > 0"  # noqa: S608 - constants
    filed = f"SELECT state, {photos} FROM tally {some}"  # noqa: S608 - constants
    return {
        "state": f"{filed} UNION ALL {put_back} UNION ALL {_OPEN}",
        "category": f"SELECT category, {photos} FROM tally WHERE state = 'sorted' {some} ORDER BY 1",  # noqa: S608 - constants
        "reason": f"SELECT reason, {photos} FROM tally WHERE state = 'rejected' {some} ORDER BY 1",  # noqa: S608 - constants
    }
