"""Durable moves with real files, on one file system and across two.

Where another program must step in between two calls, it does so from the seam of `FileSystem`; where a file
system lacks something, a subclass answers as that file system does.
"""

import errno
import hashlib
import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import pytest
from disks import small_disk
from stages import intent_for
from support import every_file

from refundsorter.core.fault import NameTaken, PassingTrouble, Vanished
from refundsorter.core.placement import JOURNAL, numbered, partial_name
from refundsorter.core.recovery import Found
from refundsorter.edges.filesystem import CrossDevice, FileSystem, identity_of
from refundsorter.edges.shelf import Shelf

HARD_NAMES = [b"\xff\xfe.jpg", b"two\nlines.jpg", b"x" * 251 + b".jpg", b"-rf", b" ", "é🎁.jpg".encode()]
PHOTO_SHA = hashlib.sha256(b"photo").hexdigest()
TOKEN = "0123456789abcdef"
WAYS = ["rename", "link", "copy", "copy and link"]


class Place:
    """An inbox, a shelf, and how their file systems move a photo."""

    def __init__(self, inbox: Path, root: Path, way: str) -> None:
        self.inbox = inbox
        self.root = root
        self.way = way
        (root / JOURNAL).mkdir(parents=True)

    def shelf(
        self, before: Callable[[str, str], None] = lambda _operation, _path: None, *, min_free_bytes: int = 0
    ) -> Shelf:
        """The shelf, with somebody who may step in before each call."""
        kind = LinksOnly if "link" in self.way else FileSystem
        return Shelf(str(self.root), kind(before), token=TOKEN, min_free_bytes=min_free_bytes)

    def drop(self, name: str = "a.jpg", data: bytes = b"photo") -> Path:
        """A photo in the inbox, of a time of its own."""
        path = self.inbox / name
        path.write_bytes(data)
        path.chmod(0o640)
        os.utime(path, ns=(0, 1_700_000_000_123_456_789))
        return path

    def everything(self) -> list[bytes]:
        """The content of every file in the inbox and on the shelf, partial ones included."""
        return sorted(path.read_bytes() for folder in (self.inbox, self.root) for path in every_file(folder))


class LinksOnly(FileSystem):
    """A file system without RENAME_NOREPLACE, as NFS is."""

    def rename(self, source: str, destination: str) -> bool:
        """Say so, or that the other side is another file system."""
        if os.lstat(source).st_dev != os.lstat(os.path.dirname(destination)).st_dev:
            raise CrossDevice
        return False


@pytest.fixture(params=WAYS)
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """An inbox and a shelf; across a border of file systems for the ways that copy."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    if not request.param.startswith("copy"):
        yield Place(inbox, tmp_path / "sorted", request.param)
        return
    with small_disk(tmp_path / "disk", size="16m") as disk:
        yield Place(inbox, disk / "sorted", request.param)


@pytest.fixture
def near(tmp_path: Path) -> Place:
    """An inbox and a shelf on one file system."""
    (tmp_path / "inbox").mkdir()
    return Place(tmp_path / "inbox", tmp_path / "sorted", "rename")


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Place]:
    """An inbox and a shelf on two file systems."""
    (tmp_path / "inbox").mkdir()
    with small_disk(tmp_path / "disk", size="16m") as disk:
        yield Place(tmp_path / "inbox", disk / "sorted", "copy")


def once(operation: str, act: Callable[[], object], *, at: str = "") -> Callable[[str, str], None]:
    """Act once, before the first call of that name on a path that ends so."""
    left = [act]

    def before(name: str, path: str) -> None:
        if left and name == operation and path.endswith(at):
            left.pop()()

    return before


def failing(code: int = errno.EIO) -> Callable[[], None]:
    """An error of the system."""

    def fail() -> None:
        raise OSError(code, os.strerror(code))

    return fail


def moved(outcomes: Sequence[object]) -> bool:
    """Whether every photo was moved; each outcome is then how long it took."""
    return all(isinstance(outcome, float) and outcome >= 0 for outcome in outcomes)


class TestMove:
    """Photos that reach their destinations, whichever way their file systems allow."""

    @pytest.mark.parametrize("name", HARD_NAMES)
    def test_a_photo_is_moved_whatever_its_name(self, place: Place, name: bytes) -> None:
        """The bytes, the time and the name are kept; nothing else is left anywhere."""
        data = random.Random(0).randbytes((2 << 20) + 17)
        source = place.drop(os.fsdecode(name), data)
        destination = place.root / "TOYS" / os.fsdecode(name)
        assert moved(place.shelf().move([intent_for(source, destination)]))
        assert destination.read_bytes() == data
        assert destination.lstat().st_mtime_ns == 1_700_000_000_123_456_789
        assert destination.lstat().st_mode & 0o777 == 0o640
        assert place.everything() == [data]

    def test_on_one_file_system_it_stays_the_same_file(self, near: Place) -> None:
        """Nothing is copied where nothing needs to be."""
        source = near.drop()
        before = identity_of(source.lstat())
        near.shelf().move([intent_for(source, near.root / "TOYS" / "a.jpg")])
        assert identity_of((near.root / "TOYS" / "a.jpg").lstat()) == before

    def test_a_batch_is_moved_with_few_fsyncs(self, place: Place) -> None:
        """Each folder is made durable once a batch, not once a photo."""
        synced: list[str] = []

        def note(operation: str, path: str) -> None:
            if operation == "fsync" and os.path.isdir(path):
                synced.append(os.path.relpath(path, place.root))

        sources = [place.drop(f"{number}.jpg") for number in range(6)]
        intents = [
            intent_for(source, place.root / "AB"[number % 2] / source.name, number)
            for number, source in enumerate(sources)
        ]
        shelf = place.shelf(note)
        assert moved(shelf.move(intents))
        inbox = os.path.relpath(place.inbox, place.root)
        times = 1 if place.way == "rename" else 2  # once the photos were taken, too
        # The root for each folder that was made.
        assert sorted(synced) == sorted([".", ".", "A", "B", *[inbox] * times])

    def test_destinations_are_durable_before_sources_go(self, place: Place) -> None:
        """A source that has to be removed lies there until its destination is safe."""
        source = place.drop()
        order: list[str] = []

        def note(operation: str, path: str) -> None:
            if operation == "fsync" and path == str(place.inbox):
                order.append("inbox safe")
            if operation == "fsync" and path == str(place.root / "TOYS"):
                order.append("destination safe")
            if operation == "unlink" and path.endswith(".taken"):
                order.append("taken removed")

        place.shelf(note).move([intent_for(source, place.root / "TOYS" / "a.jpg")])
        if place.way == "rename":
            assert order == ["destination safe", "inbox safe"]
        else:
            assert order == ["inbox safe", "destination safe", "taken removed", "inbox safe"]

    def test_folders_are_made_and_made_durable(self, place: Place) -> None:
        """Every folder that is missing is made, and its entry made durable in its parent."""
        synced: set[str] = set()
        shelf = place.shelf(lambda name, path: synced.add(path) if name == "fsync" else None)
        source = place.drop()
        shelf.move([intent_for(source, place.root / "_review" / "TOYS" / "a.jpg")])
        assert synced >= {str(place.root), str(place.root / "_review"), str(place.root / "_review" / "TOYS")}
        assert not source.exists()

    def test_a_neighbour_in_trouble_harms_nobody(self, place: Place) -> None:
        """Of a batch, each photo that can be moved is moved; the others say why they were not."""
        sources = [place.drop(f"{number}.jpg", b"%d" % number) for number in range(4)]
        intents = [
            intent_for(source, place.root / "A" / source.name, number)
            for number, source in enumerate(sources)
        ]
        (place.root / "A").mkdir()
        (place.root / "A" / "1.jpg").write_bytes(b"taken")
        sources[2].unlink()
        outcomes = place.shelf().move(intents)
        assert [type(outcome) for outcome in outcomes] == [float, NameTaken, Vanished, float]
        assert place.everything() == [b"0", b"1", b"3", b"taken"]
        assert sources[1].exists()

    def test_nothing_is_replaced(self, place: Place) -> None:
        """A name that was taken since it was chosen is told; both files are untouched."""
        source = place.drop()
        destination = place.root / "TOYS" / "a.jpg"

        def take() -> None:
            destination.write_bytes(b"theirs")

        place.root.joinpath("TOYS").mkdir()
        shelf = place.shelf(once("rename" if place.way == "rename" else "lstat", take, at="/a.jpg"))
        (outcome,) = shelf.move([intent_for(source, destination)])
        assert isinstance(outcome, NameTaken)
        assert (source.read_bytes(), destination.read_bytes()) == (b"photo", b"theirs")
        assert place.everything() == [b"photo", b"theirs"]

    def test_an_empty_batch_is_nothing(self, near: Place) -> None:
        """Where there is nothing to move, nothing is asked of the disk."""

        def fail(operation: str, _path: str) -> None:
            raise AssertionError(operation)

        assert near.shelf(fail).move([]) == []


class TestReplaced:
    """Photos that are no longer those that were read."""

    @pytest.mark.parametrize("size", [5, 6])
    def test_a_photo_that_was_replaced_is_not_moved(self, place: Place, size: int) -> None:
        """Another file under the name of the photo stays where it is."""
        source = place.drop()
        intent = intent_for(source, place.root / "TOYS" / "a.jpg")
        place.drop("new.jpg", b"x" * size).replace(source)
        (outcome,) = place.shelf().move([intent])
        assert isinstance(outcome, Vanished)
        assert place.everything() == [b"x" * size]
        assert source.exists()

    def test_a_photo_that_is_replaced_in_the_last_instant_is_put_back(self, place: Place) -> None:
        """A file that took the photo's name just before the move ends in the inbox, never on the shelf."""
        source = place.drop()
        intent = intent_for(source, place.root / "TOYS" / "a.jpg")
        other = place.drop("new.jpg", b"other")
        renames = 0

        def meddle(operation: str, path: str) -> None:
            nonlocal renames
            renames += operation in ("rename", "replace") and path == str(source)
            if (
                renames == (2 if place.way == "copy" else 1) and other.exists()
            ):  # the first tells of the border
                other.replace(source)

        (outcome,) = place.shelf(meddle).move([intent])
        assert isinstance(outcome, Vanished)
        assert source.read_bytes() == b"other"
        assert place.everything() == [b"other"]

    def test_a_file_is_put_back_beside_a_newer_one(self, near: Place) -> None:
        """Where the name in the inbox is taken again meanwhile, the file gets the next free one."""
        source = near.drop()
        destination = near.root / "TOYS" / "a.jpg"
        other, newest = near.drop("new.jpg", b"other"), near.drop("newest.jpg", b"newest")
        renames = 0

        def meddle(operation: str, path: str) -> None:
            nonlocal renames
            renames += operation == "rename"
            if operation == "rename" and renames == 1:
                other.replace(source)
            if operation == "rename" and renames == 2:
                assert path == str(destination)
                newest.replace(source)

        (outcome,) = near.shelf(meddle).move([intent_for(source, destination)])
        assert isinstance(outcome, Vanished)
        assert source.read_bytes() == b"newest"
        assert (near.inbox / numbered("a.jpg", 2)).read_bytes() == b"other"
        assert not destination.exists()

    def test_a_photo_that_vanished_is_told(self, place: Place) -> None:
        """A photo that its owner took away is not waited for."""
        source = place.drop()
        intent = intent_for(source, place.root / "TOYS" / "a.jpg")
        source.unlink()
        (outcome,) = place.shelf().move([intent])
        assert isinstance(outcome, Vanished)
        assert place.everything() == []

    def test_an_owner_who_removes_the_source_first_is_no_trouble(self, place: Place) -> None:
        """A taken photo that goes away once it is safe needs no removing."""
        source = place.drop()

        def remove() -> None:
            for taken in place.inbox.glob(".*.taken"):
                taken.unlink()

        shelf = place.shelf(once("unlink", remove, at=".taken"))
        assert moved(shelf.move([intent_for(source, place.root / "TOYS" / "a.jpg")]))
        assert place.everything() == [b"photo"]


class TestTrouble:
    """Troubles that pass."""

    @pytest.mark.parametrize("operation", ["lstat", "mkdir", "rename", "link", "statvfs", "create", "write"])
    def test_trouble_before_the_photo_appears_leaves_it_where_it_is(
        self, place: Place, operation: str
    ) -> None:
        """The photo lies untouched at its source, and nothing half-made lies about."""
        happened: list[str] = []

        def fail() -> None:
            happened.append(operation)
            failing(errno.ENOSPC)()

        source = place.drop()
        (outcome,) = place.shelf(once(operation, fail)).move(
            [intent_for(source, place.root / "TOYS" / "a.jpg")]
        )
        assert isinstance(outcome, PassingTrouble) == bool(happened)
        assert source.exists() == bool(happened)
        assert place.everything() == [b"photo"]

    def test_trouble_once_the_photo_has_appeared_is_the_batchs(self, place: Place) -> None:
        """What fails after that leaves only recovery to tell, so that nothing is filed twice or forgotten."""
        source = place.drop()
        destination = place.root / "TOYS" / "a.jpg"
        intent = intent_for(source, destination)

        def appeared(operation: str, _path: str) -> None:
            if operation != "mkdir" and destination.exists():
                failing()()

        with pytest.raises(PassingTrouble):
            place.shelf(appeared).move([intent])
        claimed = intent.examined.claimed
        found = place.shelf().found(str(destination), claimed.identity, intent.examined.sha256)
        assert found is Found.SAME

    def test_a_shelf_that_goes_away_is_passing_trouble(self, near: Place) -> None:
        """A destination folder that is gone when it is to be made durable does not end the daemon."""
        source, away = near.drop(), near.root.with_name("away")
        (near.root / "TOYS").mkdir()
        shelf = near.shelf(once("open", lambda: near.root.rename(away), at="/TOYS"))
        with pytest.raises(PassingTrouble, match="the folder is gone"):
            shelf.move([intent_for(source, near.root / "TOYS" / "a.jpg")])
        assert (away / "TOYS" / "a.jpg").read_bytes() == b"photo"

    @pytest.mark.parametrize("gone", ["the mark", "everything"])
    def test_nothing_is_moved_into_an_empty_mount_point(self, near: Place, gone: str) -> None:
        """Where the journal's folder is missing the shelf is not mounted, and no photo goes there."""
        source = near.drop()
        (near.root / JOURNAL).rmdir()
        if gone == "everything":
            near.root.rmdir()
        shelf = near.shelf()
        assert not shelf.is_reachable()
        with pytest.raises(PassingTrouble, match=JOURNAL):
            shelf.move([intent_for(source, near.root / "TOYS" / "a.jpg")])
        assert source.exists()
        assert not (near.root / "TOYS").exists()

    def test_a_shelf_that_goes_away_is_not_made_again(self, near: Place) -> None:
        """A root that disappears while folders are made for a photo is not put there anew."""
        source = near.drop()
        away = near.root.with_name("away")
        shelf = near.shelf(once("lstat", lambda: near.root.rename(away)))
        (outcome,) = shelf.move([intent_for(source, near.root / "TOYS" / "a.jpg")])
        assert isinstance(outcome, PassingTrouble)
        assert source.exists()
        assert not near.root.exists()

    def test_a_file_where_a_folder_should_be_is_passing_trouble(self, place: Place) -> None:
        """Somebody's file under a category's name is for a person to move away."""
        source = place.drop()
        (place.root / "TOYS").write_bytes(b"theirs")
        (outcome,) = place.shelf().move([intent_for(source, place.root / "TOYS" / "a.jpg")])
        assert isinstance(outcome, PassingTrouble)
        assert place.everything() == [b"photo", b"theirs"]


class TestCopy:
    """Across file systems."""

    def test_a_copy_that_is_not_the_photo_is_thrown_away(self, far: Place) -> None:
        """Bytes that do not have the hash that was read are not filed."""
        source = far.drop()
        intent = intent_for(source, far.root / "TOYS" / "a.jpg")
        wrong = replace(intent, examined=replace(intent.examined, sha256="00" * 32))
        (outcome,) = far.shelf().move([wrong])
        assert isinstance(outcome, PassingTrouble)  # the photo is as it was seen, so it is tried again
        assert far.everything() == [b"photo"]
        assert source.exists()

    def test_a_copy_grows_under_a_hidden_name(self, far: Place) -> None:
        """Nobody sees a half-made photo under its final name."""
        source = far.drop(data=b"x" * (3 << 20))
        destination = far.root / "TOYS" / "a.jpg"
        seen: list[list[str]] = []

        def look(operation: str, _path: str) -> None:
            if operation == "write":
                seen.append(os.listdir(destination.parent))

        far.shelf(look).move([intent_for(source, destination, 7)])
        assert seen == [[partial_name(7)]] * 3

    def test_an_earlier_partial_is_begun_anew(self, far: Place) -> None:
        """What a kill left behind does not stand in the way."""
        (far.root / "TOYS").mkdir()
        (far.root / "TOYS" / partial_name(7)).write_bytes(b"half")
        source = far.drop()
        assert moved(far.shelf().move([intent_for(source, far.root / "TOYS" / "a.jpg", 7)]))
        assert far.everything() == [b"photo"]

    def test_space_is_kept_free(self, far: Place) -> None:
        """A copy that would leave less than `min_free_bytes` is not begun."""
        source = far.drop(data=b"x" * 1000)
        intent = intent_for(source, far.root / "TOYS" / "a.jpg")
        (far.root / "TOYS").mkdir()
        free = FileSystem().free_bytes(str(far.root))
        (outcome,) = far.shelf(min_free_bytes=free - 999).move([intent])
        assert isinstance(outcome, PassingTrouble)
        assert "min_free_bytes" in str(outcome)
        assert far.everything() == [b"x" * 1000]
        assert moved(far.shelf(min_free_bytes=free - 1000).move([intent]))

    def test_a_disk_that_fills_up_meanwhile_is_passing_trouble(self, tmp_path: Path) -> None:
        """A copy that finds no room after all is thrown away, and the photo stays."""
        (tmp_path / "inbox").mkdir()
        with small_disk(tmp_path / "disk", size="1m") as disk:
            place = Place(tmp_path / "inbox", disk / "sorted", "copy")
            source = place.drop(data=b"x" * (2 << 20))
            shelf = Shelf(str(place.root), Boastful(), token=TOKEN, min_free_bytes=0)
            (outcome,) = shelf.move([intent_for(source, place.root / "TOYS" / "a.jpg")])
            assert isinstance(outcome, PassingTrouble)
            assert place.everything() == [b"x" * (2 << 20)]
            assert source.exists()


class Boastful(FileSystem):
    """A file system that promises more room than it has, as quotas do."""

    def free_bytes(self, path: str) -> int:
        """Promise."""
        super().free_bytes(path)
        return 1 << 40


class TestPlace:
    """Names on the shelf."""

    def test_a_free_name_is_the_photos_own(self, near: Place) -> None:
        """In a folder that is not there yet every name is free."""
        found = near.shelf().place(PurePath("_review", "TOYS"), "a.jpg", set())
        assert found == str(near.root / "_review" / "TOYS" / "a.jpg")

    def test_names_that_lie_there_or_are_promised_are_passed_over(self, near: Place) -> None:
        """A file, a link to nowhere and a promise to a neighbour each take a name."""
        (near.root / "TOYS").mkdir()
        (near.root / "TOYS" / "a.jpg").touch()
        (near.root / "TOYS" / "a (2).jpg").symlink_to("nowhere")
        reserved: set[str] = set()
        shelf = near.shelf()
        names = [Path(shelf.place(PurePath("TOYS"), "a.jpg", reserved)).name for _ in range(3)]
        assert names == ["a (3).jpg", "a (4).jpg", "a (5).jpg"]
        assert {Path(path).name for path in reserved} == set(names)

    def test_a_promise_takes_every_spelling_of_a_name(self, near: Place) -> None:
        """Two photos are not promised names that differ by case alone."""
        reserved: set[str] = set()
        names = [near.shelf().place(PurePath("TOYS"), name, reserved) for name in ("a.jpg", "A.JPG")]
        assert [Path(path).name for path in names] == ["a.jpg", "A (2).JPG"]

    def test_a_folder_that_cannot_be_looked_at_is_trouble(self, near: Place) -> None:
        """Where it cannot be told whether a name is free, none is given."""
        with pytest.raises(PassingTrouble):
            near.shelf(once("lstat", failing(errno.ESTALE))).place(PurePath("TOYS"), "a.jpg", set())


class TestRecovery:
    """What recovery asks of the shelf."""

    def found(self, near: Place, make: Callable[[Path], object], *, before: object = None) -> Found:
        """What is said of a path once something was made of it."""
        source = near.drop()
        intent = intent_for(source, near.root / "a.jpg")
        make(source)
        shelf = near.shelf(before) if callable(before) else near.shelf()
        return shelf.found(str(source), intent.examined.claimed.identity, intent.examined.sha256)

    def test_the_same_file_is_found(self, near: Place) -> None:
        """The file that was seen is the photo, without reading it."""
        assert self.found(near, lambda _: None, before=once("open", failing())) is Found.SAME

    def test_a_copy_is_found_by_its_content(self, near: Place) -> None:
        """Another file with the same bytes is the photo."""

        def copy(path: Path) -> None:
            path.unlink()
            path.write_bytes(b"photo")

        assert self.found(near, copy) is Found.SAME

    @pytest.mark.parametrize("data", [b"PHOTO", b"", b"photos"])
    def test_other_bytes_are_another_file(self, near: Place, data: bytes) -> None:
        """A file of other bytes, of the same length or not, is not the photo."""

        def change(path: Path) -> None:
            path.unlink()
            path.write_bytes(data)

        assert self.found(near, change) is Found.OTHER

    @pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("there")])
    def test_what_is_no_file_is_another(self, near: Place, make: Callable[[Path], object]) -> None:
        """A folder, a pipe or a link is not the photo, even if it leads to one."""
        (near.inbox / "there").write_bytes(b"photo")

        def change(path: Path) -> None:
            path.unlink()
            make(path)

        assert self.found(near, change) is Found.OTHER

    def test_nothing_is_nothing(self, near: Place) -> None:
        """A path without a file is told as such."""
        assert self.found(near, Path.unlink) is Found.NOTHING

    @pytest.mark.parametrize("operation", ["lstat", "open", "read"])
    def test_what_cannot_be_looked_at_is_unreachable(self, near: Place, operation: str) -> None:
        """A share that is away says nothing about the photo."""

        def touch(path: Path) -> None:
            os.utime(path)

        assert self.found(near, touch, before=once(operation, failing())) is Found.UNREACHABLE

    def test_a_partial_is_discarded(self, near: Place) -> None:
        """The half-made copy of this photo goes; that of another stays, and a missing one is no fault."""
        for image_id in (7, 8):
            (near.root / partial_name(image_id)).touch()
        for _ in range(2):
            near.shelf().discard_partial(str(near.root / "a.jpg"), 7)
        near.shelf().discard_partial(str(near.root / "GONE" / "a.jpg"), 7)
        assert [path.name for path in near.root.glob(".*")] == [partial_name(8)]

    def test_a_source_is_dropped(self, near: Place) -> None:
        """The source of a photo that lies at its destination is removed, after that is made durable."""
        source, destination = near.drop(), near.root / "a.jpg"
        os.link(source, destination)
        order: list[tuple[str, str]] = []
        shelf = near.shelf(lambda name, path: order.append((name, path)))
        shelf.drop_source(str(source), identity_of(source.lstat()), PHOTO_SHA, str(destination))
        assert not source.exists()
        assert destination.read_bytes() == b"photo"
        deeds = [one for one in order if one[0] in ("fsync", "unlink")]
        assert deeds == [("fsync", str(near.root)), ("unlink", str(source)), ("fsync", str(near.inbox))]

    @pytest.mark.parametrize(("sha256", "lies"), [(PHOTO_SHA, False), ("0" * 64, True)])
    def test_a_device_may_be_numbered_anew(self, near: Place, sha256: str, lies: bool) -> None:  # noqa: FBT001
        """Where the device got another number, the source goes if its bytes are those of the photo."""
        source, destination = near.drop(), near.root / "a.jpg"
        os.link(source, destination)
        identity = identity_of(source.lstat())
        other = replace(identity, device=identity.device + 1)
        near.shelf().drop_source(str(source), other, sha256, str(destination))
        assert source.exists() == lies

    def test_a_newer_source_is_not_dropped(self, near: Place) -> None:
        """Another file that has come under the source's name stays."""
        source, destination = near.drop(), near.root / "a.jpg"
        identity = identity_of(source.lstat())
        source.rename(destination)
        near.drop(data=b"newer")
        near.shelf().drop_source(str(source), identity, PHOTO_SHA, str(destination))
        assert source.read_bytes() == b"newer"

    def test_a_source_folder_that_is_gone_is_no_fault(self, near: Place) -> None:
        """A sub-folder of the inbox that its owner removed does not stop a repair."""
        destination = near.root / "a.jpg"
        destination.write_bytes(b"photo")
        near.shelf().drop_source(
            str(near.inbox / "sub" / "a.jpg"), identity_of(destination.lstat()), PHOTO_SHA, str(destination)
        )

    def test_a_shelf_is_reachable_by_its_mark(self, near: Place) -> None:
        """The journal's folder tells the shelf from the empty folder it is mounted on."""
        assert near.shelf().is_reachable()
        (near.root / JOURNAL).rmdir()
        assert not near.shelf().is_reachable()
