"""The journal's files as they lie in their folder: which there are, and their lines."""

import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Iterator
from typing import Any

from refundsorter.core.fault import Vanished
from refundsorter.edges.filesystem import FileSystem

READ_BYTES = 1 << 20
TAIL_BYTES = 1 << 20  # holds the longest line many times over
DAY_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")
PACKED = ".gz"  # ends the name of a day's file that is compressed
ANY_FILE = re.compile(DAY_FILE.pattern + rf"({re.escape(PACKED)})?")
# Stands for what cannot be read any more, so that whoever follows the lines learns where that is.
DAMAGE = b"from here on the compressed file is damaged\n"


def days_in(folder: str) -> list[str]:
    """The days after which something in the folder is named, whatever it is, the oldest first.

    Compressed files are left out: nothing is ever appended to one.

    Raises:
        OSError: It cannot be looked into.
    """
    return sorted(match[1] for name in os.listdir(folder) if (match := DAY_FILE.fullmatch(name)))


def files_in(folder: str) -> list[str]:
    """The names of the journal's files, in the order of their lines: by day, a compressed one first.

    A day has two where a line was written for it after it was compressed, which takes a clock set back.

    Raises:
        OSError: It cannot be looked into.
    """
    found = [match for name in os.listdir(folder) if (match := ANY_FILE.fullmatch(name))]
    return [match[0] for match in sorted(found, key=lambda match: (match[1], match[2] is None))]


def day_of_file(name: str) -> str:
    """The date that begins a file's name, YYYY-MM-DD."""
    return name.partition(".")[0]


def lines_of(files: FileSystem, descriptor: int, path: str) -> Iterator[bytes]:
    """The lines of an open file from here on, each with its line feed; the last may lack it."""
    rest = b""
    while chunk := files.read(descriptor, READ_BYTES, path):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def unpacked_lines_of(files: FileSystem, descriptor: int, path: str) -> Iterator[bytes]:
    """The lines of an open compressed file, likewise; `DAMAGE` ends those of one that is damaged."""
    try:
        with gzip.GzipFile(fileobj=io.BufferedReader(_Raw(files, descriptor, path), READ_BYTES)) as packed:
            yield from packed
    except (EOFError, gzip.BadGzipFile, zlib.error):
        yield DAMAGE


class _Raw(io.RawIOBase):
    """An open file, read by the seam's calls."""

    def __init__(self, files: FileSystem, descriptor: int, path: str) -> None:
        self._files, self._descriptor, self._path = files, descriptor, path

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read what comes next."""
        view = memoryview(buffer).cast("B")
        found = self._files.read(self._descriptor, len(view), self._path)
        view[: len(found)] = found
        return len(found)


def last_lines(files: FileSystem, path: str, offset: int) -> list[bytes]:
    """The last lines of a file beyond an offset, the first perhaps without its beginning; none of no file.

    Raises:
        PassingTrouble: It cannot be read now.
    """
    try:
        descriptor = files.open_photo(path)
        try:
            found = files.fstat(descriptor, path)
            if not stat.S_ISREG(found.st_mode) or found.st_size <= offset:
                return []
            os.lseek(descriptor, max(offset, found.st_size - TAIL_BYTES), os.SEEK_SET)
            return list(lines_of(files, descriptor, path))
        finally:
            os.close(descriptor)
    except Vanished:
        return []
