"""The photos that are to be put back, found in the ledger beside a running daemon.

A number, a job, a time and a folder each have an index; nothing reads the history.
"""

import os
from collections.abc import Iterator

from refundsorter.core.record import Event
from refundsorter.core.undoing import Chosen, Selection
from refundsorter.edges.ledger_report import LINES_SINCE, LedgerReport
from refundsorter.edges.ledger_returned import file_in

UNDONE_SINCE = 5  # the ledger's version
MOST = 10_000  # numbers in one statement
CHOSEN = "SELECT id, destination, path, state = 'undone' FROM images WHERE finished_at IS NOT NULL"


class ChoosingReport(LedgerReport):
    """Read-only queries on the ledger at `path`; to be closed. Raises as `LedgerReport`."""

    def chosen(self, selection: Selection, *, shelf: str) -> list[Chosen]:
        """The filed photos that fit, in the order of their numbers; of those put back, only what is named.

        Args:
            selection: What they have to fit.
            shelf: Its root.
        """
        conditions, parameters = ["state != 'undone'"] if selection.ids is None else [], list[object]()
        if selection.job is not None:
            conditions.append("job = ?")
            parameters.append(selection.job)
        if selection.since is not None:
            conditions.append("finished_at <> 0 AND finished_at >= ?")
            parameters.append(selection.since)
        if selection.folder is not None:
            first = os.fsencode(os.path.join(shelf, selection.folder))
            conditions.append("destination > ? AND destination < ?")
            parameters += [first + b"/", first + b"0"]  # the character behind the slash
        return [
            Chosen(id=number, path=os.fsdecode(path), home=os.fsdecode(home), is_undone=bool(is_undone))
            for numbers in _parts(selection.ids)
            for number, path, home, is_undone in self._run(
                " AND ".join([CHOSEN, *conditions, *_named(numbers)]) + " ORDER BY id",
                (*parameters, *numbers),
            )
        ]

    def put_right(self) -> set[int]:
        """The photos that lie where people put them last; there are never many."""
        query = (
            "SELECT image FROM correction WHERE id IN "
            "(SELECT max(id) FROM correction WHERE done_at IS NOT NULL GROUP BY image) "
            "AND how IN ('command', 'moved')"
        )
        if self._version < LINES_SINCE[Event.CORRECTED]:
            return set()
        return {image for (image,) in self._run(query, ())}

    def returned(self) -> Iterator[tuple[str, str]]:
        """Where photos lie that were put back, each with its file; see `ledger_returned`."""
        if self._version < UNDONE_SINCE:
            return
        query = "SELECT destination, identity FROM images INDEXED BY by_state WHERE state || '' = 'undone'"
        for path, identity in self._run(query, ()):
            yield os.fsdecode(path), file_in(identity)


def _named(numbers: tuple[int, ...]) -> list[str]:
    return [f"id IN ({', '.join('?' * len(numbers))})"] if numbers else []


def _parts(ids: tuple[int, ...] | None) -> Iterator[tuple[int, ...]]:
    if ids is None:
        yield ()
        return
    ordered = sorted(set(ids))
    for first in range(0, len(ordered), MOST):
        yield tuple(ordered[first : first + MOST])
