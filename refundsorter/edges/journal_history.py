"""The journal's files from the first to the last line, for whoever makes the ledger anew."""

import errno
import os
import stat
from collections.abc import Iterator
from itertools import islice

from refundsorter.core.fault import PassingTrouble, Vanished, translate
from refundsorter.core.journal_line import read_line
from refundsorter.core.record import Checkpoint, Key
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal_files import days_in, last_lines, lines_of


class History:
    """The lines in the journal's folder."""

    def __init__(self, folder: str, files: FileSystem) -> None:
        self._folder = folder
        self._files = files

    def days(self) -> dict[str, int]:
        """Each day's size in bytes, the oldest first.

        What only has such a name, as a folder may, holds no lines. A link may lead to some, and is told.

        Raises:
            PassingTrouble: The folder is missing, which says that the shelf is not mounted, or unreadable; or
                a day's file is a link.
        """
        found = {day: self._lstat(day) for day in self.names()}
        for day, answer in found.items():
            if stat.S_ISLNK(answer.st_mode):
                raise PassingTrouble(
                    f"{self.path(day)!r} is a link, and none is followed: put the file itself in its place"
                ) from OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return {day: answer.st_size for day, answer in found.items() if stat.S_ISREG(answer.st_mode)}

    def names(self) -> list[str]:
        """The days after which something in the folder is named, whatever it is, the oldest first.

        Raises:
            PassingTrouble: The folder is missing or unreadable, as for `days`.
        """
        try:
            return days_in(self._folder)
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
        path = self.path(day)
        descriptor = self._files.open_photo(path)
        try:
            yield from lines_of(self._files, descriptor, path)
        finally:
            os.close(descriptor)

    def last_keys(self, checkpoint: Checkpoint | None) -> Iterator[Key]:
        """The key of the last line that can be read, of each file that goes on beyond a checkpoint.

        Raises:
            PassingTrouble: The folder or such a file cannot be read now.
        """
        for day in self.names():
            if checkpoint is None or day >= checkpoint.day:
                offset = checkpoint.offset if checkpoint is not None and checkpoint.day == day else 0
                lines = map(read_line, reversed(last_lines(self._files, self.path(day), offset)))
                yield from islice((line.key for line in lines if line.key), 1)

    def _lstat(self, day: str) -> os.stat_result:
        try:
            return self._files.lstat(self.path(day))
        except Vanished as error:
            raise PassingTrouble(f"{self.path(day)!r} was taken away meanwhile") from error

    def cut(self, day: str, offset: int) -> None:
        """Cut a day's file off at `offset`, durably: the next line must begin at a line's beginning."""
        path = self.path(day)
        descriptor = self._files.open_append(path)
        try:
            self._files.truncate(descriptor, offset, path)
            self._files.fsync(descriptor, path)
        finally:
            os.close(descriptor)

    def path(self, day: str) -> str:
        """Where a day's file lies."""
        return os.path.join(self._folder, f"{day}.jsonl")
