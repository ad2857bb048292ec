"""The journal's files from the first to the last line, for whoever makes the ledger anew."""

import os
import re
from collections.abc import Iterator

from refundsorter.core.fault import PassingTrouble, Vanished, translate
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal import lines_of

DAY_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")


class History:
    """The lines in the journal's folder."""

    def __init__(self, folder: str, files: FileSystem) -> None:
        self._folder = folder
        self._files = files

    def days(self) -> dict[str, int]:
        """Each day's size in bytes, the oldest first.

        Raises:
            PassingTrouble: The folder is missing, which says that the shelf is not mounted, or unreadable.
        """
        try:
            names = sorted(os.listdir(self._folder))
            found = [match for name in names if (match := DAY_FILE.fullmatch(name))]
            return {match[1]: os.lstat(os.path.join(self._folder, match[0])).st_size for match in found}
        except OSError as error:
            fault = translate(error, f"reading {self._folder!r}")
            if isinstance(fault, Vanished):
                raise PassingTrouble(
                    f"{self._folder!r} is missing. Is the shelf mounted? If the journal is lost for good, "
                    "make that folder again"
                ) from error
            raise fault from error

    def lines(self, day: str) -> Iterator[bytes]:
        """A day's lines, each with its line feed; the last may lack it."""
        path = self._path(day)
        descriptor = self._files.open_photo(path)
        try:
            yield from lines_of(self._files, descriptor, path)
        finally:
            os.close(descriptor)

    def cut(self, day: str, offset: int) -> None:
        """Cut a day's file off at `offset`, durably: the next line must begin at a line's beginning."""
        path = self._path(day)
        descriptor = self._files.open_append(path)
        try:
            self._files.truncate(descriptor, offset, path)
            self._files.fsync(descriptor, path)
        finally:
            os.close(descriptor)

    def _path(self, day: str) -> str:
        return os.path.join(self._folder, f"{day}.jsonl")
