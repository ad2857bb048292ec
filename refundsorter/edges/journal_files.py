"""The journal's files as they lie in their folder: which there are, and their lines."""

import os
import re
import stat
from collections.abc import Iterator

from refundsorter.core.fault import Vanished
from refundsorter.edges.filesystem import FileSystem

READ_BYTES = 1 << 20
TAIL_BYTES = 1 << 20  # holds the longest line many times over
DAY_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")


def days_in(folder: str) -> list[str]:
    """The days after which something in the folder is named, whatever it is, the oldest first.

    Raises:
        OSError: It cannot be looked into.
    """
    return sorted(match[1] for name in os.listdir(folder) if (match := DAY_FILE.fullmatch(name)))


def lines_of(files: FileSystem, descriptor: int, path: str) -> Iterator[bytes]:
    """The lines of an open file from here on, each with its line feed; the last may lack it."""
    rest = b""
    while chunk := files.read(descriptor, READ_BYTES, path):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


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
