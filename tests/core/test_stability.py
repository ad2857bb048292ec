"""When a file counts as complete: by its stillness alone, on a clock that the test moves."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from refundsorter.core.stability import Arrival, FileIdentity, Source, StabilityTracker

STABILITY_S = 1.0

# Eighths of a second are exact in binary, so that the figures below can be compared for equality.
durations = st.integers(min_value=0, max_value=32).map(lambda eighths: eighths / 8)


def identity(size: int = 1, inode: int = 2) -> FileIdentity:
    """What a file is: it differs from another in one field."""
    return FileIdentity(device=1, inode=inode, size=size, mtime_ns=3)


def arrival(path: str = "/inbox/a.jpg", size: int = 1, seen_at: float = 1e9, inode: int = 2) -> Arrival:
    """A file seen in the inbox."""
    found = identity(size, inode)
    return Arrival(path=path, root="/inbox", identity=found, seen_at=seen_at, source=Source.EVENT)


def test_renamed_in_is_complete_at_once() -> None:
    """A file that was renamed in is not waited for."""
    tracker = StabilityTracker(STABILITY_S)
    assert tracker.note(arrival(), 0.0, complete=True) == arrival()
    assert len(tracker) == 0
    assert tracker.next_due() is None


def test_renamed_while_it_is_waited_for_must_hold_still() -> None:
    """A file that gets another name while it is waited for may still be written to: it has to hold still."""
    tracker = StabilityTracker(STABILITY_S)
    tracker.note(arrival("/inbox/a.jpg"), 0.0, complete=False)
    assert tracker.note(arrival("/inbox/b.jpg"), 0.5, complete=True) is None
    assert tracker.observe("/inbox/a.jpg", None, 1.0) is None
    assert tracker.note(arrival("/inbox/c.jpg"), 1.25, complete=True) is None
    assert tracker.observe("/inbox/c.jpg", identity(), 2.25) == arrival("/inbox/c.jpg")
    assert tracker.note(arrival("/inbox/d.jpg"), 2.5, complete=True) == arrival("/inbox/d.jpg")


def test_still_file_is_complete_after_its_time() -> None:
    """A file that is written in place is complete when it has held still for stability_s."""
    tracker = StabilityTracker(STABILITY_S)
    assert tracker.note(arrival(), 5.0, complete=False) is None
    assert tracker.next_due() == 6.0
    assert tracker.due(5.875) == []
    assert tracker.due(6.0) == ["/inbox/a.jpg"]
    assert tracker.observe("/inbox/a.jpg", identity(), 6.0) == arrival()
    assert len(tracker) == 0


@pytest.mark.parametrize(
    "changed",
    [
        FileIdentity(device=9, inode=2, size=1, mtime_ns=3),
        FileIdentity(device=1, inode=9, size=1, mtime_ns=3),
        FileIdentity(device=1, inode=2, size=9, mtime_ns=3),
        FileIdentity(device=1, inode=2, size=1, mtime_ns=9),
    ],
    ids=["device", "inode", "size", "mtime"],
)
def test_any_change_restarts_the_clock(changed: FileIdentity) -> None:
    """A change of device, inode, size or mtime alone starts the wait anew."""
    tracker = StabilityTracker(STABILITY_S)
    tracker.note(arrival(), 0.0, complete=False)
    assert tracker.observe("/inbox/a.jpg", changed, 1.0) is None
    assert tracker.due(1.875) == []
    assert tracker.due(2.0) == ["/inbox/a.jpg"]
    ready = tracker.observe("/inbox/a.jpg", changed, 2.0)
    assert ready is not None
    assert ready.identity == changed


def test_zero_stability_waits_for_nothing() -> None:
    """With a stability of zero every file is complete when it is seen."""
    assert StabilityTracker(0.0).note(arrival(), 0.0, complete=False) == arrival()


@pytest.mark.parametrize("stability_s", [-1.0, float("nan")])
def test_senseless_stability_is_refused(stability_s: float) -> None:
    """A negative stability, or none that is a number, is an error of the caller."""
    with pytest.raises(ValueError, match="stability_s"):
        StabilityTracker(stability_s)


def test_vanished_file_is_forgotten() -> None:
    """A file that is gone when it is looked at is waited for no longer."""
    tracker = StabilityTracker(STABILITY_S)
    tracker.note(arrival(), 0.0, complete=False)
    assert tracker.observe("/inbox/a.jpg", None, 1.0) is None
    assert "/inbox/a.jpg" not in tracker
    assert tracker.next_due() is None
    assert tracker.due(100.0) == []


def test_unknown_path_is_passed_over() -> None:
    """What is told of a path that nobody waits for changes nothing."""
    tracker = StabilityTracker(STABILITY_S)
    assert tracker.observe("/inbox/a.jpg", identity(), 0.0) is None
    tracker.forget("/inbox/a.jpg")
    assert len(tracker) == 0


def test_first_sighting_is_kept() -> None:
    """A file noted again keeps the time at which it was first seen, and its latest identity."""
    tracker = StabilityTracker(STABILITY_S)
    tracker.note(arrival(seen_at=100.0), 0.0, complete=False)
    ready = tracker.note(arrival(size=2, seen_at=200.0), 0.5, complete=True)
    assert ready == arrival(size=2, seen_at=100.0)


def test_noted_again_unchanged_goes_on_waiting() -> None:
    """A second sighting of the same file neither restarts nor doubles the wait."""
    tracker = StabilityTracker(STABILITY_S)
    tracker.note(arrival(), 0.0, complete=False)
    tracker.note(arrival(), 0.5, complete=False)
    assert tracker.due(1.0) == ["/inbox/a.jpg"]


def test_failed_look_is_tried_again() -> None:
    """A path that was due and not told about comes due again."""
    tracker = StabilityTracker(STABILITY_S)
    tracker.note(arrival(), 0.0, complete=False)
    assert tracker.due(1.0) == ["/inbox/a.jpg"]
    assert tracker.next_due() == 2.0
    assert tracker.due(2.0) == ["/inbox/a.jpg"]


def test_forgotten_and_seen_anew_waits_anew() -> None:
    """A path that was forgotten and comes again is due once, by its second coming."""
    tracker = StabilityTracker(STABILITY_S)
    tracker.note(arrival(), 0.0, complete=False)
    tracker.forget("/inbox/a.jpg")
    tracker.note(arrival(), 0.5, complete=False)
    assert tracker.due(1.25) == []
    assert tracker.due(1.5) == ["/inbox/a.jpg"]


@given(st.lists(st.tuples(durations, st.booleans()), max_size=40))
def test_ready_exactly_when_it_has_held_still(steps: list[tuple[float, bool]]) -> None:
    """However it is looked at, a file is ready at the first look that finds it still for stability_s."""
    tracker = StabilityTracker(STABILITY_S)
    now, changed_at, size = 0.0, 0.0, 0
    tracker.note(arrival(size=size), now, complete=False)
    for duration, changes in steps:
        now += duration
        if changes:
            size, changed_at = size + 1, now
        ready = tracker.observe("/inbox/a.jpg", identity(size), now)
        assert (ready is not None) == (now - changed_at >= STABILITY_S)
        if ready is not None:
            return


@given(st.lists(durations, max_size=30))
def test_ready_eventually_once_it_stops_changing(pauses: list[float]) -> None:
    """Looked at only when due, a file is ready within two stability times of its last change."""
    changes = [0.0]
    for pause in pauses:
        changes.append(changes[-1] + pause)
    tracker = StabilityTracker(STABILITY_S)
    tracker.note(arrival(size=1), 0.0, complete=False)
    ready, now = None, 0.0
    while ready is None:
        next_due = tracker.next_due()
        assert next_due is not None
        now = next_due
        size = sum(change <= now for change in changes)
        for path in tracker.due(now):
            ready = tracker.observe(path, identity(size), now)
    # It may have been still for long enough between two of its changes: that cannot be told from an end.
    last = max(change for change in changes if change <= now)
    assert now <= last + 2 * STABILITY_S


@given(st.integers(min_value=1, max_value=200))
def test_growing_file_is_never_ready(looks: int) -> None:
    """A file that is larger at every look is never ready, and always looked at again."""
    tracker = StabilityTracker(STABILITY_S)
    tracker.note(arrival(size=0), 0.0, complete=False)
    times = [0.0]
    for size in range(1, looks + 1):
        now = tracker.next_due()
        assert now is not None
        times.append(now)
        assert tracker.due(now) == ["/inbox/a.jpg"]
        assert tracker.observe("/inbox/a.jpg", identity(size), now) is None
    assert all(later - earlier == STABILITY_S for earlier, later in pairwise(times))


class CountingTime(float):
    """A time that counts how often it was compared."""

    compared = 0

    def __ge__(self, other: float) -> bool:
        """Compare as a float does; `heap time <= now` asks this of `now` as the subclass."""
        self.compared += 1
        return super().__ge__(other)


def test_a_tick_does_not_look_at_what_is_not_due() -> None:
    """With 10,000 files waiting, a tick at which none is due compares one time."""
    tracker = StabilityTracker(STABILITY_S)
    for number in range(10_000):
        tracker.note(arrival(f"/inbox/{number}.jpg"), number / 1e5, complete=False)
    now = CountingTime(0.5)
    assert tracker.due(now) == []
    assert now.compared == 1


def _inode(path: str) -> int:
    """Every path has a file of its own."""
    return sum(path.encode())


class ManyFiles(RuleBasedStateMachine):
    """Files come, change and go in any order, and a plain table says what must be due."""

    paths = st.sampled_from([f"/inbox/{letter}.jpg" for letter in "abcde"])

    def __init__(self) -> None:
        super().__init__()
        self.tracker = StabilityTracker(STABILITY_S)
        self.now = 0.0
        self.sizes: dict[str, int] = {}  # what lies in the inbox
        self.known: dict[str, tuple[int, float]] = {}  # what was observed, and since when

    @rule(path=paths, complete=st.booleans())
    def note(self, path: str, *, complete: bool) -> None:
        """A file is seen."""
        size = self.sizes.setdefault(path, 0)
        ready = self.tracker.note(arrival(path, size, inode=_inode(path)), self.now, complete=complete)
        if not complete:
            known_size, since = self.known.get(path, (size, self.now))
            self.known[path] = (size, self.now if known_size != size else since)
        if complete or self.now - self.known[path][1] >= STABILITY_S:
            assert ready is not None
            assert ready.identity == identity(size, _inode(path))
            self.known.pop(path, None)
        else:
            assert ready is None

    @precondition(lambda self: self.sizes)
    @rule(path=paths)
    def grow(self, path: str) -> None:
        """A file is written to, unseen."""
        if path in self.sizes:
            self.sizes[path] += 1

    @rule(path=paths)
    def vanish(self, path: str) -> None:
        """A file is taken away, unseen."""
        self.sizes.pop(path, None)

    @rule(path=paths)
    def forget(self, path: str) -> None:
        """A file is waited for no longer."""
        self.tracker.forget(path)
        self.known.pop(path, None)

    @rule(duration=durations)
    def tick(self, duration: float) -> None:
        """Time passes and everything that is due is looked at."""
        self.now += duration
        due = {path for path, (_, since) in self.known.items() if since + STABILITY_S <= self.now}
        told = self.tracker.due(self.now)
        assert sorted(told) == sorted(due)
        for path in told:
            size = self.sizes.get(path)
            ready = self.tracker.observe(
                path, None if size is None else identity(size, _inode(path)), self.now
            )
            known_size, _ = self.known.pop(path)
            assert (ready is not None) == (size == known_size)
            if size is not None and size != known_size:
                self.known[path] = (size, self.now)

    @invariant()
    def agrees_on_what_is_waited_for(self) -> None:
        """The tracker waits for exactly the files of the table, and knows when to look next."""
        assert {path for path in self.sizes.keys() | self.known.keys() if path in self.tracker} == set(
            self.known
        )
        assert len(self.tracker) == len(self.known)
        expected = min((since + STABILITY_S for _, since in self.known.values()), default=None)
        assert self.tracker.next_due() == expected


TestManyFiles = ManyFiles.TestCase
