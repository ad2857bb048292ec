"""The folders that photos come from and go to: whether they can be used, and how much room they have.

One on a share is waited for some seconds, on a thread that is given up when it hangs.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from refundsorter.core.fault import PassingTrouble
from refundsorter.edges import mounts
from refundsorter.edges.patience import Share
from refundsorter.edges.scan import require_marker
from refundsorter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder, and how it was found."""

    name: str  # inbox or shelf
    folder: Path
    is_well: bool
    found: str  # part of a sentence


class Places:
    """The inboxes, the shelf and the state directory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.shares: Mapping[Path, Share] = {
            folder: Share(str(folder))
            for folder in (*settings.inbox, settings.sorted)
            if mounts.why_polling(folder) is not None
        }

    def look(self) -> list[Place]:
        """Whether photos could be taken from the inboxes and be put on the shelf now."""
        least = self._settings.move.min_free_bytes
        return [
            *(self._looked_at("inbox", root, self._inbox) for root in self._settings.inbox),
            self._looked_at("shelf", self._settings.sorted, lambda path: _shelf(path, least)),
        ]

    def room(self) -> dict[str, int]:
        """The bytes that may still be written, of several inboxes those of the fullest disk."""
        settings = self._settings
        places = [("shelf", settings.sorted), ("state", settings.state_dir)]
        found: dict[str, int] = {}
        for place, folder in [*places, *(("inbox", root) for root in settings.inbox)]:
            free = self._free(folder)
            if free is not None:
                found[place] = min(free, found.get(place, free))
        return found

    def _inbox(self, folder: Path) -> tuple[bool, str]:
        if not os.path.isdir(folder):
            return False, "it is not there"
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return False, "photos cannot be taken out of it"
        require_marker(str(folder), self._settings.watch.marker)
        return True, "it can be read"

    def _free(self, folder: Path) -> int | None:
        """Bytes, where it can be told now."""
        share = self.shares.get(folder)
        try:
            return _room(folder) if share is None else share.call(lambda: _room(folder))
        except (OSError, PassingTrouble):
            return None

    def _looked_at(self, name: str, folder: Path, look: Callable[[Path], tuple[bool, str]]) -> Place:
        share = self.shares.get(folder)
        try:
            is_well, found = look(folder) if share is None else share.call(lambda: look(folder))
        except OSError as error:
            is_well, found = False, error.strerror or str(error)
        except PassingTrouble as trouble:
            is_well, found = False, str(trouble)
        return Place(name=name, folder=folder, is_well=is_well, found=found)


def _shelf(folder: Path, min_free_bytes: int) -> tuple[bool, str]:
    if not os.path.isdir(folder):
        return False, "it is not there"
    if not os.access(folder, os.W_OK | os.X_OK):
        return False, "it cannot be written to"
    free = _room(folder)
    return free >= min_free_bytes, f"{free} bytes are free, and {min_free_bytes} have to be"


def _room(folder: Path) -> int:
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize
