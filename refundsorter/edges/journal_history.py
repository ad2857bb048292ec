"""The journal's files from the first to the last line, for whoever makes the ledger anew."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

from refundsorter.core.chain import link
from refundsorter.core.fault import PassingTrouble, Vanished, translate
from refundsorter.core.journal_line import read_line
from refundsorter.core.record import Checkpoint, Key
from refundsorter.edges.filesystem import FileSystem, lies
from refundsorter.edges.journal_files import (
    PACKED,
    days_in,
    files_in,
    last_lines,
    lines_of,
    unpacked_lines_of,
)

SIZE_BYTES = 4  # that end a compressed file and tell its size


class History:
    """The lines in the journal's folder."""

    def __init__(self, folder: str, files: FileSystem) -> None:
        self._folder = folder
        self._files = files

    def sizes(self) -> dict[str, int]:
        """Each file's name and size in bytes before compression, in the order of their lines.

        What only has such a name, as a folder may, holds no lines. A link may lead to some, and is told.

        Raises:
            PassingTrouble: The folder is missing, which says that the shelf is not mounted, or unreadable; or
                a day's file is a link.
        """
        found = {name: self._lstat(name) for name in self._listed(files_in)}
        for name, answer in found.items():
            if stat.S_ISLNK(answer.st_mode):
                raise PassingTrouble(
                    f"{self.place(name)!r} is a link, and none is followed: put the file itself in its place"
                ) from OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        regular = {name: one.st_size for name, one in found.items() if stat.S_ISREG(one.st_mode)}
        return {name: self._unpacked_size(name, size) for name, size in regular.items()}

    def names(self) -> list[str]:
        """The days after which something in the folder is named, whatever it is, the oldest first.

        Raises:
            PassingTrouble: The folder is missing or unreadable, as for `days`.
        """
        return self._listed(days_in)

    def lines(self, name: str) -> Iterator[bytes]:
        """A file's lines, each with its line feed; the last may lack it."""
        path = self.place(name)
        read = unpacked_lines_of if name.endswith(PACKED) else lines_of
        with self._opened(path) as descriptor:
            yield from read(self._files, descriptor, path)

    def packed_before(self, name: str) -> set[str]:
        """The hashes of the lines of the compressed file beside this one, if there is one.

        A kill may leave a day's file beside the compressed one that was made of it.
        """
        packed = name + PACKED
        if name.endswith(PACKED) or not lies(self._files, self.place(packed)):
            return set()
        return {link(line) for line in self.lines(packed)}

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

    def cut(self, name: str, offset: int) -> None:
        """Cut a file off at `offset`, durably: the next line must begin at a line's beginning.

        To a compressed one nothing is appended: it is left as it is.
        """
        if name.endswith(PACKED):
            return
        path = self.place(name)
        descriptor = self._files.open_append(path)
        try:
            self._files.truncate(descriptor, offset, path)
            self._files.fsync(descriptor, path)
        finally:
            os.close(descriptor)

    def path(self, day: str) -> str:
        """Where a day's file lies, while it is not compressed."""
        return self.place(f"{day}.jsonl")

    def _listed(self, look: Callable[[str], list[str]]) -> list[str]:
        try:
            return look(self._folder)
        except OSError as error:
            fault = translate(error, f"reading {self._folder!r}")
            if isinstance(fault, Vanished):
                raise PassingTrouble(
                    f"{self._folder!r} is missing. Is the shelf mounted? If the journal is lost for good, "
                    "make that folder again"
                ) from error
            raise fault from error

    def _lstat(self, name: str) -> os.stat_result:
        try:
            return self._files.lstat(self.place(name))
        except Vanished as error:
            raise PassingTrouble(f"{self.place(name)!r} was taken away meanwhile") from error

    def _unpacked_size(self, name: str, size: int) -> int:
        """How long a file was; as its last four bytes say of a compressed one (RFC 1952, 2.3.1)."""
        if not name.endswith(PACKED) or size < SIZE_BYTES:
            return size
        path = self.place(name)
        with self._opened(path) as descriptor:
            os.lseek(descriptor, -SIZE_BYTES, os.SEEK_END)
            return int.from_bytes(self._files.read(descriptor, SIZE_BYTES, path), "little")

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        descriptor = self._files.open_photo(path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def place(self, name: str) -> str:
        """Where a file lies."""
        return os.path.join(self._folder, name)
