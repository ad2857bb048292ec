"""The ledger's photos by filters, page by page: every query walks one index, and reads only so many rows.

One filter leads: its index gives the rows in their order. The others are held against each row, and only so
many rows are looked at for one page, so that a page costs the same whatever the history holds. Where few of
them are wanted the page is short, and its end says where the next one goes on.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from refundsorter.core.image import TERMINAL, State
from refundsorter.core.port_images import Change, Found, Page, Photo, Position, Tallied, Timing, Wanted
from refundsorter.edges.ledger_reading import Reader, Row
from refundsorter.edges.ledger_rows import identity_of
from refundsorter.edges.ledger_schema_reading import IS_FILED, NAME, STATE

LOOKED_AT = 2_000  # rows for one page: some milliseconds
# What filters ask for, in the order in which they lead: first time, in the order of which the list then is,
# and then the one that leaves the fewest rows.
CONDITIONS: Mapping[str, tuple[str, str]] = {
    "time": (
        "by_time",
        f"{IS_FILED} AND finished_at BETWEEN :since AND :time AND (finished_at < :time OR id < :id)",
    ),
    "name": ("by_name", f"{NAME} = :name"),
    "label": ("by_label", "label = :label"),
    "state": ("by_state", f"{STATE} = :state"),
    "category": ("by_category", "category = :category"),
    "model": ("by_model", "model = :model"),
}
HAS_ANSWER = "(finished_at IS NOT NULL OR state = 'classified')"  # else what was found is void
FOREVER = 1e12  # unix seconds
BEYOND = 2**63 - 1  # the largest id that SQLite can give
SINCE_CLASSIFIED = TERMINAL | {State.CLASSIFIED}


class LedgerImages:
    """See `ImagesPort`; for one page at most so many rows are looked at."""

    def __init__(self, reader: Reader, *, looked_at: int = LOOKED_AT) -> None:
        self._reader = reader
        self._looked_at = looked_at

    def page(self, wanted: Wanted, *, after: Position | None, limit: int) -> Page:
        """Some photos of a list."""
        walk = _Walk.of(wanted, after)
        last = self._last_of(walk) if walk.residual else None
        rows = self._reader.run(walk.rows(is_cut=last is not None), walk.values(last) | {"limit": limit + 1})
        following = None
        if len(rows) > limit:
            following = walk.position(rows[limit - 1], 0)
        elif last is not None:  # the next page begins with it
            following = walk.position(last, 1)
        return Page(photos=tuple(map(_photo, rows[:limit])), next=following)

    def _last_of(self, walk: "_Walk") -> Row | None:
        """The first row that is not looked at any more for this page."""
        found = self._reader.run(walk.cut(), walk.values(None) | {"looked_at": self._looked_at})
        return found[0] if found else None

    def photo(self, image: int) -> Photo | None:
        """One photo."""
        rows = self._reader.run("SELECT * FROM images WHERE id = ?", (image,))
        return _photo(rows[0]) if rows else None

    def changes(self, image: int) -> Sequence[Change]:
        """Its corrections."""
        rows = self._reader.run("SELECT * FROM correction WHERE image = ? ORDER BY id", (image,))
        return [
            Change(
                id=row["id"],
                stage=row["stage"],
                how=row["how"],
                by=row["by_whom"],
                asked_at=row["asked_at"],
                done_at=row["done_at"],
                origin=row["from_category"],
                category=row["to_category"],
                trouble=row["trouble"],
            )
            for row in rows
        ]

    def tallies(self) -> Sequence[Tallied]:
        """What was filed, by day."""
        return [
            Tallied(
                day=row["day"],
                state=row["state"],
                category=row["category"] or None,
                reason=row["reason"] or None,
                photos=row["photos"],
                undone=row["undone"],
            )
            for row in self._reader.run("SELECT * FROM tally ORDER BY day")
        ]

    def open(self) -> Mapping[str, int]:
        """How many photos are in each state that is not the last."""
        count = f"SELECT count(*) AS photos FROM images INDEXED BY by_state WHERE {STATE} = ?"  # noqa: S608 - a constant
        states = ("waiting", "claimed", "classified")
        return {state: self._reader.run(count, (state,))[0]["photos"] for state in states}

    def timings(self, count: int) -> Sequence[Timing]:
        """Of the photos that were filed last."""
        columns = (
            "finished_at - seen_at AS total_s, claimed_at - seen_at AS queued_s, decode_ms, infer_ms, move_ms"
        )
        last = f"FROM images INDEXED BY by_time WHERE {IS_FILED} ORDER BY finished_at DESC LIMIT ?"
        query = f"SELECT {columns} {last}"
        return [Timing(**dict(row)) for row in self._reader.run(query, (count,))]

    def troubles(self, count: int) -> Mapping[str, int]:
        """What holds waiting photos back."""
        query = (
            "SELECT trouble, count(*) AS photos FROM (SELECT trouble FROM images INDEXED BY next_to_claim "
            "WHERE state = 'waiting' AND not_before > 0 ORDER BY not_before LIMIT ?) "
            "WHERE trouble IS NOT NULL GROUP BY trouble ORDER BY photos DESC"
        )
        return {row["trouble"]: row["photos"] for row in self._reader.run(query, (count,))}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """How rows are come by: through one index, downwards from a position."""

    lead: str  # the index, and what it leads by
    residual: Sequence[str]  # what is held against each row
    parameters: Mapping[str, Any]
    is_by_time: bool

    @classmethod
    def of(cls, wanted: Wanted, after: Position | None) -> "_Walk":
        given = {
            "time": wanted.is_by_time,
            "name": wanted.name is not None,
            "label": wanted.label is not None,
            "state": wanted.state is not None,
            "category": wanted.category is not None,
            "model": wanted.model is not None,
        }
        asked = [name for name, is_given in given.items() if is_given]
        residual = [CONDITIONS[name][1] for name in asked[1:]]
        if wanted.min_confidence is not None:
            residual.append("confidence >= :min_confidence")
        if {"label", "category", "model"} & set(asked) or wanted.min_confidence is not None:
            residual.append(HAS_ANSWER)
        index, condition = CONDITIONS[asked[0]] if asked else ("", "")
        time, last = _start(wanted, after)
        return cls(
            lead=f"INDEXED BY {index} WHERE {condition}" if asked else "NOT INDEXED WHERE 1",
            residual=residual,
            parameters={
                "name": wanted.name,
                "label": wanted.label,
                "state": wanted.state.value if wanted.state else None,
                "category": wanted.category,
                "model": wanted.model,
                "min_confidence": wanted.min_confidence,
                "since": -FOREVER if wanted.since is None else wanted.since,
                "time": time,
                "id": last,
            },
            is_by_time=wanted.is_by_time,
        )

    # The pieces of these queries are constants: what a client gives is a parameter.

    def cut(self) -> str:
        """The query of the first row that is too many."""
        return f"SELECT id, finished_at FROM images {self._walked} {self._order} LIMIT 1 OFFSET :looked_at"  # noqa: S608

    def rows(self, *, is_cut: bool) -> str:
        """The query of the rows; where there are too many, of those before the one that is cut off."""
        more = list(self.residual)
        if is_cut:
            more.append("(finished_at > :since OR id > :last_id)" if self.is_by_time else "id > :last_id")
        return f"SELECT * FROM images {' AND '.join([self._walked, *more])} {self._order} LIMIT :limit"  # noqa: S608

    def values(self, last: Row | None) -> dict[str, Any]:
        """The parameters of both."""
        if last is None:
            return dict(self.parameters)
        cut = {"since": last["finished_at"]} if self.is_by_time else {}
        return {**self.parameters, "last_id": last["id"], **cut}

    def position(self, row: Row, more: int) -> Position:
        """Where a list goes on behind a row, or with it."""
        return Position(id=row["id"] + more, time=row["finished_at"] if self.is_by_time else None)

    @property
    def _walked(self) -> str:
        return self.lead if self.is_by_time else f"{self.lead} AND id < :id"

    @property
    def _order(self) -> str:
        return f"ORDER BY {'finished_at DESC, ' if self.is_by_time else ''}id DESC"


def _start(wanted: Wanted, after: Position | None) -> tuple[float, int]:
    """Before which time, or at it before which id, the rows are; a position may be of another list."""
    until = FOREVER if wanted.until is None else wanted.until
    if after is None:
        return until, 0 if wanted.is_by_time else BEYOND
    if not wanted.is_by_time:
        return until, after.id
    return min((until, 0), (FOREVER if after.time is None else after.time, after.id))


def _photo(row: Row) -> Photo:
    state = State(row["state"])
    return Photo(
        id=row["id"],
        state=state,
        path=os.fsdecode(row["path"]),
        identity=identity_of(row["identity"]),
        noticed_by=row["noticed_by"],
        seen_at=row["seen_at"],
        claimed_at=row["claimed_at"],
        not_before=row["not_before"],
        attempts=row["attempts"],
        trouble=row["trouble"],
        job=row["job"],
        found=_found(row) if state in SINCE_CLASSIFIED else None,
        finished_at=row["finished_at"],
        move_ms=row["move_ms"],
    )


def _found(row: Row) -> Found:
    return Found(
        sha256=row["sha256"],
        category=row["category"],
        label=row["label"],
        confidence=row["confidence"],
        top_predictions=json.loads(row["top_predictions"]),
        width=row["width"],
        height=row["height"],
        duplicate_of=row["duplicate_of"],
        decode_ms=row["decode_ms"],
        infer_ms=row["infer_ms"],
        model=row["model"],
        taxonomy=row["taxonomy"],
        reason=row["reason"],
        detail=row["detail"],
        destination=os.fsdecode(row["destination"]),
    )
