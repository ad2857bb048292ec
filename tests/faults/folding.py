"""A file system that takes `a.jpg` and `A.JPG`, and a text's two encodings, for one name: run as a program.

It serves a folder at a mount point as SMB, APFS and NTFS do; beyond what they do, it lists every name in
its composed form (NFC), as some servers give it, whatever form it was made with.

    python folding.py FOLDER POINT
"""

import errno
import os
import sys
import time
import unicodedata
from typing import Any

import mfusepy

STAT = ("st_ino", "st_mode", "st_nlink", "st_uid", "st_gid", "st_size")
VFS = (
    "f_bavail",
    "f_bfree",
    "f_blocks",
    "f_bsize",
    "f_ffree",
    "f_files",
    "f_frsize",
    "f_namemax",
)


def composed(name: str) -> str:
    """The name as it is kept."""
    return unicodedata.normalize("NFC", name)


def key(name: str) -> str:
    """What is the same for all names of one file."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


class Folding(mfusepy.Operations):  # type: ignore[misc]  # it ships no types
    """The calls that refundsorter and its tests make, each passed on under the name that is really there."""

    use_ns = True  # times in nanoseconds

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def _real(self, path: str) -> str:
        real = self._folder
        for name in filter(None, path.split("/")):
            there = os.listdir(real) if os.path.isdir(real) else []
            real = f"{real}/{next((one for one in there if key(one) == key(name)), composed(name))}"
        return real

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """What lies there."""
        found = os.lstat(self._real(path)) if fh is None else os.fstat(fh)
        times = {f"st_{one}time": getattr(found, f"st_{one}time_ns") for one in "amc"}
        return {name: getattr(found, name) for name in STAT} | times

    def readdir(self, path: str, fh: int) -> list[tuple[str, dict[str, int], int]]:  # noqa: ARG002 - FUSE's signature, here and below
        """Every name, with its inode: one without is passed over by the C library."""
        with os.scandir(self._real(path)) as entries:
            return [(one.name, {"st_ino": one.inode()}, 0) for one in entries]

    def open(self, path: str, flags: int) -> int:
        """Open what is there."""
        return os.open(self._real(path), flags & ~os.O_APPEND)  # the kernel says where each write goes

    def create(self, path: str, mode: int, fi: int | None = None) -> int:  # noqa: ARG002
        """Make a file."""
        return os.open(self._real(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:  # noqa: ARG002
        """Read."""
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:  # noqa: ARG002
        """Write."""
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:  # noqa: ARG002
        """Cut a file."""
        os.truncate(self._real(path), length)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        """Set a file's times."""
        os.utime(self._real(path), ns=times or (time.time_ns(),) * 2)
        return 0

    def release(self, path: str, fh: int) -> int:  # noqa: ARG002
        """Close."""
        os.close(fh)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:  # noqa: ARG002
        """Make a file durable."""
        os.fsync(fh)
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:  # noqa: ARG002
        """Leave it: no test cuts the power here."""
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        """Make a folder."""
        os.mkdir(self._real(path), mode)
        return 0

    def rmdir(self, path: str) -> int:
        """Remove a folder."""
        os.rmdir(self._real(path))
        return 0

    def unlink(self, path: str) -> int:
        """Remove a name."""
        os.unlink(self._real(path))
        return 0

    def rename(self, old: str, new: str) -> int:
        """Rename, and never replace; a name's case may be changed."""
        source, target = self._real(old), self._real(new)
        if os.path.lexists(target) and target != source:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.rename(source, os.path.join(os.path.dirname(target), composed(os.path.basename(new))))
        return 0

    def link(self, target: str, source: str) -> int:
        """Give a file a second name."""
        os.link(self._real(source), self._real(target))
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        """Say how much room there is."""
        found = os.statvfs(self._real(path))
        return {name: getattr(found, name) for name in VFS}


def main(folder: str, point: str) -> None:
    """Serve until it is unmounted; one name is never remembered, for another may mean the same file."""
    forget = dict.fromkeys(("attr_timeout", "entry_timeout", "negative_timeout"), 0)
    how = dict.fromkeys(("foreground", "nothreads", "use_ino", "hard_remove"), True)
    mfusepy.FUSE(Folding(folder), point, **how, **forget)


if __name__ == "__main__":
    main(*sys.argv[1:])
