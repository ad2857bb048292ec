"""Small files that are replaced whole: a reader finds the old content or the new, also after a power loss."""

import os
from contextlib import suppress
from pathlib import Path

from refundsorter.core.fault import Vanished
from refundsorter.edges.filesystem import FileSystem


def write(path: Path, content: bytes, files: FileSystem, *, mode: int = 0o666) -> None:
    """Write a file that is not there yet; its bytes are durable, its name is not before its folder is synced.

    Raises:
        NameTaken: It is there.
        PassingTrouble: The disk does not allow it now.
        Vanished: Its folder is not there.
    """
    name = str(path)
    descriptor = files.create(name, mode)
    try:
        files.write(descriptor, content, name)
        files.fsync(descriptor, name)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes, files: FileSystem, *, mode: int = 0o666) -> None:
    """Put a content in a file's place; only one process at a time may do so.

    What an earlier try has left half-written, under a hidden name, is removed.

    Args:
        path: The file, there or not.
        content: All of it.
        files: The system calls.
        mode: Of the file, less the umask.

    Raises:
        PassingTrouble: The disk does not allow it now.
        Vanished: Its folder is not there.
    """
    making = path.with_name(f".{path.name}.new")
    with suppress(Vanished):
        files.unlink(str(making))
    write(making, content, files, mode=mode)
    files.replace(str(making), str(path))
    files.fsync_folder(str(path.parent))
