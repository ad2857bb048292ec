"""The ledger's rows of what people put right.

Each method is one transaction of the ledger that it belongs to. A correction goes from `asked` to `intended`
to `done`; one that a scan has found on the shelf begins as done (`ledger_places`).
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from refundsorter.core.correction import (
    Correction,
    How,
    Relocation,
    Request,
    Shelved,
    Stage,
    Verdict,
    claimed_on_shelf,
)
from refundsorter.core.image import IllegalTransition
from refundsorter.core.stability import FileIdentity
from refundsorter.edges import ledger_rows as rows
from refundsorter.edges.ledger_places import Transaction, put
from refundsorter.edges.ledger_tables import IS_OPEN_CORRECTION, IS_UNWRITTEN, correction, images

WITH_IMAGE = correction.join(images, images.c.id == correction.c.image)


class CorrectionRows:
    """What people put right.

    Args:
        read: A transaction that reads; raises `PassingTrouble` where the disk does not allow it now.
        write: One that writes, likewise.
    """

    def __init__(self, read: Transaction, write: Transaction) -> None:
        self._read = read
        self._write = write

    def ask(self, images: Sequence[int], category: str, *, by: str | None, now: float) -> list[int]:
        """Ask for photos to be put into a category; the numbers of the corrections, in the same order."""
        with self._write() as connection:
            asked = [
                connection.execute(
                    insert(correction).values(
                        image=image,
                        stage=Stage.ASKED.value,
                        how=How.COMMAND.value,
                        by_whom=by,
                        asked_at=now,
                        to_category=category,
                    )
                ).inserted_primary_key
                for image in images
            ]
        return [int(key[0]) for key in asked if key is not None]

    def verdicts(self, numbers: Collection[int]) -> dict[int, Verdict]:
        """What became of corrections that were asked for."""
        with self._read() as connection:
            found = connection.execute(select(correction).where(correction.c.id.in_(list(numbers))))
            return {row["id"]: _verdict(row) for row in found.mappings()}

    def withdraw(self, numbers: Collection[int]) -> dict[int, Verdict]:
        """Take back what nobody has begun, and drop what was refused; how these stood at last."""
        gone = delete(correction).where(
            correction.c.id.in_(list(numbers)),
            correction.c.stage.in_([Stage.ASKED.value, Stage.REFUSED.value]),
        )
        with self._write() as connection:
            found = connection.execute(gone.returning(correction))
            return {row["id"]: _verdict(row) for row in found.mappings()}

    def requests(self, limit: int) -> list[Request]:
        """What is asked for, the oldest first; of each photo one at a time."""
        query = (
            select(
                correction.c.id,
                correction.c.image,
                correction.c.to_category,
                images.c.finished_at,
                *rows.SHELVED_COLUMNS,
            )
            .select_from(correction.outerjoin(images, images.c.id == correction.c.image))
            .where(IS_OPEN_CORRECTION, correction.c.stage == Stage.ASKED.value)
            .order_by(correction.c.id)
            .limit(limit)
        )
        requests: dict[int, Request] = {}
        with self._read() as connection:
            for row in connection.execute(query).mappings():
                filed = row["finished_at"] is not None
                request = Request(
                    id=row["id"],
                    image=row["image"],
                    category=row["to_category"],
                    photo=rows.shelved(row, row["image"]) if filed else None,
                )
                requests.setdefault(request.image, request)
        return list(requests.values())

    def intend(self, relocations: Sequence[Relocation]) -> None:
        """Write down where photos are about to be moved, before any is touched."""
        with self._write() as connection:
            for one in relocations:
                values = {
                    "stage": Stage.INTENDED.value,
                    "from_category": one.origin,
                    "from_destination": one.claimed.path,
                    "to_destination": one.destination,
                    "identity": rows.identity_text(one.claimed.identity),
                    "model": one.model,
                    "trouble": None,
                }
                _step(connection, one.id, (Stage.ASKED, Stage.INTENDED), values)

    def pending(self, *, root: str) -> list[Relocation]:
        """What is intended and not confirmed, on the shelf at `root`."""
        query = (
            select(correction, images.c.sha256)
            .select_from(WITH_IMAGE)
            .where(IS_OPEN_CORRECTION, correction.c.stage == Stage.INTENDED.value)
        )
        with self._read() as connection:
            return [_relocation(row, root) for row in connection.execute(query).mappings()]

    def finish(self, done: Sequence[tuple[Relocation, FileIdentity]], *, now: float) -> None:
        """Write down that photos lie where they belong, each with its file there."""
        with self._write() as connection:
            for one, identity in done:
                values = {"stage": Stage.DONE.value, "done_at": now, "trouble": None}
                _step(connection, one.id, (Stage.INTENDED,), values)
                put(connection, one.claimed.id, one.destination, identity)

    def give_back(self, number: int, trouble: str | None) -> None:
        """Ask again for one whose photo lies untouched."""
        with self._write() as connection:
            values = {"stage": Stage.ASKED.value, "trouble": trouble}
            _step(connection, number, (Stage.ASKED, Stage.INTENDED), values)

    def hold(self, number: int, trouble: str) -> None:
        """Write down why it cannot be told yet whether a photo was moved."""
        with self._write() as connection:
            _step(connection, number, (Stage.INTENDED,), {"trouble": trouble})

    def refuse(self, number: int, why: str) -> None:
        """Write down that a correction cannot be done."""
        with self._write() as connection:
            values = {"stage": Stage.REFUSED.value, "trouble": why}
            _step(connection, number, (Stage.ASKED, Stage.INTENDED), values)

    def unjournaled(self, limit: int) -> list[Correction]:
        """What is done and has no line that is marked as durable, oldest first."""
        query = (
            select(correction, images.c.sha256)
            .select_from(WITH_IMAGE)
            .where(IS_UNWRITTEN)
            .order_by(correction.c.id)
            .limit(limit)
        )
        with self._read() as connection:
            return [_correction(row) for row in connection.execute(query).mappings()]


def _step(connection: Connection, number: int, before: Collection[Stage], values: dict[str, Any]) -> None:
    """Change one correction that is at one of these stages."""
    stages = [stage.value for stage in before]
    statement = update(correction).where(correction.c.id == number, correction.c.stage.in_(stages))
    if connection.execute(statement.values(**values)).rowcount != 1:
        raise IllegalTransition(f"correction {number} is at another stage than {', '.join(stages)}")


def _verdict(row: RowMapping) -> Verdict:
    return Verdict(
        stage=Stage(row["stage"]),
        trouble=row["trouble"],
        origin=row["from_category"],
        source=row["from_destination"],
        destination=row["to_destination"],
    )


def _relocation(row: RowMapping, root: str) -> Relocation:
    photo = Shelved(
        image=row["image"],
        path=row["from_destination"],
        identity=rows.identity_of(row["identity"]),
        sha256=row["sha256"],
        model=row["model"],
    )
    return Relocation(
        id=row["id"],
        claimed=claimed_on_shelf(photo, root=root, identity=photo.identity),
        sha256=photo.sha256,
        origin=row["from_category"],
        category=row["to_category"],
        destination=row["to_destination"],
        model=photo.model,
    )


def _correction(row: RowMapping) -> Correction:
    return Correction(
        id=row["id"],
        image=row["image"],
        time=row["done_at"],
        source=row["from_destination"],
        destination=row["to_destination"],
        origin=row["from_category"],
        category=row["to_category"],
        by=row["by_whom"],
        how=How(row["how"]),
        model=row["model"],
        sha256=row["sha256"],
        size=rows.identity_of(row["identity"]).size,
    )
