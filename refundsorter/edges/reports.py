"""The shelf's folder of reports: what one has recorded is read back, and its files are replaced whole."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from refundsorter.core.day_facts import Recorded
from refundsorter.core.fault import AlreadyRunning, PassingTrouble, RefundsorterError, Vanished
from refundsorter.core.placement import JOURNAL, REPORTS
from refundsorter.core.text import printable
from refundsorter.edges import durable
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.folders import make_folder
from refundsorter.edges.lock import FolderLock

MAX_BYTES = 16 << 20  # no report is nearly as long
CHUNK_BYTES = 1 << 20
FOLDER_MODE, MODE = 0o755, 0o640  # as the journal's: only its owner replaces what lies in it


class ReportDamaged(RefundsorterError):
    """What lies in a report's place is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a report says that was made before."""

    date: str
    since: str  # when the day begins and ends: another zone has another day
    until: str
    recorded: Recorded


class Reports:
    """The files of reports.

    Args:
        shelf: The folder that holds the categories; it has to be there.
        files: The system calls.
    """

    def __init__(self, shelf: Path, files: FileSystem) -> None:
        self._shelf = shelf
        self.folder = shelf / REPORTS
        self._files = files
        self._kept = TypeAdapter(Kept)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other process from making reports meanwhile.

        Raises:
            AlreadyRunning: One makes them just now.
            PassingTrouble: The shelf is not there, or does not allow it now.
        """
        if not (self._shelf / JOURNAL).is_dir():
            raise PassingTrouble(
                f"{self._shelf}: there is no {JOURNAL} in it, so it is not the shelf, or it is not mounted"
            )
        make_folder(self.folder, self._files, mode=FOLDER_MODE)
        try:
            lock = FolderLock(str(self.folder), held_open=os.O_RDONLY)
        except AlreadyRunning as busy:
            raise AlreadyRunning(
                f"{self.folder}: another process makes reports just now; try again"
            ) from busy
        try:
            yield
        finally:
            lock.release()

    def path(self, name: str, form: str) -> Path:
        """Where a report lies.

        Args:
            name: YYYY-MM-DD.
            form: html, json or csv.
        """
        return self.folder / f"{name}.{form}"

    def kept(self, name: str) -> Kept | None:
        """What was recorded for a day; None where no report of it was made.

        Raises:
            ReportDamaged: What lies there is none, and would be lost if another was made.
            PassingTrouble: It cannot be read now.
        """
        path = self.path(name, "json")
        try:
            return self._kept.validate_json(self._read(path), strict=True)
        except Vanished:
            return None
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "it"
            raise ReportDamaged(
                f"{path}: is no report as it was written ({printable(place)}: {first['msg']}); move it away "
                "to have one made without what it has recorded"
            ) from error

    def write(self, name: str, contents: Mapping[str, bytes]) -> None:
        """Put a report in the place of an earlier one, durably: each of its files is the old one or the new.

        Args:
            name: YYYY-MM-DD.
            contents: Of each form.

        Raises:
            PassingTrouble: The disk does not allow it now.
        """
        try:
            for form, content in contents.items():
                durable.replace(self.path(name, form), content, self._files, mode=MODE)
        except Vanished as gone:
            raise PassingTrouble(f"the shelf is gone: {gone}") from gone

    def _read(self, path: Path) -> bytes:
        descriptor = self._files.open_photo(str(path))
        parts: list[bytes] = []
        try:
            while part := self._files.read(descriptor, CHUNK_BYTES, str(path)):
                parts.append(part)
                if sum(map(len, parts)) > MAX_BYTES:
                    raise ReportDamaged(f"{path}: is longer than any report; move it away")
        finally:
            os.close(descriptor)
        return b"".join(parts)
