"""One process a state directory, with real second processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from refundsorter.core.fault import AlreadyRunning, Vanished
from refundsorter.edges.lock import FILE, FolderLock, holder

HOLD = """
import sys
from refundsorter.edges.lock import FolderLock
lock = FolderLock(sys.argv[1])
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def another(state_dir: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock until it is killed, or its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "locked\n"
            yield process
        finally:
            process.kill()


def test_the_second_is_refused_with_the_firsts_pid(tmp_path: Path) -> None:
    """While a process holds the lock, another learns who it is and what to do."""
    with another(tmp_path) as first, pytest.raises(AlreadyRunning) as caught:
        FolderLock(str(tmp_path))
    assert f"(pid {first.pid})" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "state_dir" in str(caught.value)


def test_a_killed_holder_lets_the_next_one_in(tmp_path: Path) -> None:
    """However a process dies, its lock dies with it; nobody has to clean up."""
    with another(tmp_path) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        FolderLock(str(tmp_path)).release()


def test_a_released_lock_lets_the_next_one_in(tmp_path: Path) -> None:
    """A lock that was given back is free, in the same process too."""
    FolderLock(str(tmp_path)).release()
    lock = FolderLock(str(tmp_path))
    assert (tmp_path / FILE).read_text() == f"{os.getpid()}\n"
    lock.release()


def test_the_pid_of_a_longer_number_is_written_over(tmp_path: Path) -> None:
    """What an earlier holder left in the file does not show through."""
    (tmp_path / FILE).write_text("99999999999999\n")
    lock = FolderLock(str(tmp_path))
    assert (tmp_path / FILE).read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_child_does_not_inherit_the_lock(tmp_path: Path) -> None:
    """A program that the holder starts does not keep the lock when the holder ends."""
    lock = FolderLock(str(tmp_path))
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE):
        lock.release()
        FolderLock(str(tmp_path)).release()


def test_the_holder_is_told(tmp_path: Path) -> None:
    """Whoever asks learns the pid, without taking or breaking the lock."""
    with another(tmp_path) as first:
        assert [holder(str(tmp_path)) for _ in range(2)] == [first.pid, first.pid]
        with pytest.raises(AlreadyRunning):
            FolderLock(str(tmp_path))


def test_nobody_holds_a_lock_that_was_never_taken_or_is_free(tmp_path: Path) -> None:
    """Without a file, or with one that a dead process left, nobody holds the lock."""
    assert holder(str(tmp_path)) is None
    assert not (tmp_path / FILE).exists()
    with another(tmp_path):
        pass
    assert holder(str(tmp_path)) is None


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    """An error of the system is translated, with what was attempted."""
    with pytest.raises(Vanished, match="locking"):
        FolderLock(str(tmp_path / "gone"))
