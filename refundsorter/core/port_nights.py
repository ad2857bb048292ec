"""The port of nights: what the loop that keeps them needs of the ledger."""

from datetime import date
from typing import Protocol

from refundsorter.core.job import Job, Scope


class NightsPort(Protocol):
    """The nights that were run. See `edges.ledger_nights.NightRows`.

    Every method raises `PassingTrouble` when the ledger cannot be used now.
    """

    def is_known(self, day: date) -> bool:
        """Whether the night of a date was asked for."""

    def last_before(self, day: date) -> date | None:
        """The last date before `day` whose night was asked for."""

    def is_waiting(self) -> bool:
        """Whether the job of a night waits for its turn."""

    def ask(self, day: date, scope: Scope, *, now: float) -> tuple[Job, bool]:
        """Ask for the job of a night, once: it, and whether it is a new one."""
