"""The port of the steps of a night: where they are written down."""

from typing import Protocol

from refundsorter.core.night_steps import NightRecord


class NightBookPort(Protocol):
    """The nights that were kept. See `edges.night_book.NightBook`."""

    def nights(self) -> list[NightRecord]:
        """Those that are kept, the oldest first.

        Raises:
            PassingTrouble: They cannot be read now.
        """

    def keep(self, record: NightRecord) -> None:
        """Write a night down as it stands now, durably.

        Raises:
            PassingTrouble: The disk does not allow it now.
            Vanished: The folder is gone.
        """
