"""One process a state directory, a shelf and an inbox: locks that the kernel drops however a holder dies."""

import errno
import fcntl
import os

from refundsorter.core.fault import AlreadyRunning, PassingTrouble, StartRefused, translate

FILE = "lock"


class FolderLock:
    """The lock of the folder that a setting names, held from construction to `release`.

    Held open for reading only it lets the disk be made read-only, but an NFS share gives no such lock.

    Raises:
        AlreadyRunning: Another process holds it; the message names its pid.
        PassingTrouble: The disk does not allow it now.
    """

    def __init__(self, folder: str, *, setting: str = "state_dir", held_open: int = os.O_RDWR) -> None:
        path = os.path.join(folder, FILE)
        try:
            self._descriptor = os.open(path, held_open | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                self._take(folder, setting)
            except BaseException:
                os.close(self._descriptor)
                raise
        except OSError as error:
            raise translate(error, f"locking {path!r}") from error

    def _take(self, folder: str, setting: str) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
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
        with open(os.path.join(folder, FILE), "w", encoding="ascii") as file:
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


def holder(state_dir: str) -> int | None:
    """The pid of the process that holds the lock; None when nobody does, -1 when it has not said its pid.

    Raises:
        PassingTrouble: The lock cannot be looked at now, or not by this user.
        StartRefused: `state_dir` is no folder.
    """
    path = os.path.join(state_dir, FILE)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise StartRefused(f"{state_dir} is no folder; move it away, or name another `state_dir`") from error
    except OSError as error:
        raise translate(error, f"reading {path!r}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 32).strip()
        return int(text) if text.isdigit() else -1
    finally:
        os.close(descriptor)
    return None
