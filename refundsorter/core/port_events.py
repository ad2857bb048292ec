"""What was filed, one after another, as it is told to whoever listens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from refundsorter.core.port_images import Position
from refundsorter.core.record import Record


@dataclass(frozen=True, slots=True)
class Told:
    """One photo that was filed, and where whoever was told of it goes on."""

    position: Position
    record: Record


class EventsPort(Protocol):
    """The photos whose lines are in the journal, in the order of filing; read only, from any thread.

    Each method raises `PassingTrouble` where the ledger cannot be read now, and `LedgerRefused` where it is
    damaged.
    """

    def latest(self) -> Position:
        """Where whoever wants only what comes from now on begins."""

    def after(self, position: Position, limit: int) -> Sequence[Told]:
        """What follows."""
