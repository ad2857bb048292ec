"""What a client calls the photo that it sends, made a name that any inbox can hold; and what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

NAMELESS = "upload"
MAX_BYTES = 200  # of a name: other systems that see the inbox hold less than Linux


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A photo that was put into an inbox."""

    id: int | None  # its number; None where it enters the ledger only later
    path: str  # where it lies, as os.fsdecode gives it
    size: int  # bytes
    sha256: str


class DeliveryPort(Protocol):
    """One photo that is being sent; it lies in the inbox under a hidden name. Raises `PassingTrouble`."""

    def write(self, data: bytes) -> None:
        """More of its bytes."""

    def drop(self) -> None:
        """Remove it again; nothing, once it was delivered."""


class UploadsPort(Protocol):
    """Where photos that are sent go. Every method may take some seconds, and raises `PassingTrouble`."""

    def begin(self, name: str) -> DeliveryPort:
        """Begin with a photo, by the name that the client gives it."""

    def deliver(self, deliveries: Sequence[DeliveryPort]) -> list[Delivered]:
        """Put photos that are complete into the inbox, durably and never in another file's place."""


def safe_name(told: str, is_ignored: Callable[[str], bool]) -> str:
    """A file name that leads nowhere, hides nothing and fits.

    Args:
        told: By the client: it may be a path of another system, or anything.
        is_ignored: Whether an inbox leaves a name alone.
    """
    last = told.replace("\\", "/").rpartition("/")[2]
    plain = "".join(one for one in last if one.isprintable()).strip().lstrip(".~").strip()
    name = plain if len(plain.encode()) <= MAX_BYTES else _shortened(plain)
    return NAMELESS if not name or is_ignored(name) else name


def _shortened(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > MAX_BYTES // 10:
        stem, suffix = name, ""
    tail = dot + suffix if suffix else ""
    return stem.encode()[: MAX_BYTES - len(tail.encode())].decode(errors="ignore") + tail
