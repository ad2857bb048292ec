"""The system calls: nothing is replaced, and errno is translated in one place."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from disks import fill, small_disk

from refundsorter.core.fault import NameTaken, PassingTrouble, Vanished
from refundsorter.edges.filesystem import CrossDevice, FileSystem, identity_of

FILES = FileSystem()
HARD_NAMES = [b"\xff\xfe.jpg", b"two\nlines.jpg", b"x" * 255, b"-rf", " é🎁".encode()]
READS: dict[str, Callable[[FileSystem, str], object]] = {
    "lstat": lambda files, path: files.lstat(path),
    "open": lambda files, path: files.open_photo(path),
    "statvfs": lambda files, path: files.free_bytes(path),
    "unlink": lambda files, path: files.unlink(path),
    "rename": lambda files, path: files.rename(path, f"{path}.new"),
    "replace": lambda files, path: files.replace(path, f"{path}.new"),
    "names": lambda files, path: files.names(path),
    "link": lambda files, path: files.link(path, f"{path}.new"),
}


@pytest.mark.parametrize("name", HARD_NAMES)
def test_a_file_is_renamed_whatever_its_name(tmp_path: Path, name: bytes) -> None:
    """The very same file lies under its new name; the old one is gone."""
    source = tmp_path / os.fsdecode(name)
    source.write_bytes(b"photo")
    before = identity_of(source.lstat())
    (tmp_path / "there").mkdir()
    destination = tmp_path / "there" / os.fsdecode(name)
    assert FILES.rename(str(source), str(destination)) is True
    assert identity_of(destination.lstat()) == before
    assert not source.exists()


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
@pytest.mark.parametrize("way", ["rename", "link"])
def test_nothing_is_ever_replaced(tmp_path: Path, make: Callable[[Path], None], way: str) -> None:
    """A name that is taken, be it by a file, a folder or a link to nowhere, stops a rename and a link."""
    source, destination = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"photo")
    make(destination)
    before = destination.lstat()
    with pytest.raises(NameTaken):
        getattr(FILES, way)(str(source), str(destination))
    assert destination.lstat().st_ino == before.st_ino
    assert source.read_bytes() == b"photo"


@pytest.mark.parametrize("way", ["rename", "link"])
def test_another_file_system_is_told(tmp_path: Path, way: str) -> None:
    """Where a file would have to be copied, nothing is moved and the caller is told."""
    source = tmp_path / "a"
    source.write_bytes(b"photo")
    with small_disk(tmp_path / "disk") as disk:
        with pytest.raises(CrossDevice):
            getattr(FILES, way)(str(source), str(disk / "a"))
        assert list(disk.iterdir()) == []
    assert source.exists()


@pytest.mark.parametrize("operation", READS)
def test_a_missing_file_has_vanished(tmp_path: Path, operation: str) -> None:
    """What is not there is told as vanished by every call, with the path."""
    with pytest.raises(Vanished, match="missing"):
        READS[operation](FILES, str(tmp_path / "missing"))


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.EIO, PassingTrouble),
        (errno.ENOENT, Vanished),
        (errno.EEXIST, NameTaken),
        (errno.ENOTTY, OSError),
    ],
)
def test_errno_is_translated(tmp_path: Path, operation: str, code: int, expected: type[Exception]) -> None:
    """An error of any call is told as whose matter it is; one that nobody expected stays an `OSError`."""

    def fail(name: str, _path: str) -> None:
        if name == operation:
            raise OSError(code, os.strerror(code))

    path = tmp_path / "a"
    path.touch()
    with pytest.raises(expected) as caught:
        READS[operation](FileSystem(fail), str(path))
    assert type(caught.value) is expected or isinstance(caught.value, OSError)
    assert path.exists()


def test_the_seam_is_called_before_each_call(tmp_path: Path) -> None:
    """A fault test sees every call ahead of its effect, with its name and its path."""
    path = tmp_path / "a"
    seen: list[tuple[str, str, bool]] = []
    files = FileSystem(lambda name, path: seen.append((name, path, os.path.exists(path))))
    descriptor = files.create(str(path), 0o600)
    files.write(descriptor, b"photo", str(path))
    os.close(descriptor)
    files.unlink(str(path))
    assert seen == [("create", str(path), False), ("write", str(path), True), ("unlink", str(path), True)]


def test_a_photo_behind_a_link_is_not_opened(tmp_path: Path) -> None:
    """Nobody leads the reader elsewhere by a symlink."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "a.jpg").symlink_to("secret")
    with pytest.raises(Vanished):
        FILES.open_photo(str(tmp_path / "a.jpg"))


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    """Opening a pipe that nobody writes to returns at once."""
    os.mkfifo(tmp_path / "a.jpg")
    os.close(FILES.open_photo(str(tmp_path / "a.jpg")))


def test_a_link_is_linked_itself(tmp_path: Path) -> None:
    """A hard link of a symlink is a symlink: what it points to is not touched."""
    (tmp_path / "a").symlink_to("nowhere")
    FILES.link(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").is_symlink()


def test_a_new_file_is_new(tmp_path: Path) -> None:
    """A file that exists is not opened for writing as a new one."""
    (tmp_path / "a").write_bytes(b"photo")
    with pytest.raises(NameTaken):
        FILES.create(str(tmp_path / "a"), 0o600)
    assert (tmp_path / "a").read_bytes() == b"photo"


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    """Making a folder says whether it was made."""
    assert [FILES.make_folder(str(tmp_path / "a")) for _ in range(2)] == [True, False]


def test_all_of_it_is_written() -> None:
    """A write that the system takes in parts goes on until everything is written."""
    reading, writing = socket.socketpair()
    with reading, writing:
        writing.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        data = bytes(range(256)) * 4
        FILES.write(writing.fileno(), data, "socket")
        assert reading.recv(len(data), socket.MSG_WAITALL) == data


def test_a_full_disk_is_passing_trouble(tmp_path: Path) -> None:
    """On a disk that really is full a write is passing trouble."""
    with small_disk(tmp_path / "disk") as disk:
        fill(disk)
        descriptor = FILES.create(str(disk / "a"), 0o600)
        try:
            with pytest.raises(PassingTrouble, match="No space left"):
                FILES.write(descriptor, b"x" * 5000, str(disk / "a"))
        finally:
            os.close(descriptor)


def test_free_space_is_what_may_still_be_written(tmp_path: Path) -> None:
    """Free space falls as the disk fills up, to nothing."""
    with small_disk(tmp_path / "disk") as disk:
        before = FILES.free_bytes(str(disk))
        assert 0 < before <= 1 << 20
        fill(disk)
        assert FILES.free_bytes(str(disk)) == 0
