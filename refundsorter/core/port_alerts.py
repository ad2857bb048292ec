"""The ports of the loop that tells people what is wrong."""

from collections.abc import Sequence
from typing import Protocol

from refundsorter.core.alert import Alert, Signs


class SignsPort(Protocol):
    """Looks at everything that there are alerts about; what cannot be told now is left out."""

    def look(self) -> Signs:
        """How things stand; may take some seconds."""


class AlertBookPort(Protocol):
    """Alerts that outlive the process. Both methods raise `PassingTrouble`."""

    def read(self) -> list[Alert]:
        """Those that were kept."""

    def write(self, alerts: Sequence[Alert]) -> None:
        """Keep these instead, durably."""


class ChannelPort(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """What tells it from the others, without its secrets."""

    def send(self, title: str, text: str) -> bool:
        """Say something; False where it could not be sent. May take some seconds."""
