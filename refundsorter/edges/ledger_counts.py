"""The queries that count photos over the whole history."""

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
COUNTED = {
    "state": "SELECT state, count(*) FROM images GROUP BY 1",
    "category": "SELECT category, count(*) FROM images WHERE state = 'sorted' GROUP BY 1 ORDER BY 1",
    "reason": "SELECT reason, count(*) FROM images WHERE state = 'rejected' GROUP BY 1 ORDER BY 1",
}
TALLY_SINCE = 4  # the ledger's version
_OPEN = f"SELECT state, count(*) FROM images WHERE {OPEN_STATES} GROUP BY 1"  # noqa: S608 - a constant
TALLIED = {
    "state": f"SELECT state, sum(photos) FROM tally GROUP BY 1 UNION ALL {_OPEN}",  # noqa: S608 - constants
    "category": "SELECT category, sum(photos) FROM tally WHERE state = 'sorted' GROUP BY 1 ORDER BY 1",
    "reason": "SELECT reason, sum(photos) FROM tally WHERE state = 'rejected' GROUP BY 1 ORDER BY 1",
}

CORRECTIONS_DONE = "SELECT count(*) FROM correction WHERE done_at IS NOT NULL"  # made by people: they are few
JOBS_RUNNING = "SELECT count(*) FROM jobs WHERE state IN ('running', 'cancelling')"  # by `jobs_by_state`
