"""The queue between the watching threads and the intake loop."""

import threading

import pytest

from refundsorter.core.hints import Hint, HintKind
from refundsorter.loops.hints import HintQueue

DEADLINE_S = 30.0


def hint(path: str, *, complete: bool = False) -> Hint:
    """A hint about a file."""
    return Hint(path=path, complete=complete)


def test_take_drains_everything_in_order() -> None:
    """One take gives all hints, in the order in which they came, and leaves none."""
    queue = HintQueue(10)
    for path in ("/b", "/a", "/c"):
        queue.put(hint(path))
    assert queue.take(0) == ([hint("/b"), hint("/a"), hint("/c")], False)
    assert queue.take(0) == ([], False)


def test_last_hint_of_a_path_counts() -> None:
    """A file renamed in and then written anew is no longer complete."""
    queue = HintQueue(10)
    queue.put(hint("/a", complete=True))
    queue.put(hint("/a", complete=False))
    assert queue.take(0) == ([hint("/a", complete=False)], False)


def test_full_queue_drops_and_asks_for_a_scan() -> None:
    """A hint too many is dropped at once, and the next take says that some were lost; the one after not."""
    queue = HintQueue(2)
    for path in ("/a", "/b", "/c"):
        queue.put(hint(path))
    assert queue.take(0) == ([hint("/a"), hint("/b")], True)
    queue.put(hint("/d"))
    assert queue.take(0) == ([hint("/d")], False)


def test_hint_of_a_known_path_fits_into_a_full_queue() -> None:
    """A full queue still takes news of a path that it holds, and loses nothing by it."""
    queue = HintQueue(1)
    queue.put(hint("/a"))
    queue.put(hint("/a", complete=True))
    assert queue.take(0) == ([hint("/a", complete=True)], False)


def test_overflow_elsewhere_is_passed_on() -> None:
    """An overflow that a watcher reports ends the take that waits."""
    queue = HintQueue(1)
    queue.overflow()
    assert queue.take(None) == ([], True)


def test_wake_ends_the_next_take() -> None:
    """A wake that comes before the take is not lost, and counts once."""
    queue = HintQueue(1)
    queue.wake()
    assert queue.take(None) == ([], False)
    assert queue.take(0) == ([], False)


@pytest.mark.parametrize("end", ["put", "overflow", "wake"])
def test_waiting_take_is_ended(end: str) -> None:
    """A take that waits without limit returns on a hint, on an overflow and on a wake."""
    queue = HintQueue(1)
    taken: list[tuple[list[Hint], bool]] = []
    taker = threading.Thread(target=lambda: taken.append(queue.take(None)), daemon=True)
    taker.start()
    {"put": lambda: queue.put(hint("/a")), "overflow": queue.overflow, "wake": queue.wake}[end]()
    taker.join(DEADLINE_S)
    assert taken == [([hint("/a")] if end == "put" else [], end == "overflow")]


def test_many_threads_lose_nothing() -> None:
    """Every hint that several threads put is taken once."""
    queue = HintQueue(10_000)

    def put_all(part: int) -> None:
        for number in range(1000):
            queue.put(hint(f"/{part}/{number}"))

    threads = [threading.Thread(target=put_all, args=(part,), daemon=True) for part in range(8)]
    for thread in threads:
        thread.start()
    taken: list[str] = []
    while len(taken) < 8000:
        hints, overflowed = queue.take(DEADLINE_S)
        assert hints
        assert not overflowed
        taken += [each.path for each in hints]
    for thread in threads:
        thread.join()
    assert len(set(taken)) == 8000


def test_a_hint_is_about_a_file_unless_it_says_otherwise() -> None:
    """A hint names a file; that of a whole folder says so."""
    assert hint("/a").kind is HintKind.FILE


def test_queue_without_room_is_refused() -> None:
    """A queue that could hold nothing is an error of the caller."""
    with pytest.raises(ValueError, match="maxsize"):
        HintQueue(0)
