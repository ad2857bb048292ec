"""Photos that lie in an inbox because a person had them put back: they are not sorted again by themselves.

Such a photo is known by its path and its file, but not by the number of its device, which may be another one
after a restart of the machine. Under another name, or written to, it is a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, select, text

from refundsorter.core.correction import NOWHERE, Stage
from refundsorter.core.image import State
from refundsorter.core.stability import Arrival, FileIdentity
from refundsorter.edges.ledger_rows import identity_text
from refundsorter.edges.ledger_tables import IS_OPEN_CORRECTION, correction, images

IS_UNDONE = text(f"state = '{State.UNDONE}'")
RETURNING = (
    select(correction.c.to_destination)
    .where(IS_OPEN_CORRECTION, correction.c.stage == Stage.INTENDED.value)
    .where(correction.c.to_category == NOWHERE)
)


class _Entries(Protocol):
    def admit(self, arrivals: Sequence[Arrival], *, job: int | None, undone: bool) -> None: ...

    def unknown(self, arrivals: Sequence[Arrival]) -> list[Arrival]: ...


@dataclass(frozen=True, slots=True)
class WithReturned:
    """Where photos enter, those that were put back included."""

    entries: _Entries

    def admit(self, arrivals: Sequence[Arrival], *, job: int | None = None) -> None:
        """Enter complete files as waiting."""
        self.entries.admit(arrivals, job=job, undone=True)

    def unknown(self, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Those that are worth entering."""
        return self.entries.unknown(arrivals)


def not_returned(connection: Connection, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Those that were not put back."""
    query = select(images.c.destination, images.c.identity).where(
        images.c.destination.in_([one.path for one in arrivals]), IS_UNDONE
    )
    returned = {(path, file_in(identity)) for path, identity in connection.execute(query)}
    return [one for one in arrivals if not returned or (one.path, file_of(one.identity)) not in returned]


def entering(connection: Connection, arrivals: Sequence[Arrival], *, undone: bool) -> list[Arrival]:
    """Those that enter now: a photo that is just being put back is not in the way of that.

    Args:
        connection: In a transaction.
        arrivals: What was seen.
        undone: Whether photos that were put back are wanted.
    """
    returning = set(connection.scalars(RETURNING))
    others = [one for one in arrivals if one.path not in returning]
    return others if undone else not_returned(connection, others)


def file_of(identity: FileIdentity) -> str:
    """Inode, size and time of a file."""
    return file_in(identity_text(identity))


def file_in(identity: str) -> str:
    """Inode, size and time of a file, from its column."""
    return identity.partition(":")[2]
