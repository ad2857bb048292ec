"""One process a state directory: an advisory lock, which the kernel drops however its holder dies."""

import fcntl
import os

from refundsorter.core.fault import AlreadyRunning, StartRefused, translate

FILE = "lock"


class StateLock:
    """The lock of `state_dir`, held from construction to `release`.

    Raises:
        AlreadyRunning: Another process holds it; the message names its pid.
        PassingTrouble: The disk does not allow it now.
    """

    def __init__(self, state_dir: str) -> None:
        path = os.path.join(state_dir, FILE)
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                self._take(state_dir)
            except BaseException:
                os.close(self._descriptor)
                raise
        except OSError as error:
            raise translate(error, f"locking {path!r}") from error

    def _take(self, state_dir: str) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise AlreadyRunning(
                f"another refundsorter (pid {pid}) uses {state_dir}; stop it first, "
                "or give this one a `state_dir` of its own"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

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
