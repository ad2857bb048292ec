"""Where on the shelf each photo lies, as far as the ledger knows, and what was found to lie elsewhere."""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from refundsorter.core.correction import How, Relocated, Shelved, Stage
from refundsorter.core.image import FILED, IllegalTransition, State, predecessors
from refundsorter.core.stability import FileIdentity
from refundsorter.edges import ledger_rows as rows
from refundsorter.edges.ledger_tables import IS_OPEN_CORRECTION, correction, images

Transaction = Callable[[], AbstractContextManager[Connection]]

MOST_COPIES = 1000  # photos of one content that are looked at
ON_SHELF = ", ".join(f"'{state}'" for state in sorted({State.CLASSIFIED, *FILED}))  # where it counts
KNOWN = f"SELECT destination FROM images WHERE state IN ({ON_SHELF}) AND destination IN"  # noqa: S608 - constants
PUT = (
    update(images)
    .where(images.c.id == bindparam("b_id"))
    .values(
        filed_as=func.coalesce(images.c.filed_as, images.c.destination),
        destination=bindparam("b_destination", type_=images.c.destination.type),
        identity=bindparam("b_identity"),
    )
)
TAKE_BACK = (
    update(images)
    .where(images.c.id == bindparam("b_id"))
    .where(or_(*(images.c.state == state.value for state in sorted(predecessors(State.UNDONE)))))
    .values(state=State.UNDONE.value)
)


class Rows:
    """A part of the ledger's rows.

    Args:
        read: A transaction that reads; raises `PassingTrouble` where the disk does not allow it now.
        write: One that writes, likewise.
    """

    def __init__(self, read: Transaction, write: Transaction) -> None:
        self._read = read
        self._write = write


class PlaceRows(Rows):
    """Where photos lie."""

    def relocate(self, found: Sequence[Relocated], *, now: float) -> list[Relocated]:
        """Write down where photos lie that somebody has moved; in another folder that is a correction.

        A photo for which a correction is asked or under way is left for later: the numbers of a photo's
        corrections are to be in the order in which they were done.

        Returns:
            Those written down.
        """
        with self._write() as connection:
            asked = select(correction.c.image).where(
                IS_OPEN_CORRECTION, correction.c.image.in_([one.photo.image for one in found])
            )
            open_ones = set(connection.scalars(asked))
            settled = [one for one in found if one.photo.image not in open_ones]
            for one in settled:
                if one.is_correction:
                    connection.execute(
                        insert(correction).values(
                            image=one.photo.image,
                            stage=Stage.DONE.value,
                            how=How.MOVED.value,
                            asked_at=now,
                            to_category=one.category,
                            from_category=one.origin,
                            from_destination=one.photo.path,
                            to_destination=one.path,
                            identity=rows.identity_text(one.identity),
                            model=one.photo.model,
                            done_at=now,
                        )
                    )
            put(connection, [(one.photo.image, one.path, one.identity) for one in settled])
        return settled

    def unknown(self, paths: Sequence[str]) -> list[str]:
        """Those paths on the shelf at which no photo lies or is about to, as far as the ledger knows."""
        # Every name on the shelf passes here: a statement made by SQLAlchemy would cost several times more.
        query = f"{KNOWN} ({', '.join('?' * len(paths))})"
        stored = [os.fsencode(path) for path in paths]
        with self._read() as connection:
            known = {row[0] for row in connection.exec_driver_sql(query, tuple(stored))}
        return [path for path, name in zip(paths, stored, strict=True) if name not in known]

    def of_file(self, identity: FileIdentity) -> list[Shelved]:
        """Photos on the shelf whose file had this device, inode and size."""
        start = rows.identity_text(identity).rpartition(":")[0]
        return self._shelved(images.c.identity >= f"{start}:", images.c.identity < f"{start};")

    def of_content(self, sha256: str) -> list[Shelved]:
        """Photos on the shelf with this content."""
        return self._shelved(images.c.sha256 == sha256)

    def since(self) -> float | None:
        """When the first photo was seen, unix seconds; None where none was."""
        with self._read() as connection:
            since: float | None = connection.scalar(select(images.c.seen_at).order_by(images.c.id).limit(1))
        return since

    def holder(self, path: str) -> int | None:
        """The photo that was put at a path last: what lay there before had gone."""
        query = select(func.max(images.c.id)).where(
            images.c.destination == path, images.c.finished_at.is_not(None)
        )
        with self._read() as connection:
            holder: int | None = connection.scalar(query)
        return holder

    def _shelved(self, *conditions: Any) -> list[Shelved]:
        query = (
            select(images.c.id, *rows.SHELVED_COLUMNS)
            .where(*conditions, images.c.finished_at.is_not(None), images.c.state != State.UNDONE.value)
            .order_by(images.c.id)
            .limit(MOST_COPIES)
        )
        with self._read() as connection:
            return [rows.shelved(row, row["id"]) for row in connection.execute(query).mappings()]


def put(connection: Connection, placed: Sequence[tuple[int, str, FileIdentity]]) -> None:
    """Say where photos lie, by their numbers; where each one's line says that it was filed is kept."""
    if placed:
        values = [
            {"b_id": image, "b_destination": path, "b_identity": rows.identity_text(identity)}
            for image, path, identity in placed
        ]
        connection.execute(PUT, values)


def take_back(connection: Connection, photos: Sequence[int]) -> None:
    """Say that photos lie in the inbox again."""
    if photos:
        changed = connection.execute(TAKE_BACK, [{"b_id": image} for image in photos]).rowcount
        if changed != len(photos):
            raise IllegalTransition(f"{len(photos) - changed} of {len(photos)} photos are not on the shelf")
