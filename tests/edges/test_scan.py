"""Looking through real folders."""

import os
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.ignore import IgnoreRules
from refundsorter.edges.scan import Found, Oddity, OddityKind, Scanner, stat_file

NOBODY = 65534
ODD_NAMES = [
    b"\xff\xfe\x80.jpg",
    b"two\nlines.jpg",
    b"x" * 251 + b".jpg",
    b" leading and trailing ",
    b"-rf",
    b"\xc3\xa9.jpg",
    b"e\xcc\x81.jpg",
]


class Look:
    """A scanner together with what it told."""

    def __init__(self, root: Path, *, recursive: bool = True, excluded: Sequence[Path] = ()) -> None:
        self.oddities: list[Oddity] = []
        self.troubles: list[PassingTrouble] = []
        self.scanner = Scanner(
            root,
            recursive=recursive,
            ignore=IgnoreRules(),
            excluded=excluded,
            on_oddity=self.oddities.append,
            on_trouble=self.troubles.append,
        )

    def paths(self, tree: Path | None = None) -> list[str]:
        """The paths of one whole scan, sorted."""
        return sorted(found.path for found in self.scanner.scan(None if tree is None else str(tree)))


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def powerless() -> Iterator[None]:
    """Root may read everything; for the length of a block it is somebody else."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_finds_what_is_there(inbox: Path) -> None:
    """A scan gives every regular file with what lstat says of it."""
    photo = inbox / "a.jpg"
    photo.write_bytes(b"photo")
    [found] = Look(inbox).scanner.scan()
    assert found == Found(path=str(photo), identity=found.identity)
    known = photo.lstat()
    assert (found.identity.device, found.identity.inode) == (known.st_dev, known.st_ino)
    assert (found.identity.size, found.identity.mtime_ns) == (5, known.st_mtime_ns)
    assert stat_file(str(photo)) == found.identity


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_any_name_survives(inbox: Path, name: bytes) -> None:
    """A name comes back as the very bytes that the file system holds."""
    path = os.fsencode(inbox) + b"/" + name
    with open(path, "wb"):
        pass
    [found] = Look(inbox).scanner.scan()
    assert os.fsencode(found.path) == path
    assert stat_file(found.path) == found.identity


def test_ignored_names_are_not_found(inbox: Path) -> None:
    """Ignored files are not given, and ignored folders are neither entered nor told."""
    (inbox / "a.jpg.part").touch()
    (inbox / ".trash").mkdir()
    (inbox / ".trash" / "b.jpg").touch()
    look = Look(inbox)
    assert look.paths() == []
    assert look.oddities == []


def test_recursion_reaches_every_depth(inbox: Path) -> None:
    """With recursion, files of all sub-folders are given."""
    deep = inbox / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (deep / "deep.jpg").touch()
    (inbox / "a" / "mid.jpg").touch()
    assert Look(inbox).paths() == sorted([str(deep / "deep.jpg"), str(inbox / "a" / "mid.jpg")])


def test_without_recursion_folders_are_told_once(inbox: Path) -> None:
    """Without recursion a sub-folder is left alone and told, at the first scan only."""
    (inbox / "a").mkdir()
    (inbox / "a" / "b.jpg").touch()
    look = Look(inbox, recursive=False)
    assert look.paths() == look.paths() == []
    assert look.oddities == [Oddity(path=str(inbox / "a"), kind=OddityKind.DIRECTORY)]


def test_oddities_are_told_once_and_left_alone(inbox: Path, tmp_path: Path) -> None:
    """A FIFO, a socket, and links to files and folders are told once, never given, and stay."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "photo.jpg").touch()
    os.mkfifo(inbox / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(inbox / "socket"))  # the path of a socket is short
    (inbox / "link.jpg").symlink_to(tmp_path / "elsewhere" / "photo.jpg")
    (inbox / "folder-link").symlink_to(tmp_path / "elsewhere")
    (inbox / "broken").symlink_to("nowhere")
    look = Look(inbox)
    assert look.paths() == look.paths() == []
    assert {(Path(oddity.path).name, oddity.kind) for oddity in look.oddities} == {
        ("fifo", OddityKind.FIFO),
        ("socket", OddityKind.SOCKET),
        ("link.jpg", OddityKind.SYMLINK),
        ("folder-link", OddityKind.SYMLINK),
        ("broken", OddityKind.SYMLINK),
    }
    assert len(look.oddities) == 5
    assert len(list(inbox.iterdir())) == 5


def test_device_is_told(inbox: Path) -> None:
    """A device node is an oddity."""
    try:
        os.mknod(inbox / "null", 0o20600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("device nodes cannot be made here")
    look = Look(inbox)
    assert look.paths() == []
    assert [oddity.kind for oddity in look.oddities] == [OddityKind.DEVICE]


def test_oddity_that_went_and_came_is_told_again(inbox: Path) -> None:
    """What a whole scan did not see is forgotten, so that it is told when it comes back."""
    look = Look(inbox)
    os.mkfifo(inbox / "fifo")
    look.paths()
    (inbox / "fifo").unlink()
    look.paths()
    os.mkfifo(inbox / "fifo")
    look.paths()
    assert len(look.oddities) == 2


def test_oddities_beyond_the_memory_are_told_as_one(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there are more oddities than are remembered, that is told, once, instead of the rest."""
    monkeypatch.setattr("refundsorter.edges.scan._MAX_TOLD", 3)
    for number in range(8):
        os.mkfifo(inbox / str(number))
    look = Look(inbox)
    for _ in range(3):
        look.paths()
    assert [oddity.kind for oddity in look.oddities] == [OddityKind.FIFO] * 3 + [OddityKind.MORE]


def test_excluded_folders_are_never_entered(inbox: Path) -> None:
    """What lies under an excluded folder is not given, and the folder is not told, at any depth."""
    for folder in ("sorted/ELECTRONICS", "sub/state", "sub/statement"):
        (inbox / folder).mkdir(parents=True)
        (inbox / folder / "a.jpg").touch()
    look = Look(inbox, excluded=[inbox / "sorted", inbox / "sub" / "state"])
    assert look.paths() == [str(inbox / "sub" / "statement" / "a.jpg")]
    flat = Look(inbox, recursive=False, excluded=[inbox / "sorted"])
    assert flat.paths() == []
    assert [oddity.path for oddity in flat.oddities] == [str(inbox / "sub")]


def test_exclusion_is_seen_through_links(inbox: Path, tmp_path: Path) -> None:
    """An excluded folder is recognised when the root, or the folder, is given through a link."""
    (inbox / "sorted").mkdir()
    (inbox / "sorted" / "a.jpg").touch()
    link = tmp_path / "link"
    link.symlink_to(inbox)
    assert Look(link, excluded=[inbox / "sorted"]).paths() == []
    assert Look(inbox, excluded=[link / "sorted"]).paths() == []


@pytest.mark.parametrize("below", [".", "a"])
def test_root_inside_an_excluded_folder_has_nothing(inbox: Path, below: str) -> None:
    """A watched folder that lies in an excluded one gives nothing."""
    (inbox / "a").mkdir()
    (inbox / "a" / "b.jpg").touch()
    assert Look(inbox / below, excluded=[inbox]).paths() == []


def test_linked_root_is_followed(inbox: Path, tmp_path: Path) -> None:
    """The watched folder itself may be a link; paths are spelled with the link."""
    (inbox / "a.jpg").touch()
    link = tmp_path / "link"
    link.symlink_to(inbox)
    assert Look(link).paths() == [str(link / "a.jpg")]


def test_tree_is_scanned_alone(inbox: Path) -> None:
    """A scan of a sub-folder gives what lies below it, and nothing else."""
    for folder in ("a/b", "c"):
        (inbox / folder).mkdir(parents=True)
        (inbox / folder / "p.jpg").touch()
    assert Look(inbox).paths(inbox / "a") == [str(inbox / "a" / "b" / "p.jpg")]


def test_tree_that_is_gone_or_a_link_is_empty(inbox: Path, tmp_path: Path) -> None:
    """A sub-folder that has vanished, or was replaced by a link, gives nothing and is no trouble."""
    (tmp_path / "photo.jpg").touch()
    (inbox / "link").symlink_to(tmp_path)
    look = Look(inbox)
    assert look.paths(inbox / "gone") == look.paths(inbox / "link") == []
    assert look.troubles == []


@pytest.mark.parametrize("make", ["nothing", "file"])
def test_missing_root_is_trouble_and_not_empty(tmp_path: Path, make: str) -> None:
    """A watched folder that is not there, or is no folder, is passing trouble."""
    root = tmp_path / "inbox"
    if make == "file":
        root.touch()
    with pytest.raises(PassingTrouble, match="inbox"):
        next(Look(root).scanner.scan())


def test_unreadable_root_is_trouble(open_folder: Path) -> None:
    """A watched folder that may not be read is passing trouble."""
    (open_folder / "inbox").mkdir(mode=0)
    with powerless(), pytest.raises(PassingTrouble, match="Permission denied"):
        next(Look(open_folder / "inbox").scanner.scan())


def test_unreadable_sub_folder_is_told_and_the_rest_goes_on(open_folder: Path) -> None:
    """A sub-folder that may not be read is told; its neighbours are given."""
    (open_folder / "shut").mkdir(mode=0)
    (open_folder / "good").mkdir()
    (open_folder / "good" / "a.jpg").touch()
    look = Look(open_folder)
    with powerless():
        assert look.paths() == [str(open_folder / "good" / "a.jpg")]
    assert ["shut" in str(trouble) for trouble in look.troubles] == [True]


def test_path_longer_than_the_system_takes_is_an_oddity(inbox: Path) -> None:
    """A tree too deep to be named whole is told and passed over; its neighbours are given."""
    (inbox / "a.jpg").touch()
    descriptor = os.open(inbox, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=descriptor)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    look = Look(inbox)
    assert look.paths() == look.paths() == [str(inbox / "a.jpg")]
    assert [oddity.kind for oddity in look.oddities] == [OddityKind.TOO_DEEP]
    assert stat_file(look.oddities[0].path) is None


def test_what_is_no_file_has_no_identity(inbox: Path) -> None:
    """A folder, a link, a FIFO and nothing at all are no regular file."""
    os.mkfifo(inbox / "fifo")
    (inbox / "photo.jpg").touch()
    (inbox / "link").symlink_to("photo.jpg")
    for path in (inbox, inbox / "link", inbox / "fifo", inbox / "gone", inbox / "photo.jpg" / "below"):
        assert stat_file(str(path)) is None


def test_file_that_may_not_be_looked_at_is_trouble(open_folder: Path) -> None:
    """A file in a folder that may not be searched is neither there nor gone: it is waited for."""
    (open_folder / "shut").mkdir()
    (open_folder / "shut" / "a.jpg").touch()
    (open_folder / "shut").chmod(0)
    with powerless(), pytest.raises(PassingTrouble, match="Permission denied"):
        stat_file(str(open_folder / "shut" / "a.jpg"))


def test_scan_streams(inbox: Path) -> None:
    """The first file is given before the folder has been read to its end."""
    for number in range(2000):
        (inbox / f"{number}.jpg").touch()
    files = Look(inbox).scanner.scan()
    first = next(files)
    for number in range(2000):
        if str(inbox / f"{number}.jpg") != first.path:
            (inbox / f"{number}.jpg").unlink()
    # What was still to come is gone: a scan that had gathered everything first would give all of it.
    assert len(list(files)) < 1999
