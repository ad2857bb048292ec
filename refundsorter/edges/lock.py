"""One process a state directory, a shelf and an inbox: locks that the kernel drops however a holder dies."""

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress

from refundsorter.core.fault import AlreadyRunning, PassingTrouble, StartRefused, translate

FILE = "lock"
LONGEST_PID = 32  # bytes; a lock holds no more than a pid and a line feed
TRIES, ASKED_S = 10, 0.02  # seconds between two tries
NO_LOCK_ERRNOS = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})  # a link, a folder, a socket


class FolderLock:
    """The lock of the folder that a setting names, held from construction to `release`.

    Held open for reading only it lets the disk be made read-only, but an NFS share gives no such lock.
    Whoever may write to the folder can put anything under the lock's name: a link is not followed, and what
    is no lock is not written to.

    Raises:
        AlreadyRunning: Another process holds it; the message names its pid.
        StartRefused: What lies there is no lock.
        PassingTrouble: The disk does not allow it now.
    """

    def __init__(
        self, folder: str, *, setting: str = "state_dir", held_open: int = os.O_RDWR, file: str = FILE
    ) -> None:
        path = os.path.join(folder, file)
        try:
            self._descriptor = _open(path, held_open | os.O_CREAT)
            try:
                self._take(folder, setting)
                self._sign(path)
            except BaseException:
                os.close(self._descriptor)
                raise
        except OSError as error:
            raise translate(error, f"locking {path!r}") from error

    def _take(self, folder: str, setting: str) -> None:
        try:
            _lock_alone(self._descriptor)
        except BlockingIOError:
            pid = os.read(self._descriptor, LONGEST_PID).decode(errors="replace").strip() or "unknown"
            raise AlreadyRunning(
                f"another refundsorter (pid {pid}) uses {folder}; stop it first, "
                f"or give this one a `{setting}` of its own"
            ) from None
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            raise PassingTrouble(
                f"{folder!r} lies where a file must be open for writing to be locked"
            ) from error

    def _sign(self, path: str) -> None:
        """Write the pid into the very file that is locked, whatever lies under its name by now."""
        found = os.pread(self._descriptor, LONGEST_PID + 1, 0)
        pid = found.strip(b"\0\n")  # a power cut may leave it empty, or as zeros
        if len(found) > LONGEST_PID or (pid and not pid.isdigit()):
            raise _no_lock(path, "a file with other content")  # such as another name of the ledger
        with open(f"/proc/self/fd/{self._descriptor}", "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._descriptor)


class InboxLock:
    """The lock of an inbox, on the folder itself: nothing of ours lies among the photos.

    Raises:
        AlreadyRunning: Another process holds it.
        PassingTrouble: The file system does not allow it now, or at all.
        Vanished: There is no such folder now.
    """

    def __init__(self, inbox: str) -> None:
        try:
            self._descriptor = os.open(inbox, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BaseException:
                os.close(self._descriptor)
                raise
        except BlockingIOError:
            raise AlreadyRunning(
                f"another refundsorter sorts {inbox!r}; stop it first, or give this one an `inbox` of its own"
            ) from None
        except OSError as error:
            raise translate(error, f"locking {inbox!r}") from error

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._descriptor)


def _lock_alone(descriptor: int) -> None:
    """Lock an open file for this process alone; whoever only asks for its holder has it for an instant."""
    for _ in range(TRIES - 1):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(ASKED_S)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def holder(folder: str, *, setting: str = "state_dir") -> int | None:
    """The pid of the process that holds a folder's lock; None when nobody does, -1 when it has not said it.

    Raises:
        PassingTrouble: The lock cannot be looked at now, or not by this user.
        StartRefused: It is no folder, or what lies there is no lock.
    """
    path = os.path.join(folder, FILE)
    try:
        descriptor = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise StartRefused(f"{folder} is no folder; move it away, or name another `{setting}`") from error
    except OSError as error:
        raise translate(error, f"reading {path!r}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, LONGEST_PID).strip()
        return int(text) if text.isdigit() else -1
    finally:
        os.close(descriptor)
    return None


def _open(path: str, flags: int) -> int:
    """Open a lock's own file; a FIFO does not block, and no link is followed."""
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o640)
    except OSError as error:
        if error.errno in NO_LOCK_ERRNOS:
            raise _no_lock(path, "a link, a folder or a socket") from error
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise _no_lock(path, "no regular file")


def _no_lock(path: str, what: str) -> StartRefused:
    return StartRefused(f"{path!r} is {what}, and no lock of refundsorter's: look what it is, and remove it")
