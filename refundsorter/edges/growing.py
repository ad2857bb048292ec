"""A file that grows under a hidden name and has its own when it is whole: nobody ever finds half of it."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from refundsorter.core.fault import NameTaken, RefundsorterError, Vanished
from refundsorter.edges.filesystem import FileSystem, lies

BUFFER_BYTES = 1 << 20


class _Sink(io.RawIOBase):
    """What is written goes through the system calls that tell whose matter a failure is."""

    def __init__(self, descriptor: int, path: str, files: FileSystem) -> None:
        self._descriptor, self._path, self._files = descriptor, path, files

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Write all of it."""
        content = bytes(data)
        self._files.write(self._descriptor, content, self._path)
        return len(content)


class FileRefused(RefundsorterError):
    """The file cannot be written there."""


def refuse(path: Path, files: FileSystem, *, replace: bool) -> None:
    """Tell before the work what would keep the file from being written after it.

    Raises:
        FileRefused: Its folder is not there, or its name is taken.
        PassingTrouble: It cannot be looked at now.
    """
    if not path.parent.is_dir():
        raise FileRefused(f"{path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise FileRefused(f"{path}: is a folder; name a file in it")
    if not replace and lies(files, str(path)):
        raise _taken(path)


@contextmanager
def grown(path: Path, files: FileSystem, *, replace: bool) -> Iterator[BinaryIO]:
    """A file to write to, which is durable and has its name at the end, or is gone after an error.

    Args:
        path: Its name.
        files: The system calls.
        replace: Whether it may take the place of another one.

    Raises:
        FileRefused: Its name is taken, or its folder is not there.
        PassingTrouble: The disk does not allow it now.
    """
    name = str(path)
    making = str(path.with_name(f".{path.name[:80]}.{os.getpid()}.part"))
    try:
        descriptor = files.create(making, 0o666)
        try:
            try:
                file = io.BufferedWriter(_Sink(descriptor, making, files), BUFFER_BYTES)
                yield cast("BinaryIO", file)
                file.flush()
                files.fsync(descriptor, making)
            finally:
                os.close(descriptor)
            _publish(making, name, files, replace=replace)
        finally:
            with suppress(Vanished):
                files.unlink(making)
        files.fsync_folder(str(path.parent))
    except NameTaken as taken:
        raise _taken(path) from taken
    except Vanished as gone:
        raise FileRefused(f"{path}: its folder is gone") from gone


def _publish(making: str, name: str, files: FileSystem, *, replace: bool) -> None:
    if replace:
        files.replace(making, name)
    elif not files.rename(making, name):  # a file system that cannot refuse to replace
        files.link(making, name)


def _taken(path: Path) -> FileRefused:
    return FileRefused(f"{path}: is there already; --force puts the new file in its place")
