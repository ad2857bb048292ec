"""The ledger's rows of what people ask for: where photos belong, and which are to be put back.

A request is a correction that stands at `asked`. Whoever asks may be another process than the one that takes
it up, so nothing here needs that one's lock.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select

from refundsorter.core.correction import NOWHERE, How, Stage, Verdict
from refundsorter.core.image import State
from refundsorter.edges.ledger_places import Rows
from refundsorter.edges.ledger_tables import IS_OPEN_CORRECTION, correction, images

MOST = 10_000  # numbers in one statement; SQLite takes three times as many


class RequestRows(Rows):
    """What is asked for."""

    def ask(
        self, images: Sequence[int], category: str, *, by: str | None, now: float, how: How = How.COMMAND
    ) -> list[int]:
        """Ask for photos to be put into a category; the numbers of the corrections, in the same order."""
        with self._write() as connection:
            return _asked(connection, images, how, category=category, by=by, now=now)

    def ask_back(self, photos: Sequence[int], *, by: str | None, now: float) -> dict[int, int]:
        """Ask for photos to be put back into the inbox; the numbers of the requests, by the photos'.

        One that is asked for already, by a command that was killed perhaps, is not asked for twice. One that
        has been put back is left out.
        """
        numbers: dict[int, int] = {}
        with self._write() as connection:
            for some in _parts(dict.fromkeys(photos)):
                is_back = select(images.c.id).where(
                    images.c.id.in_(some), images.c.state == State.UNDONE.value
                )
                back = set(connection.scalars(is_back))
                is_asked = select(correction.c.image, correction.c.id).where(
                    IS_OPEN_CORRECTION,
                    correction.c.how == How.UNDONE.value,
                    correction.c.image.in_(some),
                )
                asked = {row.image: row.id for row in connection.execute(is_asked)}
                new = [one for one in some if one not in back and one not in asked]
                found = _asked(connection, new, How.UNDONE, category=NOWHERE, by=by, now=now)
                numbers |= asked | dict(zip(new, found, strict=True))
        return numbers

    def verdicts(self, numbers: Collection[int]) -> dict[int, Verdict]:
        """What became of corrections that were asked for."""
        verdicts: dict[int, Verdict] = {}
        with self._read() as connection:
            for some in _parts(numbers):
                found = connection.execute(select(correction).where(correction.c.id.in_(some)))
                verdicts |= {row["id"]: _verdict(row) for row in found.mappings()}
        return verdicts

    def open_ones(self, numbers: Collection[int]) -> int:
        """How many of some corrections, which were asked for together, are not over."""
        if not numbers:
            return 0
        within: ColumnElement[bool] = correction.c.id.between(min(numbers), max(numbers))
        query = select(correction.c.id).where(IS_OPEN_CORRECTION, within)
        with self._read() as connection:
            return len(set(connection.scalars(query)).intersection(numbers))

    def withdraw(self, numbers: Collection[int]) -> dict[int, Verdict]:
        """Take back what nobody has begun, and drop what was refused; how these stood at last."""
        withdrawn: dict[int, Verdict] = {}
        with self._write() as connection:
            for some in _parts(numbers):
                gone = delete(correction).where(
                    correction.c.id.in_(some),
                    correction.c.stage.in_([Stage.ASKED.value, Stage.REFUSED.value]),
                )
                found = connection.execute(gone.returning(correction))
                withdrawn |= {row["id"]: _verdict(row) for row in found.mappings()}
        return withdrawn

    def came_from(self, root: str, device: int) -> bool:
        """Whether any photo lay on this device when it came by this inbox, or lies there again.

        One that was moved on the shelf is known by its file there.
        """
        query = select(func.count()).where(
            select(images.c.id)
            .where(images.c.root == root, images.c.finished_at.is_not(None))
            .where(images.c.filed_as.is_(None) | (images.c.state == State.UNDONE.value))
            .where(images.c.identity >= f"{device}:", images.c.identity < f"{device};")
            .limit(1)
            .exists()
        )
        with self._read() as connection:
            return bool(connection.scalar(query))


def _verdict(row: RowMapping) -> Verdict:
    return Verdict(
        stage=Stage(row["stage"]),
        trouble=row["trouble"],
        origin=row["from_category"],
        source=row["from_destination"],
        destination=row["to_destination"],
    )


def _asked(
    connection: Connection, photos: Sequence[int], how: How, *, category: str, by: str | None, now: float
) -> list[int]:
    values: list[dict[str, Any]] = [
        {
            "image": image,
            "stage": Stage.ASKED.value,
            "how": how.value,
            "by_whom": by,
            "asked_at": now,
            "to_category": category,
        }
        for image in photos
    ]
    if not values:
        return []
    statement = insert(correction).returning(correction.c.id, sort_by_parameter_order=True)
    return list(connection.execute(statement, values).scalars())


def _parts(numbers: Iterable[int]) -> Iterator[list[int]]:
    listed = list(numbers)
    for first in range(0, len(listed), MOST):
        yield listed[first : first + MOST]
