"""The n-th system call fails, for n = 1, 2, … until a run needs fewer calls than that.

The loops run as in the daemon and are never helped: what a failed call cut short they make good themselves.
"""

import errno
import hashlib
import itertools
import math
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

from faults.account import take
from faults.victim import FILE_SYSTEMS
from support import Shop, eventually, make_shop, photo
from workbench import AT_ONCE, journaled, opened, running, shelve_elsewhere

from refundsorter.edges.filesystem import FileSystem

CODES = (
    *("ENOSPC", "EIO", "EACCES", "EROFS", "EDQUOT", "ESTALE", "EINTR", "EMFILE", "ENOMEM"),
    "ENAMETOOLONG",
    "ETIMEDOUT",  # a network share
)
MANY = 300  # a run of three files makes fewer calls
SHORT = 200  # bytes


class ShortWrites(FileSystem):
    """A file system that takes a few bytes at a time: a call that fails comes in the midst of a line."""

    def _write_some(self, descriptor: int, data: memoryview) -> int:
        return super()._write_some(descriptor, data[:SHORT])


# How photos are moved; a short write is looked for where they are copied.
WAYS: Mapping[str, Callable[[Callable[[str, str], None]], FileSystem]] = {
    **FILE_SYSTEMS,
    "copy": FileSystem,
    "short": ShortWrites,
}
ELSEWHERE = frozenset({"copy", "short"})  # ways that need a second file system


class OneFailure:
    """Fails the n-th call since it was armed, once."""

    def __init__(self, code: int) -> None:
        self._code = code
        self._lock = threading.Lock()
        self._calls = itertools.count(1)
        self._fails_at = 0
        self.has_failed = False

    def arm(self, call: int) -> None:
        """Begin to count."""
        with self._lock:
            self._calls, self._fails_at, self.has_failed = itertools.count(1), call, False

    def before(self, operation: str, path: str) -> None:
        """Count a call, and fail it if it is the one."""
        with self._lock:
            if next(self._calls) != self._fails_at:
                return
            self.has_failed = True
        raise OSError(self._code, f"{os.strerror(self._code)}, says the test of {operation}", path)


def fail_each(shop: Shop, way: str, code: str) -> int:
    """Fail one call after another of loops that go on running; how many were failed."""
    shop.config.write_text(AT_ONCE)
    failure = OneFailure(getattr(errno, code))
    before: Counter[str] = Counter()
    with shelve_elsewhere(shop, if_so=way in ELSEWHERE):
        with opened(shop, files=WAYS[way](failure.before)) as workshop, running(workshop):
            for run in range(1, MANY):
                failure.arm(run)
                before += _drop_three(shop, run)
                eventually(journaled(shop, 3 * run), f"the photos filed, with call {run} failed")
                if not failure.has_failed:
                    break
        assert take(shop, before).states == {"sorted": 2 * run, "rejected": run}
    return run - 1


def fail_each_anew(base: Path, way: str, code: str, *, seed: int = 0, until: float = math.inf) -> int:
    """Fail one call after another, each in a new shop, until so late; how many were failed."""
    for run in range(1, MANY):
        if monotonic() >= until:
            break
        shop = make_shop(base / f"{run}")
        shop.config.write_text(AT_ONCE)
        failure = OneFailure(getattr(errno, code))
        with shelve_elsewhere(shop, if_so=way in ELSEWHERE):
            shop.drop("a photo.png", photo("red", form="PNG", seed=seed))
            shop.drop("a text.png", f"no photo {seed}".encode())
            before = shop.photos()
            with opened(shop, files=WAYS[way](failure.before)) as workshop:
                failure.arm(run)
                with running(workshop):
                    eventually(journaled(shop, 2), f"the photos filed, with call {run} failed")
            assert take(shop, before).inbox == 0, f"with call {run} failed"
        if not failure.has_failed:
            break
    return run - 1


def _drop_three(shop: Shop, run: int) -> Counter[str]:
    """A photo, its copy, and a text that is no photo; others in each run. Their sha256."""
    red, text = photo("red", form="PNG", size=(40, 30 + run)), f"no photo {run}".encode()
    contents = {"a": red, "b": red, "c": text}
    for name, content in contents.items():
        shop.drop(f"{run} {name}.png", content)
    return Counter(hashlib.sha256(content).hexdigest() for content in contents.values())
