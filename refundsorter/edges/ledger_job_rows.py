"""Between the ledger's rows of jobs and the core's values."""

import json
from collections.abc import Iterable
from typing import Any

from refundsorter.core.job import Job, JobState, Scope, Tally

COUNTED = ("entered", "kept", "left")  # outcomes whose sum is what a job has found


def request_text(scope: Scope) -> str:
    """As stored: equal for scopes that are equal."""
    asked: dict[str, Any] = {"classes": scope.classes, "paths": scope.paths, "glob": scope.glob}
    return json.dumps(asked | ({"undone": True} if scope.undone else {}))


def job_of(row: Any) -> Job:
    """The job of a row, whose columns are its attributes."""
    asked = json.loads(row.request or "{}")
    return Job(
        id=row.id,
        kind=row.kind,
        state=JobState(row.state),
        scope=Scope(
            classes=tuple(asked.get("classes", ())),
            paths=tuple(asked.get("paths", ())),
            glob=asked.get("glob"),
            undone=asked.get("undone", False),
        ),
        by=row.by_whom,
        asked_at=row.asked_at,
        started_at=row.started_at,
        scanned_at=row.scanned_at,
        ended_at=row.ended_at,
        trouble=row.trouble,
    )


def tally_of(counts: Iterable[tuple[str, str, int]]) -> Tally:
    """What the rows of one job's tally say: outcome, detail, photos."""
    totals: dict[str, int] = {}
    details: dict[str, dict[str, int]] = {"sorted": {}, "rejected": {}}
    for outcome, detail, photos in counts:
        totals[outcome] = totals.get(outcome, 0) + photos
        if outcome in details:
            details[outcome][detail] = photos
    return Tally(
        found=sum(totals.get(outcome, 0) for outcome in COUNTED),
        review=totals.get("review", 0),
        undone=totals.get("undone", 0),
        kept=totals.get("kept", 0),
        categories=details["sorted"],
        failures=details["rejected"],
    )
