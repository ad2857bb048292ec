"""Watching real folders, through real inotify and by real polling.

A test waits for the hint it expects, with a deadline that only a hanging machine reaches. That something
gives no hint is shown by a marker: a later event, told by the same thread, whose hint has come.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.hints import Hint, HintKind, HintSink
from refundsorter.core.ignore import IgnoreRules
from refundsorter.edges.inbox import Watch, WatchMode
from refundsorter.loops.hints import HintQueue

DEADLINE_S = 30.0
POLL_INTERVAL_S = 0.02

IN_CREATE, IN_MOVED_TO, IN_CLOSE_WRITE, IN_MOVE_SELF = 0x100, 0x80, 0x8, 0x800


class Watched:
    """A watched folder, beside it another one on the same file system, and the hints that came."""

    def __init__(self, tmp_path: Path) -> None:
        self.inbox = tmp_path / "inbox"
        self.outside = tmp_path / "outside"
        self.inbox.mkdir()
        self.outside.mkdir()
        self.queue = HintQueue(10_000)
        self.seen: list[Hint] = []
        self.overflowed = False
        self.markers = 0
        self.watch: Watch | None = None

    def start(
        self, mode: WatchMode = "inotify", *, recursive: bool = True, sink: HintSink | None = None
    ) -> Watch:
        """Watch the inbox; `inbox/sorted` is excluded."""
        self.watch = Watch(
            self.inbox,
            recursive=recursive,
            ignore=IgnoreRules(),
            excluded=[self.inbox / "sorted"],
            mode=mode,
            poll_interval_s=POLL_INTERVAL_S,
            hints=sink or self.queue,
        )
        self.watch.start()
        return self.watch

    def until(self, done: Callable[[], bool]) -> None:
        """Take hints until something holds."""
        while not done():
            hints, overflowed = self.queue.take(DEADLINE_S)
            self.seen += hints
            self.overflowed |= overflowed
            assert hints or overflowed, f"nothing came; seen so far: {self.seen}"

    def until_seen(self, path: Path, **expected: object) -> Hint:
        """Take hints until one is about this path."""

        def matching() -> list[Hint]:
            return [
                hint
                for hint in self.seen
                if hint.path == str(path)
                and all(getattr(hint, name) == value for name, value in expected.items())
            ]

        self.until(lambda: bool(matching()))
        return matching()[0]

    def until_overflow(self) -> None:
        """Take hints until some were lost."""
        self.overflowed = False
        self.until(lambda: self.overflowed)

    def rename_in(self, name: str | bytes, content: bytes = b"photo") -> Path:
        """Write a file outside and rename it to this name in the inbox."""
        target = self.inbox / os.fsdecode(name)
        source = self.outside / "source"
        source.write_bytes(content)
        source.rename(target)
        return target

    def settle(self) -> None:
        """Return when hints of everything done so far have come; two looks, if it is polled."""
        for _ in range(2):
            self.markers += 1
            self.until_seen(self.rename_in(f"marker{self.markers}"))

    def hints_of(self, path: Path) -> list[Hint]:
        """The hints about this path so far."""
        return [hint for hint in self.seen if hint.path == str(path)]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A folder to watch."""
    folder = Watched(tmp_path)
    yield folder
    if folder.watch is not None:
        folder.watch.stop(DEADLINE_S)


both = pytest.mark.parametrize("mode", ["inotify", "polling"])


def test_renamed_in_is_complete(watched: Watched) -> None:
    """A file renamed in from outside is called complete."""
    watched.start()
    assert watched.until_seen(watched.rename_in("a.jpg")).complete


def test_copied_in_is_not_complete(watched: Watched) -> None:
    """A file written in place is never called complete, not even when it is closed."""
    watched.start()
    photo = watched.inbox / "a.jpg"
    photo.write_bytes(b"photo")
    watched.settle()
    assert watched.hints_of(photo)
    assert not any(hint.complete for hint in watched.hints_of(photo))


def test_linked_in_is_not_complete(watched: Watched) -> None:
    """A hard link is a file like any other: its writer may still hold it open."""
    watched.start()
    (watched.outside / "a.jpg").touch()
    (watched.inbox / "a.jpg").hardlink_to(watched.outside / "a.jpg")
    assert not watched.until_seen(watched.inbox / "a.jpg").complete


def test_rename_of_a_partial_name_is_complete(watched: Watched) -> None:
    """A partial name gives no hint; its rename to the final name inside the inbox is complete at once."""
    watched.start()
    part = watched.inbox / "a.jpg.part"
    part.write_bytes(b"photo")
    part.rename(watched.inbox / "a.jpg")
    assert watched.until_seen(watched.inbox / "a.jpg").complete
    watched.settle()
    assert watched.hints_of(part) == []


def test_polling_never_says_complete(watched: Watched) -> None:
    """What a poll found moved may be a new file with an old inode, so it is not called complete."""
    watched.start("polling")
    first = watched.rename_in("a.jpg")
    assert not watched.until_seen(first).complete
    first.rename(watched.inbox / "b.jpg")
    assert not watched.until_seen(watched.inbox / "b.jpg").complete


@both
def test_ignored_until_renamed(watched: Watched, mode: WatchMode) -> None:
    """A hidden file gives no hint until it gets a visible name."""
    watched.start(mode)
    hidden = watched.rename_in(".a.jpg")
    watched.settle()
    hidden.rename(watched.inbox / "a.jpg")
    watched.until_seen(watched.inbox / "a.jpg")
    assert watched.hints_of(hidden) == []


@both
@pytest.mark.parametrize(
    "name", [b"\xff\xfe\x80.jpg", b"two\nlines.jpg", b"x" * 251 + b".jpg", b" "], ids=ascii
)
def test_any_name_survives(watched: Watched, mode: WatchMode, name: bytes) -> None:
    """The path of a hint is the very bytes that the file system holds."""
    watched.start(mode)
    photo = watched.rename_in(name)
    hint = watched.until_seen(photo)
    assert os.fsencode(hint.path) == os.fsencode(watched.inbox) + b"/" + name


@both
def test_sub_folders_are_watched_when_recursive(watched: Watched, mode: WatchMode) -> None:
    """With recursion, a file that comes into a sub-folder gives a hint."""
    (watched.inbox / "a" / "b").mkdir(parents=True)
    watched.start(mode)
    watched.until_seen(watched.rename_in("a/b/photo.jpg"))


@both
def test_sub_folders_give_nothing_without_recursion(watched: Watched, mode: WatchMode) -> None:
    """Without recursion, neither a sub-folder nor what comes into it gives a hint."""
    (watched.inbox / "a").mkdir()
    watched.start(mode, recursive=False)
    watched.rename_in("a/photo.jpg")
    (watched.inbox / "b").mkdir()
    watched.settle()
    assert {Path(hint.path).name for hint in watched.seen} == {"marker1", "marker2"}


@both
def test_excluded_folder_gives_nothing(watched: Watched, mode: WatchMode) -> None:
    """What comes into the excluded folder gives no hint, whether it was there before or is made later."""
    (watched.inbox / "sorted" / "A").mkdir(parents=True)
    watched.start(mode)
    watched.rename_in("sorted/A/photo.jpg")
    shutil.rmtree(watched.inbox / "sorted")
    (watched.inbox / "sorted").mkdir()
    watched.rename_in("sorted/photo.jpg")
    watched.settle()
    assert {Path(hint.path).name for hint in watched.seen} == {"marker1", "marker2"}


def test_folder_moved_in_whole_asks_for_its_scan(watched: Watched) -> None:
    """A folder moved in gives one hint for its tree, and what comes into it later its own."""
    (watched.outside / "day" / "deep").mkdir(parents=True)
    (watched.outside / "day" / "deep" / "a.jpg").touch()
    watched.start()
    (watched.outside / "day").rename(watched.inbox / "day")
    hint = watched.until_seen(watched.inbox / "day")
    assert hint.kind is HintKind.TREE
    assert not hint.complete
    assert watched.until_seen(watched.rename_in("day/deep/b.jpg")).complete


def test_folder_moved_in_whole_is_polled(watched: Watched) -> None:
    """By polling, a folder moved in gives hints for its files."""
    (watched.outside / "day").mkdir()
    (watched.outside / "day" / "a.jpg").touch()
    watched.start("polling")
    (watched.outside / "day").rename(watched.inbox / "day")
    watched.until_seen(watched.inbox / "day" / "a.jpg")


def test_folder_made_at_once_with_content_is_not_missed(watched: Watched) -> None:
    """A whole tree made faster than it can be watched is covered by hints for trees or for its files."""
    watched.start()
    for number in range(50):
        folder = watched.inbox / f"d{number}" / "e"
        folder.mkdir(parents=True)
        (folder / "a.jpg").touch()
    watched.settle()
    trees = {hint.path for hint in watched.seen if hint.kind is HintKind.TREE}
    assert {str(watched.inbox / f"d{number}") for number in range(50)} <= trees


def test_folder_renamed_inside_is_known_by_its_new_path(watched: Watched) -> None:
    """After a sub-folder is renamed, what comes into it, at any depth, has the new path."""
    (watched.inbox / "old" / "deep").mkdir(parents=True)
    watched.start()
    (watched.inbox / "old").rename(watched.inbox / "new")
    watched.settle()
    watched.until_seen(watched.rename_in("new/deep/a.jpg"))
    (watched.inbox / "old").mkdir()
    watched.until_seen(watched.inbox / "old", kind=HintKind.TREE)
    watched.until_seen(watched.rename_in("old/b.jpg"))
    assert not watched.hints_of(watched.inbox / "old" / "deep" / "a.jpg")


@pytest.mark.parametrize("target", ["outside/gone", "inbox/.hidden"])
def test_folder_moved_away_gives_nothing_more(watched: Watched, target: str) -> None:
    """A sub-folder moved out, or to an ignored name, is no longer watched, nor what lies below it."""
    (watched.inbox / "old" / "deep").mkdir(parents=True)
    watched.start()
    away = watched.inbox.parent / target
    (watched.inbox / "old").rename(away)
    watched.settle()
    (away / "deep" / "a.jpg").touch()
    watched.settle()
    assert {Path(hint.path).name for hint in watched.seen} == {f"marker{n}" for n in range(1, 5)}


def inotify_masks() -> set[int]:
    """What this process asks the kernel to tell of, read from the kernel itself."""
    masks = set()
    for info in Path("/proc/self/fdinfo").iterdir():
        try:
            text = info.read_text()
        except FileNotFoundError:
            continue  # the descriptor with which the folder was listed
        masks |= {int(mask, 16) for mask in re.findall(r"^inotify .*\bmask:([0-9a-f]+)", text, re.MULTILINE)}
    return masks


def test_kernel_is_asked_for_arrivals_only(watched: Watched) -> None:
    """Reading a photo and moving it away, as the daemon does all the time, makes no event at all."""
    (watched.inbox / "sub").mkdir()
    watched.start()
    special = 0xFFFF0000  # how to watch, not what for
    asked = {mask & ~special for mask in inotify_masks()}
    assert asked == {IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MOVE_SELF}


def test_departures_do_not_come_between_arrivals(watched: Watched) -> None:
    """Photos that come and go give the hints of their coming, in order, and no others."""
    watched.start()
    photos = []
    for number in range(100):
        photo = watched.rename_in(f"{number}.jpg")
        photo.read_bytes()
        photo.rename(watched.outside / photo.name)
        photos.append(photo)
    watched.until_seen(photos[-1])
    assert watched.seen == [Hint(path=str(photo), complete=True) for photo in photos]


class Gate:
    """A sink that holds the watching thread up until it is opened, as a busy interpreter would."""

    def __init__(self, queue: HintQueue) -> None:
        self.queue = queue
        self.reached = threading.Event()
        self.opened = threading.Event()

    def put(self, hint: Hint) -> None:
        """Wait, then pass the hint on."""
        self.reached.set()
        self.opened.wait(DEADLINE_S)
        self.queue.put(hint)

    def overflow(self) -> None:
        """Pass it on."""
        self.queue.overflow()


def test_overflow_of_the_kernels_queue_is_told(watched: Watched) -> None:
    """When the kernel drops events, the overflow is told, and folders made meanwhile are watched."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 100_000:
        pytest.skip(f"the kernel's queue holds {limit} events: too many to fill")
    gate = Gate(watched.queue)
    watched.start(sink=gate)
    there, back = watched.rename_in("a.jpg"), watched.inbox / "b.jpg"
    assert gate.reached.wait(DEADLINE_S)
    for _ in range(limit // 2 + 4000):  # beyond the limit by more than one read takes
        there.rename(back)
        back.rename(there)
    (watched.inbox / "unseen").mkdir()
    gate.opened.set()
    watched.until_overflow()
    watched.until_seen(watched.rename_in("unseen/c.jpg"))


def test_full_queue_of_hints_is_told(watched: Watched) -> None:
    """When nobody takes the hints, they are dropped and the overflow is told."""
    watched.queue = HintQueue(3)
    watched.start()
    for number in range(10):
        watched.rename_in(f"{number}.jpg")
    watched.until_overflow()


@both
def test_unchanged_folder_needs_nothing(watched: Watched, mode: WatchMode) -> None:
    """A check of a folder that is still the same changes nothing and asks for no scan."""
    watch = watched.start(mode)
    assert not watch.check()
    assert not watch.check()


@both
@pytest.mark.parametrize("how", ["removed", "moved away"])
def test_folder_removed_and_made_again_is_watched_again(watched: Watched, mode: WatchMode, how: str) -> None:
    """A folder that was replaced, even by one of the same inode, is watched again after a check."""
    watch = watched.start(mode)
    if how == "removed":
        watched.inbox.rmdir()
        watched.inbox.mkdir()
    else:
        watched.inbox.rename(watched.outside / "old")
        watched.inbox.mkdir()
    if mode == "inotify":
        watched.until_overflow()  # so that nobody has to wait for the next check
        assert watch.check()
    else:
        watch.check()  # it is watched by its path: what has its inode is not told from it
    assert not watch.check()
    watched.until_seen(watched.rename_in("a.jpg"))


@both
def test_missing_folder_is_trouble_until_it_is_back(watched: Watched, mode: WatchMode) -> None:
    """While the folder is missing each check is passing trouble; when it is back, a scan is asked for."""
    watch = watched.start(mode)
    watched.inbox.rmdir()
    for _ in range(3):
        with pytest.raises(PassingTrouble, match="inbox"):
            watch.check()
    watched.inbox.mkdir()
    assert watch.check()
    watched.until_seen(watched.rename_in("a.jpg"))


def test_removed_folder_ends_the_wait_of_the_taker(watched: Watched) -> None:
    """A poller that finds its folder missing says so, that nobody has to wait for the next check."""
    watched.start("polling")
    watched.inbox.rmdir()
    watched.until_overflow()


@both
def test_folder_missing_at_start_is_waited_for(watched: Watched, mode: WatchMode) -> None:
    """A folder that is missing at start is passing trouble, and watched by the check that finds it."""
    watched.inbox.rmdir()
    with pytest.raises(PassingTrouble, match="inbox"):
        watched.start(mode)
    watched.inbox.mkdir()
    assert watched.watch is not None
    assert watched.watch.check()
    watched.until_seen(watched.rename_in("a.jpg"))


@both
def test_file_in_place_of_the_folder_is_trouble(watched: Watched, mode: WatchMode) -> None:
    """A file where the folder should be is passing trouble."""
    watched.inbox.rmdir()
    watched.inbox.touch()
    with pytest.raises(PassingTrouble, match="Not a directory"):
        watched.start(mode)


@both
def test_linked_root_is_watched(watched: Watched, mode: WatchMode) -> None:
    """The watched folder may be a link; hints are spelled with the link."""
    real = watched.outside / "real"
    watched.inbox.rename(real)
    watched.inbox.symlink_to(real)
    watched.start(mode)
    watched.until_seen(watched.rename_in("a.jpg"))


def test_linked_sub_folder_is_not_watched(watched: Watched) -> None:
    """A link to a folder in the inbox is not followed: what happens there gives no hint."""
    elsewhere = watched.outside / "elsewhere"
    elsewhere.mkdir()
    (watched.inbox / "before").symlink_to(elsewhere)
    watched.start()
    (watched.inbox / "after").symlink_to(elsewhere)
    (elsewhere / "a.jpg").touch()
    watched.settle()
    assert not [hint for hint in watched.seen if hint.path.endswith("a.jpg")]


class Broken:
    """A sink that fails once, and takes the watching thread with it."""

    def __init__(self, queue: HintQueue) -> None:
        self.queue = queue
        self.thread: threading.Thread | None = None
        self.reached = threading.Event()

    def put(self, hint: Hint) -> None:
        """Fail at the first hint."""
        if self.thread is None:
            self.thread = threading.current_thread()
            self.reached.set()
            raise RuntimeError("the sink is broken")
        self.queue.put(hint)

    def overflow(self) -> None:
        """Pass it on."""
        self.queue.overflow()


@both
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_dead_thread_is_replaced(watched: Watched, mode: WatchMode) -> None:
    """When the watching thread has died, a check starts another and asks for a scan."""
    sink = Broken(watched.queue)
    watch = watched.start(mode, sink=sink)
    watched.rename_in("a.jpg")
    assert sink.reached.wait(DEADLINE_S)
    assert sink.thread is not None
    sink.thread.join(DEADLINE_S)
    assert watch.check()
    watched.until_seen(watched.rename_in("b.jpg"))


@both
def test_stop_ends_the_thread(watched: Watched, mode: WatchMode) -> None:
    """After a stop no watching thread and no descriptor is left, and a second stop does nothing."""
    before = set(threading.enumerate()), set(os.listdir("/proc/self/fd"))
    watch = watched.start(mode)
    watched.settle()
    watch.stop(DEADLINE_S)
    watch.stop(DEADLINE_S)
    assert (set(threading.enumerate()), set(os.listdir("/proc/self/fd"))) == before


@both
def test_one_thread_watches(watched: Watched, mode: WatchMode) -> None:
    """A watch costs one thread, which sleeps in the kernel until something happens or a poll is due."""
    before = threading.active_count()
    watched.start(mode)
    assert threading.active_count() == before + 1


def test_auto_chooses_inotify_here(watched: Watched) -> None:
    """On a local file system auto is inotify, and there is no reason to poll."""
    watch = watched.start("auto")
    assert watch.why_polling is None
    assert watched.until_seen(watched.rename_in("a.jpg")).complete


def test_polling_has_a_reason(watched: Watched) -> None:
    """A watch that polls says why."""
    assert watched.start("polling").why_polling == "watch.mode says so"


SHORT_OF_INOTIFY = """
import sys
from pathlib import Path
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.ignore import IgnoreRules
from refundsorter.edges.inbox import Watch
from refundsorter.loops.hints import HintQueue

limit, root = Path("/proc/sys/user", sys.argv[1]), Path(sys.argv[2])
limit.write_text(sys.argv[3])
for mode in ("auto", "inotify"):
    watch = Watch(root, recursive=True, ignore=IgnoreRules(), excluded=[], mode=mode,
                  poll_interval_s=0.02, hints=(queue := HintQueue(10)))
    try:
        watch.start()
    except PassingTrouble as trouble:
        print(mode, "trouble", trouble)
        continue
    (root / "a.jpg").touch()
    print(mode, watch.why_polling, [hint.path for hint in queue.take(30)[0]], watch.check())
    watch.stop(30)
"""


@pytest.mark.parametrize(
    ("limit", "most", "says"),
    [
        ("max_inotify_instances", "0", "max_user_instances"),
        ("max_inotify_watches", "0", "max_user_watches"),
        ("max_inotify_watches", "1", "max_user_watches"),
    ],
)
def test_polls_where_inotify_is_exhausted(tmp_path: Path, limit: str, most: str, says: str) -> None:
    """Where the kernel grants no inotify, or too little for the tree, auto polls; inotify is trouble."""
    unshare = ["unshare", "--user", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("user namespaces, in which the limits can be lowered, are not to be had here")
    (tmp_path / "sub").mkdir()
    command = [*unshare, sys.executable, "-c", SHORT_OF_INOTIFY, limit, str(tmp_path), most]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=DEADLINE_S)
    assert result.returncode == 0, result.stderr
    auto, inotify = result.stdout.splitlines()
    assert says in auto
    assert auto.endswith(f"['{tmp_path}/a.jpg'] False")
    assert inotify.startswith("inotify trouble")
    assert says in inotify
