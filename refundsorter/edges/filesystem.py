"""Every system call on photos, shelf and journal that can fail: one thin method each.

errno is translated here and nowhere else. `before` is called ahead of every call with its name and its path:
in the daemon it does nothing; a fault test raises an `OSError` from it, or kills the process there.
Calls to a share, which may hang, are waited for only so long.
"""

import ctypes
import errno
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from refundsorter.core.fault import NameTaken, Vanished, translate
from refundsorter.core.stability import FileIdentity
from refundsorter.edges.patience import Share

T = TypeVar("T")

_libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100  # linux/fcntl.h
RENAME_NOREPLACE = 1  # linux/fs.h

# How a kernel or a file system says that it has no RENAME_NOREPLACE.
NO_RENAMEAT2 = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


class CrossDevice(Exception):
    """The two paths lie on two file systems; nothing was moved."""


def identity_of(answer: os.stat_result) -> FileIdentity:
    """The part of a stat result that tells whether a file is still the same."""
    return FileIdentity(
        device=answer.st_dev, inode=answer.st_ino, size=answer.st_size, mtime_ns=answer.st_mtime_ns
    )


def _nothing(_operation: str, _path: str) -> None:
    """Do nothing: the seam is closed."""


class FileSystem:
    """The system calls, with `OSError` translated to whose matter it is.

    Every method raises `PassingTrouble`, `Vanished` or `NameTaken` as `core.fault.translate` says, and
    lets an `OSError` that nobody expected pass.
    """

    def __init__(
        self, before: Callable[[str, str], None] = _nothing, *, shares: Sequence[Share] = ()
    ) -> None:
        self._before = before
        self._shares = shares

    def _call(
        self,
        operation: str,
        path: str,
        function: Callable[[], T],
        *,
        too_late: Callable[[T], object] | None = None,
    ) -> T:
        share = self._share_of(path)
        try:
            self._before(operation, path)
            return function() if share is None else share.call(function, too_late=too_late)
        except OSError as error:
            translated = translate(error, f"{operation} {path!r}")
            if translated is error:
                raise
            try:
                raise translated from error
            finally:
                del (
                    translated
                )  # or it would hold this frame, and all that called it, until garbage is looked for

    def _share_of(self, path: str) -> Share | None:
        return next((share for share in self._shares if share.holds(path)), None)

    def lstat(self, path: str) -> os.stat_result:
        """What lies at `path` itself, a link not followed."""
        return self._call("lstat", path, lambda: os.lstat(path))

    def open_photo(self, path: str) -> int:
        """Open for reading; a link is refused as `Vanished`, a FIFO does not block."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return self._call("open", path, lambda: os.open(path, flags), too_late=os.close)

    def close(self, descriptor: int, path: str) -> None:
        """Close a file that was only read; a share is not waited for."""
        share = self._share_of(path)
        if share is None:
            os.close(descriptor)
        else:
            share.begin(lambda: os.close(descriptor))

    def fstat(self, descriptor: int, path: str) -> os.stat_result:
        """What the open file is."""
        return self._call("fstat", path, lambda: os.fstat(descriptor))

    def read(self, descriptor: int, length: int, path: str) -> bytes:
        """At most `length` bytes; empty at the end."""
        return self._call("read", path, lambda: os.read(descriptor, length))

    def create(self, path: str, mode: int) -> int:
        """Open a new file for writing; `NameTaken` if there is one."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return self._call("create", path, lambda: os.open(path, flags, mode))

    def open_append(self, path: str) -> int:
        """Open a file for reading and appending, made if it is missing (mode 0640 less the umask)."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        return self._call("open", path, lambda: os.open(path, flags, 0o640))

    def write(self, descriptor: int, data: bytes, path: str) -> None:
        """Write all of `data`; what a failed call had written already stays."""
        view = memoryview(data)
        while view:
            written = self._call("write", path, lambda: self._write_some(descriptor, view))  # noqa: B023 - called at once
            view = view[written:]

    def _write_some(self, descriptor: int, data: memoryview) -> int:
        """Write what goes in one call; how many bytes that was."""
        return os.write(descriptor, data)

    def truncate(self, descriptor: int, length: int, path: str) -> None:
        """Cut the open file to `length` bytes."""
        self._call("truncate", path, lambda: os.ftruncate(descriptor, length))

    def set_mtime(self, descriptor: int, mtime_ns: int, path: str) -> None:
        """Set the open file's modification time, in nanoseconds since the epoch."""
        self._call("utime", path, lambda: os.utime(descriptor, ns=(mtime_ns, mtime_ns)))

    def fsync(self, descriptor: int, path: str) -> None:
        """Make the open file's bytes survive a power loss."""
        self._call("fsync", path, lambda: os.fsync(descriptor))

    def fsync_folder(self, path: str) -> None:
        """Make a folder's entries survive a power loss."""
        flags = os.O_RDONLY | os.O_DIRECTORY
        descriptor = self._call("open", path, lambda: os.open(path, flags), too_late=os.close)
        try:
            self._call("fsync", path, lambda: os.fsync(descriptor))
        finally:
            self.close(descriptor, path)

    def make_folder(self, path: str, mode: int = 0o777) -> bool:
        """Make a folder, its mode less the umask; False if there is one already."""
        try:
            self._call("mkdir", path, lambda: os.mkdir(path, mode))
        except NameTaken:
            return False
        return True

    def rename(self, source: str, destination: str) -> bool:
        """Rename without ever replacing, in one atomic step.

        Returns:
            False if this kernel or file system cannot do it; nothing was changed then.

        Raises:
            NameTaken: The destination exists.
            CrossDevice: It lies on another file system.
        """

        def call() -> bool:
            status = _libc.renameat2(
                AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(destination), RENAME_NOREPLACE
            )
            if status == 0:
                return True
            code = ctypes.get_errno()
            if code in NO_RENAMEAT2:
                return False
            if code == errno.EXDEV:
                raise CrossDevice
            raise OSError(code, os.strerror(code))

        return self._call("rename", source, call)

    def replace(self, source: str, destination: str) -> None:
        """Rename in one atomic step; what lies at the destination is lost."""
        self._call("replace", source, lambda: os.rename(source, destination))

    def names(self, folder: str) -> list[str]:
        """Every name in a folder."""
        return self._call("names", folder, lambda: os.listdir(folder))

    def link(self, source: str, destination: str) -> None:
        """Give the file a second name, never replacing one.

        Raises:
            NameTaken: The destination exists.
            CrossDevice: It lies on another file system.
        """

        def call() -> None:
            try:
                os.link(source, destination, follow_symlinks=False)
            except OSError as error:
                if error.errno == errno.EXDEV:
                    raise CrossDevice from error
                raise

        self._call("link", source, call)

    def unlink(self, path: str) -> None:
        """Remove a name."""
        self._call("unlink", path, lambda: os.unlink(path))

    def room(self, path: str) -> tuple[int, int]:
        """Bytes that an ordinary user may still write on the file system of `path`, and all that it has."""

        def call() -> tuple[int, int]:
            answer = os.statvfs(path)
            return answer.f_bavail * answer.f_frsize, answer.f_blocks * answer.f_frsize

        return self._call("statvfs", path, call)

    def free_bytes(self, path: str) -> int:
        """Bytes that an ordinary user may still write on the file system of `path`."""
        return self.room(path)[0]


def is_still(files: FileSystem, path: str, identity: FileIdentity) -> bool:
    """Whether the very file that was seen lies at `path`.

    Raises:
        PassingTrouble: It cannot be looked at now.
    """
    try:
        return identity_of(files.lstat(path)) == identity
    except Vanished:
        return False


def lies(files: FileSystem, path: str) -> bool:
    """Whether anything lies at `path`.

    Raises:
        PassingTrouble: It cannot be looked at now.
    """
    try:
        files.lstat(path)
    except Vanished:
        return False
    return True


def link(files: FileSystem, source: str, destination: str, identity: FileIdentity) -> None:
    """Give the file of that identity a second name; that it has it already is no fault.

    Raises:
        NameTaken: Another file has it.
        CrossDevice: It lies on another file system.
        PassingTrouble: It cannot be linked now.
        Vanished: The source, or the folder, is gone.
    """
    try:
        files.link(source, destination)
    except NameTaken:
        # A network file system may answer "exists" to a retry of a link that it made.
        if not is_still(files, destination, identity):
            raise
