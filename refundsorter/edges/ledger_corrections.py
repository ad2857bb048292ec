"""The ledger's rows of what people put right.

Each method is one transaction of the ledger that it belongs to. A correction goes from `asked` to `intended`
to `done`; one that a scan has found on the shelf begins as done (`ledger_places`).
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, or_, select, update

from refundsorter.core.correction import (
    Correction,
    Home,
    How,
    Relocation,
    Request,
    Shelved,
    Stage,
    claimed_on_shelf,
)
from refundsorter.core.image import IllegalTransition, State
from refundsorter.core.stability import FileIdentity
from refundsorter.edges import ledger_rows as rows
from refundsorter.edges.ledger_places import put, take_back
from refundsorter.edges.ledger_requests import RequestRows
from refundsorter.edges.ledger_tables import IS_OPEN_CORRECTION, IS_UNWRITTEN, correction, images

WITH_IMAGE = correction.join(images, images.c.id == correction.c.image)


class CorrectionRows(RequestRows):
    """What people put right.

    Args:
        read: A transaction that reads; raises `PassingTrouble` where the disk does not allow it now.
        write: One that writes, likewise.
    """

    def requests(self, limit: int, *, after: int) -> list[Request]:
        """What is asked for behind a number, the oldest first; of each photo one at a time."""
        earlier = correction.alias()
        waits_for_another = (
            select(earlier.c.id)
            .where(earlier.c.image == correction.c.image, earlier.c.id < correction.c.id)
            .where(earlier.c.stage.in_([Stage.ASKED.value, Stage.INTENDED.value]))
            .exists()
        )
        query = (
            select(
                correction.c.id,
                correction.c.image,
                correction.c.to_category,
                *(images.c[name] for name in ("finished_at", "state", "path", "root", "filed_as")),
                *rows.SHELVED_COLUMNS,
            )
            .select_from(correction.outerjoin(images, images.c.id == correction.c.image))
            .where(IS_OPEN_CORRECTION, correction.c.stage == Stage.ASKED.value, correction.c.id > after)
            .where(~waits_for_another)
            .order_by(correction.c.id)
            .limit(limit)
        )
        with self._read() as connection:
            return [_request(row) for row in connection.execute(query).mappings()]

    def intend(self, relocations: Sequence[Relocation]) -> None:
        """Write down where photos are about to be moved, before any is touched."""
        values = [
            {
                "b_id": one.id,
                "from_category": one.origin,
                "from_destination": one.claimed.path,
                "to_destination": one.destination,
                "identity": rows.identity_text(one.claimed.identity),
                "model": one.model,
            }
            for one in relocations
        ]
        fixed = {"stage": Stage.INTENDED.value, "trouble": None}
        with self._write() as connection:
            _step(connection, values, (Stage.ASKED, Stage.INTENDED), fixed)

    def pending(self, *, root: str) -> list[Relocation]:
        """What is intended and not confirmed, on the shelf at `root`."""
        query = (
            select(correction, images.c.sha256, images.c.path, images.c.root)
            .select_from(WITH_IMAGE)
            .where(IS_OPEN_CORRECTION, correction.c.stage == Stage.INTENDED.value)
        )
        with self._read() as connection:
            return [_relocation(row, root) for row in connection.execute(query).mappings()]

    def finish(self, done: Sequence[tuple[Relocation, FileIdentity]], *, now: float) -> None:
        """Write down that photos lie where they belong, each with its file there."""
        values = {"stage": Stage.DONE.value, "done_at": now, "trouble": None}
        with self._write() as connection:
            _step(connection, [{"b_id": one.id} for one, _ in done], (Stage.INTENDED,), values)
            put(connection, [(one.claimed.id, one.destination, identity) for one, identity in done])
            take_back(connection, [one.claimed.id for one, _ in done if one.is_undoing])

    def give_back(self, number: int, trouble: str | None) -> None:
        """Ask again for one whose photo lies untouched."""
        self._change(number, (Stage.ASKED, Stage.INTENDED), stage=Stage.ASKED.value, trouble=trouble)

    def hold(self, number: int, trouble: str) -> None:
        """Write down why it cannot be told yet whether a photo was moved."""
        self._change(number, (Stage.INTENDED,), trouble=trouble)

    def refuse(self, number: int, why: str) -> None:
        """Write down that a correction cannot be done."""
        self._change(number, (Stage.ASKED, Stage.INTENDED), stage=Stage.REFUSED.value, trouble=why)

    def _change(self, number: int, before: Collection[Stage], **values: Any) -> None:
        with self._write() as connection:
            _step(connection, [{"b_id": number}], before, values)

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


def _step(
    connection: Connection,
    parameters: Sequence[dict[str, Any]],
    before: Collection[Stage],
    values: dict[str, Any],
) -> None:
    """Change corrections, by their `b_id`, that are at one of these stages."""
    if not parameters:
        return
    stages = [stage.value for stage in before]
    own = {name: bindparam(name, type_=correction.c[name].type) for name in parameters[0] if name != "b_id"}
    statement = (
        update(correction)
        .where(correction.c.id == bindparam("b_id"), or_(*(correction.c.stage == one for one in stages)))
        .values(**values, **own)
    )
    if connection.execute(statement, list(parameters)).rowcount != len(parameters):
        raise IllegalTransition(f"a correction is at another stage than {', '.join(stages)}")


def _request(row: RowMapping) -> Request:
    is_filed = row["finished_at"] is not None
    return Request(
        id=row["id"],
        image=row["image"],
        category=row["to_category"],
        photo=rows.shelved(row, row["image"]) if is_filed else None,
        home=Home(path=row["path"], root=row["root"]) if is_filed else None,
        is_undone=row["state"] == State.UNDONE.value,
        is_as_filed=row["filed_as"] is None,
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
        home=Home(path=row["path"], root=row["root"]),
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
