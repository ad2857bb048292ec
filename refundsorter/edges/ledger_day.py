"""What the ledger tells of a span of time: every query walks the index of time, or the few rows at work.

A filed photo counts as it was filed, whatever became of it since (`intended`, not `state`), and a correction
as it stood at the end of the span. So a span that is over gives the same figures for ever.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from refundsorter.core.day_facts import Answered, Group, Move, Refused, Slow, Waits
from refundsorter.core.placement import REVIEW
from refundsorter.core.record import rfc3339
from refundsorter.core.share import Share
from refundsorter.core.text import printable
from refundsorter.edges.ledger_counts import OPEN_STATES
from refundsorter.edges.ledger_drift import LedgerDrift
from refundsorter.edges.ledger_reading import Row, Snapshot
from refundsorter.edges.ledger_schema_reading import IS_FILED

UTC_DAY_S = 86_400
_BY_TIME = f"images INDEXED BY by_time WHERE {IS_FILED}"
_FILED = f"{_BY_TIME} AND finished_at >= :since AND finished_at < :until"
_SEEN = "CASE WHEN seen_at < :since THEN -1 ELSE CAST((seen_at - :since) / 3600 AS INTEGER) END AS hour"
_TOOK = "finished_at - seen_at"
# All of these are constants: what is asked for is a parameter.
COUNT = f"SELECT count(*) AS photos FROM {_FILED}"  # noqa: S608
GROUPS = f"SELECT noticed_by, {_SEEN}, intended, count(*) AS photos FROM {_FILED} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"  # noqa: E501, S608
# At the end of the span: those that are filed since, and those that are not yet.
_WAITING = (
    f"SELECT noticed_by, seen_at FROM {_BY_TIME} AND finished_at >= :until AND seen_at < :until "  # noqa: S608
    f"UNION ALL SELECT noticed_by, seen_at FROM images INDEXED BY one_open_per_path "
    f"WHERE {OPEN_STATES} AND seen_at < :until"
)
WAITING = f"SELECT noticed_by, {_SEEN}, count(*) AS photos FROM ({_WAITING}) GROUP BY 1, 2 ORDER BY 1, 2"  # noqa: S608
OLDEST = (
    "SELECT id, path, seen_at, attempts, trouble FROM images INDEXED BY one_open_per_path "  # noqa: S608
    f"WHERE {OPEN_STATES} AND seen_at < :until ORDER BY seen_at, id LIMIT :limit"
)
ANSWERED = (
    "SELECT ifnull(category, '') AS category, sum(intended = 'sorted') AS sorted, "  # noqa: S608
    f"sum(intended = 'review') AS review, sum(confidence) AS confidence FROM {_FILED} "
    "AND label IS NOT NULL GROUP BY 1 ORDER BY 1"
)
REASONS = (
    f"SELECT reason, count(*) AS photos FROM {_FILED} AND intended = 'rejected' "  # noqa: S608
    "GROUP BY 1 ORDER BY 2 DESC, 1"
)
# Some of each reason, the first ones first.
REFUSED = (
    "SELECT id, path, reason, detail FROM (SELECT id, path, reason, detail, "  # noqa: S608
    f"row_number() OVER (PARTITION BY reason ORDER BY id) AS turn FROM {_FILED} AND intended = 'rejected') "
    "ORDER BY turn, reason, id LIMIT :limit"
)
TIMES = (
    f"SELECT {_TOOK} AS total_s, claimed_at - seen_at AS queued_s, decode_ms, infer_ms, move_ms "  # noqa: S608
    f"FROM {_FILED}"
)
SLOWEST = (
    f"SELECT id, path, intended, {_TOOK} AS total_s, claimed_at - seen_at AS queued_s, attempts "  # noqa: S608
    f"FROM {_FILED} ORDER BY {_TOOK} DESC, id LIMIT :limit"
)
PACE = (
    "SELECT CAST((finished_at - :since) / :step AS INTEGER) AS step, count(*) AS photos "  # noqa: S608
    f"FROM {_FILED} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
)
MODELS = f"SELECT model, count(*) AS photos FROM {_FILED} GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: S608
OWED = f"SELECT count(*) AS photos FROM {_FILED} AND journaled = 0"  # noqa: S608
FIRST = f"SELECT min(finished_at) AS first FROM images WHERE {IS_FILED}"  # noqa: S608
MOVES = (
    "SELECT from_category, to_category, count(*) AS photos FROM correction "
    "WHERE done_at >= :since AND done_at < :until GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
)
# Filed for review before a moment: whole days of UTC by the tally, and the rest by the rows.
REVIEWED = (
    "SELECT ifnull(sum(photos), 0) + (SELECT count(*) "  # noqa: S608
    f"FROM {_BY_TIME} AND finished_at >= :utc_day * {UTC_DAY_S} AND finished_at < :at "
    "AND intended = 'review') "
    "AS photos FROM tally WHERE state = 'review' AND day < :utc_day"
)
# By the latest word on each photo before that moment: how many have left the folder, less those put into it.
LEFT = (
    "SELECT ifnull(sum((intended = 'review') - (to_category = :review)), 0) AS photos "
    "FROM correction JOIN images ON images.id = correction.image "
    "WHERE done_at < :at AND correction.id = "
    "(SELECT max(id) FROM correction AS other WHERE other.image = images.id AND other.done_at < :at)"
)


class LedgerDay:
    """Reads one span of time.

    Args:
        ledger: At one moment.
        since: Unix seconds, inclusive.
        until: Unix seconds, exclusive.
    """

    def __init__(self, ledger: Snapshot, since: float, until: float) -> None:
        self._ledger = ledger
        self._span = {"since": since, "until": until}

    def count(self) -> int:
        """How many photos were filed."""
        return self._one(COUNT)

    def groups(self) -> list[Group]:
        """What was filed, by how and when it was noticed, and by what was done."""
        return [_group(row, row["intended"]) for row in self._rows(GROUPS)]

    def waiting(self) -> list[Group]:
        """What had come and was not filed by the end."""
        return [_group(row, "waiting") for row in self._rows(WAITING)]

    def oldest(self, limit: int) -> list[Waits]:
        """What is not filed even now, and came before the end: those that wait longest."""
        return [
            Waits(
                id=row["id"],
                file=_name(row["path"]),
                seen_at=rfc3339(row["seen_at"]),
                attempts=row["attempts"],
                trouble=None if row["trouble"] is None else printable(row["trouble"]),
            )
            for row in self._rows(OLDEST, limit=limit)
        ]

    def answered(self) -> list[Answered]:
        """What the model said, by best category."""
        return [
            Answered(
                category=printable(row["category"]),
                sorted=row["sorted"],
                review=row["review"],
                confidence=row["confidence"],
            )
            for row in self._rows(ANSWERED)
        ]

    def reasons(self) -> dict[str, int]:
        """Why photos were rejected, the most frequent first."""
        return {printable(row["reason"] or ""): row["photos"] for row in self._rows(REASONS)}

    def refused(self, limit: int) -> list[Refused]:
        """Some that were rejected, of every reason."""
        return [
            Refused(
                id=row["id"],
                file=_name(row["path"]),
                reason=printable(row["reason"] or ""),
                detail=printable(row["detail"] or ""),
            )
            for row in self._rows(REFUSED, limit=limit)
        ]

    def times(self) -> Iterator[Mapping[str, float | None]]:
        """How long each photo took, by stage."""
        return self._ledger.each(TIMES, self._span)

    def slowest(self, limit: int) -> list[Slow]:
        """Those that took longest from being seen to being filed."""
        return [
            Slow(
                id=row["id"],
                file=_name(row["path"]),
                state=row["intended"],
                total_s=round(row["total_s"], 3),
                queued_s=round(row["queued_s"], 3),
                attempts=row["attempts"],
            )
            for row in self._rows(SLOWEST, limit=limit)
        ]

    def busiest(self, step_s: float) -> tuple[int, int]:
        """The number of the step in which most photos were filed, and how many."""
        found = self._rows(PACE, step=step_s)
        return (found[0]["step"], found[0]["photos"]) if found else (0, 0)

    def models(self) -> dict[str, int]:
        """Which bundles decided how many."""
        return {printable(row["model"]): row["photos"] for row in self._rows(MODELS)}

    def owed(self) -> int:
        """How many filed photos have no durable line now."""
        return self._one(OWED)

    def first(self) -> float | None:
        """When the first photo of all was filed."""
        found: float | None = self._ledger.run(FIRST)[0]["first"]
        return found

    def moves(self) -> list[Move]:
        """What people put where."""
        return [
            Move(
                origin=printable(row["from_category"] or ""),
                category=printable(row["to_category"]),
                photos=row["photos"],
            )
            for row in self._rows(MOVES)
        ]

    def judged(self) -> Share:
        """How often the model was right of what people corrected or confirmed."""
        return LedgerDrift(self._ledger).judged(None, self._span["since"], self._span["until"])

    def backlog(self, at: float) -> int:
        """How many photos lay in review then, as far as corrections tell."""
        asked = {"at": at, "utc_day": int(at // UTC_DAY_S), "review": REVIEW}
        return int(
            self._ledger.run(REVIEWED, asked)[0]["photos"] - self._ledger.run(LEFT, asked)[0]["photos"]
        )

    def _rows(self, query: str, **more: Any) -> Sequence[Row]:
        return self._ledger.run(query, self._span | more)

    def _one(self, query: str) -> int:
        return int(self._ledger.run(query, self._span)[0]["photos"])


def _group(row: Row, state: str) -> Group:
    return Group(source=row["noticed_by"], hour=row["hour"], state=state, photos=row["photos"])


def _name(path: bytes) -> str:
    return printable(os.fsdecode(path).rpartition("/")[2])
