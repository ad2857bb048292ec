"""The ports of what people put right: what the loops need of ledger and shelf for it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from refundsorter.core.correction import Relocated, Relocation, Request, Shelved
from refundsorter.core.stability import FileIdentity

Look = Callable[[str], FileIdentity | None]  # what file lies at a path; None where none does


class CorrectionsPort(Protocol):
    """What is asked for and what is being done. See `edges.ledger_corrections.CorrectionRows`.

    Each method is one durable transaction, and raises `PassingTrouble` when the disk does not allow it now.
    """

    def requests(self, limit: int, *, after: int) -> list[Request]:
        """What is asked for behind a number, the oldest first; of each photo one at a time."""

    def came_from(self, root: str, device: int) -> bool:
        """Whether any photo lay on this device when it came by this inbox, or lies there again."""

    def intend(self, relocations: Sequence[Relocation]) -> None:
        """Write down where photos are about to be moved."""

    def pending(self, *, root: str) -> list[Relocation]:
        """What is intended and not confirmed."""

    def finish(self, done: Sequence[tuple[Relocation, FileIdentity]], *, now: float) -> None:
        """Write down that photos lie where they belong, each with its file there."""

    def give_back(self, number: int, trouble: str | None) -> None:
        """Ask again for one whose photo lies untouched."""

    def hold(self, number: int, trouble: str) -> None:
        """Write down why it cannot be told yet whether a photo was moved."""

    def refuse(self, number: int, why: str) -> None:
        """Write down that a correction cannot be done."""


class PlacesPort(Protocol):
    """Where photos lie. See `edges.ledger_places.PlaceRows`."""

    def relocate(self, found: Sequence[Relocated], *, now: float) -> list[Relocated]:
        """Write down where photos lie that somebody has moved; those for which no correction is open."""

    def unknown(self, paths: Sequence[str]) -> list[str]:
        """Those paths at which no photo lies or is about to, as far as the ledger knows."""

    def of_file(self, identity: FileIdentity) -> list[Shelved]:
        """Filed photos whose file had this device, inode and size."""

    def of_content(self, sha256: str) -> list[Shelved]:
        """Filed photos with this content."""

    def since(self) -> float | None:
        """When the first photo was seen, unix seconds; None where none was."""

    def holder(self, path: str) -> int | None:
        """The photo that was put at a path last."""


class ListingPort(Protocol):
    """Lists the shelf. See `edges.shelf_listing.Listing`."""

    def chunks(self) -> Iterator[list[str]]:
        """The paths of the files in folders that may have changed, some hundred at a time."""

    def look_again(self, path: str) -> None:
        """List the folder of a path the next time, too."""


class ContentPort(Protocol):
    """Tells what a file holds. See `edges.strangers.Strangers`."""

    def sha256(self, path: str, identity: FileIdentity, *, since: float) -> str | None:
        """Of the file's bytes; None where it cannot be a photo of ours."""
