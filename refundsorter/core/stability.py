"""When a file that was seen in an inbox is complete.

A file that was renamed in is complete at once, unless it was waited for under another name: somebody
may still be writing to it. Everything else is complete when its size, its modification time, its inode and
its device have held still for `stability_s`. The tracker does no I/O and reads no clock: it says which files
must be looked at now, and is told what was found.
"""

import heapq
from dataclasses import dataclass, replace
from enum import StrEnum


class Source(StrEnum):
    """How a file was noticed."""

    EVENT = "event"
    SCAN = "scan"
    SWEEP = "sweep"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIdentity:
    """What tells one content of one file from another without reading it."""

    device: int  # st_dev
    inode: int  # st_ino
    size: int  # bytes
    mtime_ns: int  # nanoseconds since the epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A file seen in an inbox."""

    path: str  # as os.fsdecode gives it: bytes that are no UTF-8 are surrogate escapes
    root: str  # the watched folder it was found under, decoded likewise
    identity: FileIdentity  # what it was when it was last looked at
    seen_at: float  # when it was first noticed, in unix seconds
    source: Source  # how it was noticed


@dataclass(slots=True)
class _Pending:
    """A file that is still being watched for stillness; it has exactly one valid entry in the heap."""

    arrival: Arrival  # as last observed
    ready_at: float  # when it will have held still long enough; later than its heap entry after a change
    ticket: int  # which heap entry is its valid one


class StabilityTracker:
    """The files that have been seen and are not yet known to be complete.

    Every time that is passed in is of one clock that never goes back; a monotonic one. A change moves
    `ready_at` only: the heap entry is left where it is and put off when it comes up, so that a file
    which changes all the time costs one entry.
    """

    def __init__(self, stability_s: float) -> None:
        if not stability_s >= 0:
            message = f"stability_s must not be negative, found {stability_s}"
            raise ValueError(message)
        self._stability_s = stability_s
        self._pending: dict[str, _Pending] = {}
        self._names: dict[tuple[int, int], str] = {}  # device and inode of what is waited for, and its path
        self._heap: list[tuple[float, int, str]] = []  # when to look, ticket, path
        self._tickets = 0

    def __len__(self) -> int:
        """How many files are waited for."""
        return len(self._pending)

    def __contains__(self, path: object) -> bool:
        """Whether this path is waited for."""
        return path in self._pending

    def note(self, arrival: Arrival, now: float, *, complete: bool) -> Arrival | None:
        """Take in that a file was seen.

        Args:
            arrival: The file and what it is now.
            now: The time at which it was looked at.
            complete: It was renamed in, so that nobody writes to it under this name.

        Returns:
            The arrival when the file is complete now, else None. It then keeps the time and the source
            of its first sighting.
        """
        if self._stability_s == 0 or (complete and not self._is_known_elsewhere(arrival)):
            known = self.forget(arrival.path)
            return arrival if known is None else replace(known.arrival, identity=arrival.identity)
        if arrival.path in self._pending:
            return self.observe(arrival.path, arrival.identity, now)
        self._tickets += 1
        ready_at = now + self._stability_s
        self._pending[arrival.path] = _Pending(arrival, ready_at, self._tickets)
        self._names[_file(arrival.identity)] = arrival.path
        heapq.heappush(self._heap, (ready_at, self._tickets, arrival.path))
        return None

    def observe(self, path: str, identity: FileIdentity | None, now: float) -> Arrival | None:
        """Take in what a file was found to be.

        Args:
            path: A path that was noted; any other is passed over.
            identity: What it is now; None when it is gone or no regular file, and is forgotten.
            now: The time at which it was looked at.

        Returns:
            The arrival when the file has held still for long enough; it is then no longer waited for.
        """
        pending = self._pending.get(path)
        if pending is None:
            return None
        if identity is None:
            self.forget(path)
            return None
        if identity != pending.arrival.identity:
            self._unname(pending.arrival)
            self._names[_file(identity)] = path
            pending.arrival = replace(pending.arrival, identity=identity)
            pending.ready_at = now + self._stability_s
            return None
        if now < pending.ready_at:
            return None
        self.forget(path)
        return pending.arrival

    def due(self, now: float) -> list[str]:
        """The paths whose time has come: each must be looked at and told to `observe`.

        One that is not told comes due again after `stability_s`, so that a failed look loses nothing.
        """
        paths = []
        while self._settle_top() and self._heap[0][0] <= now:
            _, ticket, path = heapq.heappop(self._heap)
            paths.append((ticket, path))
        for ticket, path in paths:
            heapq.heappush(self._heap, (now + self._stability_s, ticket, path))
        return [path for _, path in paths]

    def next_due(self) -> float | None:
        """When `due` will next have something to say; None while nothing is waited for."""
        return self._heap[0][0] if self._settle_top() else None

    def forget(self, path: str) -> _Pending | None:
        """Wait for this path no longer; one that is not waited for is passed over."""
        pending = self._pending.pop(path, None)
        if pending is not None:
            self._unname(pending.arrival)
        return pending

    def _is_known_elsewhere(self, arrival: Arrival) -> bool:
        return self._names.get(_file(arrival.identity), arrival.path) != arrival.path

    def _unname(self, arrival: Arrival) -> None:
        """Forget which file was waited for under a path, unless another path took it over."""
        if self._names.get(_file(arrival.identity)) == arrival.path:
            del self._names[_file(arrival.identity)]

    def _settle_top(self) -> bool:
        """Bring a valid entry to the top of the heap; False when there is none."""
        while self._heap:
            look_at, ticket, path = self._heap[0]
            pending = self._pending.get(path)
            if pending is None or pending.ticket != ticket:
                heapq.heappop(self._heap)
            elif look_at < pending.ready_at:
                heapq.heapreplace(self._heap, (pending.ready_at, ticket, path))
            else:
                return True
        return False


def _file(identity: FileIdentity) -> tuple[int, int]:
    return identity.device, identity.inode
