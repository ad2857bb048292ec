"""One process a state directory, with real second processes."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import PATIENCE_S

from refundsorter.core.fault import AlreadyRunning, StartRefused, Vanished
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


def test_who_asks_for_the_holder_refuses_nobody(tmp_path: Path) -> None:
    """However often it is asked, a process that begins meanwhile gets the lock."""
    FolderLock(str(tmp_path)).release()
    asking, is_over = threading.Event(), threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            holder(str(tmp_path))
            asking.set()

    thread = threading.Thread(target=ask)
    thread.start()
    asking.wait(PATIENCE_S)
    try:
        for _ in range(200):
            FolderLock(str(tmp_path)).release()
    finally:
        is_over.set()
        thread.join()


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    """An error of the system is translated, with what was attempted."""
    with pytest.raises(Vanished, match="locking"):
        FolderLock(str(tmp_path / "gone"))


def make_link(lock: Path, ledger: Path) -> None:
    """A link to the ledger."""
    lock.symlink_to(ledger)


def make_dangling_link(lock: Path, ledger: Path) -> None:
    """A link to what is not there, and would be made."""
    lock.symlink_to(ledger.with_name("new"))


def make_second_name(lock: Path, ledger: Path) -> None:
    """The ledger itself, under a second name."""
    lock.hardlink_to(ledger)


def make_fifo(lock: Path, _ledger: Path) -> None:
    """A FIFO, which nobody writes to."""
    os.mkfifo(lock)


def make_folder(lock: Path, _ledger: Path) -> None:
    """A folder."""
    lock.mkdir()


def make_socket(lock: Path, _ledger: Path) -> None:
    """A socket, bound by a short name: the kernel takes no long ones."""
    here = os.open(lock.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"/proc/self/fd/{here}/{lock.name}")
    os.close(here)


@pytest.mark.parametrize("held_open", [os.O_RDWR, os.O_RDONLY])
@pytest.mark.parametrize(
    "make", [make_link, make_dangling_link, make_second_name, make_fifo, make_folder, make_socket]
)
def test_what_is_no_lock_is_refused_untouched(
    tmp_path: Path, make: Callable[[Path, Path], None], held_open: int
) -> None:
    """Whatever somebody put under the lock's name: it is told, and nothing is written or made."""
    ledger, folder = tmp_path / "ledger", tmp_path / "_journal"
    ledger.write_bytes(b"SQLite format 3")
    folder.mkdir()
    make(folder / FILE, ledger)
    with pytest.raises(StartRefused, match=r"no lock of refundsorter's.*remove it") as caught:
        FolderLock(str(folder), setting="sorted", held_open=held_open)
    assert str(folder / FILE) in str(caught.value)
    assert ledger.read_bytes() == b"SQLite format 3"
    assert sorted(tmp_path.iterdir()) == [folder, ledger]


@pytest.mark.parametrize("make", [make_link, make_fifo, make_folder])
def test_whoever_asks_for_the_holder_follows_no_link_either(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    """It is told, and does not block."""
    make(tmp_path / FILE, tmp_path / "ledger")
    with pytest.raises(StartRefused, match="no lock"):
        holder(str(tmp_path))


@pytest.mark.parametrize("left", [b"", b"\0\0\0\0\0", b"47"])
def test_what_a_power_cut_left_of_a_pid_is_a_lock(tmp_path: Path, left: bytes) -> None:
    """Nothing, zeros, or half of it: the next one takes it."""
    (tmp_path / FILE).write_bytes(left)
    FolderLock(str(tmp_path), held_open=os.O_RDONLY).release()
    assert (tmp_path / FILE).read_text() == f"{os.getpid()}\n"
