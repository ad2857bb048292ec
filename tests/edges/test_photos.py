"""Reading a photo, or proof that it is not the one that was seen."""

import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from refundsorter.core.fault import PassingTrouble, Reason, Vanished
from refundsorter.edges.filesystem import FileSystem, identity_of
from refundsorter.edges.photos import CHUNK_BYTES, Photo, PhotoReader

MAX_BYTES = CHUNK_BYTES + 10


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo of some bytes."""
    path = tmp_path / os.fsdecode(b"caf\xe9\n.jpg")
    path.write_bytes(b"photo")
    return path


def reader(before: Callable[[str, str], None] | None = None) -> PhotoReader:
    """A reader with its limit, and perhaps with somebody who meddles."""
    return PhotoReader(FileSystem(before) if before else FileSystem(), max_bytes=MAX_BYTES)


def nothing() -> None:
    """Nobody looks how far it is."""


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, MAX_BYTES])
def test_a_photo_is_read_and_hashed(photo: Path, size: int) -> None:
    """The bytes are the file's and the hash is theirs, however many chunks it takes."""
    data = os.urandom(size)
    photo.write_bytes(data)
    pieces: list[None] = []
    found = reader().read(str(photo), identity_of(photo.lstat()), lambda: pieces.append(None))
    assert len(pieces) == -(-size // CHUNK_BYTES)
    assert found.data == data
    assert found.sha256 == hashlib.sha256(data).hexdigest()


def test_of_a_photo_over_the_limit_nothing_is_read(photo: Path) -> None:
    """However large it says that it is, it costs nothing, and is a fault of that photo."""

    def fail(operation: str, _path: str) -> None:
        assert operation != "read"

    os.truncate(photo, MAX_BYTES + 1)
    identity = identity_of(photo.lstat())
    assert reader(fail).read(str(photo), identity, nothing) == Photo(sha256=None, data=b"")
    fault = reader().fault(identity)
    assert fault is not None
    assert (fault.reason, fault.detail) == (
        Reason.TOO_LARGE,
        f"{MAX_BYTES + 1} bytes; the limit is {MAX_BYTES}",
    )


def test_a_photo_at_the_limit_is_no_fault(photo: Path) -> None:
    """The limit itself is allowed."""
    identity = replace(identity_of(photo.lstat()), size=MAX_BYTES)
    assert reader().fault(identity) is None


def rewrite(path: Path) -> None:
    """Other bytes of the same length under the same inode, written later."""
    with path.open("r+b") as out:
        out.write(b"PHOTO")
    os.utime(path, ns=(0, path.lstat().st_mtime_ns + 1))


def replace_file(path: Path) -> None:
    """Another file of the same length and time under the same name."""
    other = path.with_name("other")
    other.write_bytes(b"PHOTO")
    os.utime(other, ns=(0, path.lstat().st_mtime_ns))
    other.replace(path)


def append(path: Path) -> None:
    """More bytes."""
    with path.open("ab") as out:
        out.write(b"more")


def into(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Something else under the same name."""

    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return change


CHANGES: dict[str, Callable[[Path], None]] = {
    "removed": Path.unlink,
    "replaced": replace_file,
    "rewritten": rewrite,
    "grown": append,
    "cut": lambda path: os.truncate(path, 2),
    "a folder": into(Path.mkdir),
    "a pipe": into(os.mkfifo),
    "a link": into(lambda path: path.symlink_to("other")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_file_is_not_read(photo: Path, change: str) -> None:
    """A photo that was removed, replaced or written to since it was seen has vanished."""
    (photo.with_name("other")).write_bytes(b"photo")
    identity = identity_of(photo.lstat())
    CHANGES[change](photo)
    with pytest.raises(Vanished):
        reader().read(str(photo), identity, nothing)


@pytest.mark.parametrize("change", ["rewritten", "grown", "cut"])
def test_a_file_that_is_written_to_while_it_is_read_is_noticed(photo: Path, change: str) -> None:
    """What changes between two reads is no photo that was seen."""
    photo.write_bytes(b"x" * MAX_BYTES)
    reads = 0

    def meddle(operation: str, _path: str) -> None:
        nonlocal reads
        reads += operation == "read"
        if operation == "read" and reads == 2:
            CHANGES[change](photo)

    with pytest.raises(Vanished):
        reader(meddle).read(str(photo), identity_of(photo.lstat()), nothing)


def test_a_file_that_grows_for_ever_is_given_up(photo: Path) -> None:
    """A writer that is as fast as the reader does not hold it: it stops past the size that was seen."""
    photo.write_bytes(b"x" * CHUNK_BYTES)
    reads = 0

    def grow(operation: str, _path: str) -> None:
        nonlocal reads
        if operation == "read" and reads < 20:
            reads += 1
            with photo.open("ab") as out:
                out.write(b"x" * CHUNK_BYTES)

    with pytest.raises(Vanished):
        reader(grow).read(str(photo), identity_of(photo.lstat()), nothing)
    assert reads == 2


def test_a_file_that_cannot_be_read_now_is_passing_trouble(photo: Path) -> None:
    """A disk that fails while a photo is read rejects nothing."""

    def fail(operation: str, _path: str) -> None:
        if operation == "read":
            raise OSError(errno.EIO, "the disk fails")

    with pytest.raises(PassingTrouble):
        reader(fail).read(str(photo), identity_of(photo.lstat()), nothing)


def test_no_descriptor_is_left_open(photo: Path) -> None:
    """However reading ends, the file is closed."""
    identity = identity_of(photo.lstat())
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        reader().read(str(photo), identity, nothing)
        with pytest.raises(Vanished):
            reader().read(str(photo), replace(identity, size=1), nothing)
    assert len(os.listdir("/proc/self/fd")) == before
