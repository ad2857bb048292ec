"""One inbox that two daemons see, each with its own shelf and ledger: no lock is seen by both.

Where one must step in between two calls of the other, it does so from the seam of `FileSystem`.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from disks import small_disk
from stages import claimed_file, intent_for
from support import every_file

from refundsorter.core.fault import InDoubt, NameTaken, PassingTrouble, Vanished
from refundsorter.core.image import Intent
from refundsorter.core.placement import JOURNAL, taken_name
from refundsorter.core.recovery import Found, Repair, repair
from refundsorter.edges.filesystem import CrossDevice, FileSystem
from refundsorter.edges.shelf import Shelf
from refundsorter.edges.taking import Taking

TOKENS = ("a" * 16, "b" * 16)
MANY = 100  # a move makes fewer calls
Before = Callable[[str, str], None]


class LinksOnly(FileSystem):
    """A file system without RENAME_NOREPLACE, as NFS is."""

    def rename(self, source: str, destination: str) -> bool:
        """Say so, or that the other side is another file system."""
        self._call("rename", source, lambda: os.lstat(source))
        if os.lstat(source).st_dev != os.lstat(os.path.dirname(destination)).st_dev:
            raise CrossDevice
        return False


class Killed(BaseException):
    """A process ends here."""


class Two:
    """An inbox with one photo, and two daemons that are about to move it."""

    def __init__(self, base: Path, shelves: Path, kind: type[FileSystem]) -> None:
        self.inbox = base / "inbox"
        self.inbox.mkdir()
        self.source = self.inbox / "a.jpg"
        self.source.write_bytes(b"photo")
        self.roots = [shelves / token for token in TOKENS]
        for root in self.roots:
            (root / JOURNAL).mkdir(parents=True)
        self.intents = [self.intent(number) for number in range(2)]
        self._kind = kind

    def intent(self, number: int) -> Intent:
        """What one daemon means to do: the ids of both are the same."""
        return intent_for(self.source, self.roots[number] / "TOYS" / "a.jpg", 7)

    def shelf(self, number: int, before: Before = lambda _operation, _path: None) -> Shelf:
        """The shelf of one, with somebody who may step in before each call."""
        return Shelf(str(self.roots[number]), self._kind(before), token=TOKENS[number], min_free_bytes=0)

    def move(self, number: int, before: Before = lambda _operation, _path: None) -> object:
        """Let one move the photo; what came of it."""
        (outcome,) = self.shelf(number, before).move([self.intents[number]])
        return outcome

    def recover(self, number: int) -> Repair:
        """What one does at its next start."""
        claimed, sha256 = self.intents[number].examined.claimed, self.intents[number].examined.sha256
        shelf, destination = self.shelf(number), self.intents[number].destination
        shelf.discard_partial(destination, claimed.id)
        there = shelf.found(destination, claimed.identity, sha256)
        shelf.let_go(claimed, sha256, arrived_at=destination if there is Found.SAME else None)
        todo = repair(source=shelf.found(claimed.path, claimed.identity, sha256), destination=there)
        if todo in (Repair.FINISH, Repair.DROP_SOURCE):
            shelf.drop_source(claimed.path, claimed.identity, sha256, destination)
        return todo

    def lying(self) -> list[str]:
        """Every file in the inbox and on the shelves, by its name."""
        return [path.name for folder in (self.inbox, *self.roots) for path in every_file(folder)]


@pytest.fixture(params=["link", "copy", "copy and link"])
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], Two]]:
    """Make an inbox and two shelves, as often as is asked."""
    kind = LinksOnly if "link" in request.param else FileSystem
    made = 0

    def new(shelves: Path) -> Two:
        nonlocal made
        made += 1
        base = tmp_path / f"{made}"
        base.mkdir()
        return Two(base, shelves / f"{made}", kind)

    if request.param == "link":
        yield lambda: new(tmp_path / "shelves")
        return
    with small_disk(tmp_path / "disk", size="16m") as disk:
        yield lambda: new(disk)


def at_call(number: int, act: Callable[[], object]) -> tuple[Before, Callable[[], bool]]:
    """Act before the n-th call; and whether that has happened."""
    calls = 0

    def before(_operation: str, _path: str) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            act()

    return before, lambda: calls >= number


def test_whoever_steps_in_at_any_moment_the_photo_is_moved_once(make: Callable[[], Two]) -> None:
    """At whichever call of one daemon the other moves the photo, one of them has it and the other has not."""
    for call in range(1, MANY):
        two, outcomes = make(), list[object]()
        before, reached = at_call(call, lambda two=two, outcomes=outcomes: outcomes.append(two.move(1)))  # type: ignore[misc]
        outcomes.append(two.move(0, before))
        if not reached():
            break
        assert sorted(type(one).__name__ for one in outcomes) == ["Vanished", "float"], call
        assert two.lying() == ["a.jpg"], call
    assert call > 10, "the calls were not counted"


def test_whenever_one_is_killed_the_photo_is_moved_once(make: Callable[[], Two]) -> None:
    """At whichever call one daemon dies: the other tries, the first recovers, and the photo lies once."""

    def kill() -> None:
        raise Killed

    for call in range(1, MANY):
        two = make()
        before, reached = at_call(call, kill)
        try:
            two.move(0, before)
        except Killed:
            assert reached()
        else:
            break
        moved = isinstance(two.move(1), float)
        todo = two.recover(0)
        assert not (moved and todo in (Repair.FINISH, Repair.DROP_SOURCE)), call
        if not moved and todo is Repair.RELEASE:
            assert isinstance(two.move(1), float), call
        assert two.lying() == ["a.jpg"], call
    assert call > 10, "the calls were not counted"


def test_a_name_that_is_taken_puts_the_photo_back(make: Callable[[], Two]) -> None:
    """A photo that cannot be published lies under its own name again."""
    two = make()
    two.roots[0].joinpath("TOYS").mkdir()
    two.roots[0].joinpath("TOYS", "a.jpg").write_bytes(b"theirs")
    assert isinstance(two.move(0), NameTaken)
    assert two.source.read_bytes() == b"photo"
    assert two.lying() == ["a.jpg", "a.jpg"]


def test_what_is_put_back_replaces_nothing(make: Callable[[], Two]) -> None:
    """Where another photo has come under the name meanwhile, the taken one gets the next free name."""
    two = make()
    taken = two.inbox / taken_name(TOKENS[0], 7)
    two.source.rename(taken)
    two.source.write_bytes(b"newer")
    assert two.recover(0) is Repair.FORGET
    assert two.source.read_bytes() == b"newer"
    assert (two.inbox / "a (2).jpg").read_bytes() == b"photo"
    assert sorted(two.lying()) == ["a (2).jpg", "a.jpg"]


def test_another_file_that_was_taken_is_put_back(make: Callable[[], Two]) -> None:
    """What is not the photo is not removed, though the photo lies at its destination."""
    two = make()
    destination = Path(two.intents[0].destination)
    destination.parent.mkdir()
    destination.write_bytes(b"photo")
    two.source.unlink()
    (two.inbox / taken_name(TOKENS[0], 7)).write_bytes(b"other")
    assert two.recover(0) is Repair.FINISH
    assert two.source.read_bytes() == b"other"
    assert two.lying() == ["a.jpg", "a.jpg"]


def test_a_photo_that_is_being_put_back_is_left_alone(make: Callable[[], Two]) -> None:
    """One that still has the hidden name of another daemon waits until that one has settled it."""
    two = make()
    os.link(two.source, two.inbox / taken_name(TOKENS[1], 7))
    assert isinstance(two.move(0), PassingTrouble)
    assert two.recover(1) is Repair.RELEASE
    assert isinstance(two.move(0), float)
    assert two.lying() == ["a.jpg"]


def test_a_photo_with_two_names_of_its_owner_is_moved(make: Callable[[], Two]) -> None:
    """A hard link that people made is no hindrance."""
    two = make()
    os.link(two.source, two.inbox / "b.jpg")
    assert isinstance(two.move(0), float)
    assert sorted(two.lying()) == ["a.jpg", "b.jpg"]


def test_what_lies_under_the_hidden_name_is_not_replaced(make: Callable[[], Two]) -> None:
    """Of two ledgers that are copies of each other, the second does not replace what the first has taken."""
    two = make()
    (two.inbox / taken_name(TOKENS[0], 7)).write_bytes(b"other")
    assert isinstance(two.move(0), PassingTrouble)
    assert two.source.read_bytes() == b"photo"
    assert (two.inbox / taken_name(TOKENS[0], 7)).read_bytes() == b"other"


def test_a_taken_photo_that_goes_away_is_in_doubt(make: Callable[[], Two]) -> None:
    """An inbox that is unmounted meanwhile takes the photo along: it is not forgotten, recovery must tell."""
    two = make()
    taking = Taking(FileSystem(), TOKENS[0])
    taken = taking.take(two.intents[0].examined.claimed)
    away = two.inbox.rename(two.inbox.with_name("away"))
    with pytest.raises(InDoubt):
        taking.put_back(taken, str(two.source))
    away.rename(two.inbox)
    assert two.recover(0) is Repair.RELEASE
    assert two.lying() == ["a.jpg"]


@pytest.mark.parametrize(
    ("exists", "mounted_before", "away"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_an_inbox_that_is_away(tmp_path: Path, exists: bool, mounted_before: bool, away: bool) -> None:  # noqa: FBT001
    """What is missing is not gone where the inbox is, or seems to be an empty mount point."""
    (tmp_path / "inbox").mkdir()
    photo = tmp_path / "inbox" / "a.jpg"
    photo.touch()
    with small_disk(tmp_path / "disk") as disk:
        (disk / "a.jpg").touch()
        claimed = claimed_file(disk / "a.jpg" if mounted_before else photo)
        taking = Taking(FileSystem(), TOKENS[0])
        assert not taking.is_inbox_away(claimed)
    photo.unlink()
    if not exists:
        (tmp_path / "inbox").rmdir()
    assert taking.is_inbox_away(claimed) == away


def test_a_photo_that_is_gone_is_not_taken(make: Callable[[], Two]) -> None:
    """Its owner was quicker."""
    two = make()
    claimed = two.intents[0].examined.claimed
    two.source.unlink()
    with pytest.raises(Vanished):
        Taking(FileSystem(), TOKENS[0]).take(claimed)
