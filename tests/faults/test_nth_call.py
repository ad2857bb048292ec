"""Fails the n-th system call for n = 1, 2, … until a run needs fewer calls than that.

The loops run as in the daemon and are never helped: what a failed call cut short they make good themselves.
"""

import errno
import itertools
import os
import threading
from collections import Counter
from pathlib import Path

import pytest
from faults.account import take
from faults.victim import FILE_SYSTEMS
from support import Shop, eventually, make_shop, photo
from workbench import AT_ONCE, journaled, opened, running, shelve_elsewhere

NAMES = ("ENOSPC", "EIO", "EACCES", "EROFS", "EDQUOT", "ESTALE", "EINTR", "EMFILE", "ENOMEM")
MANY = 200  # a run of three files makes fewer calls


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


def _drop_three(shop: Shop, run: int) -> Counter[str]:
    """A photo, its copy, and a text that is no photo; others in each run. What the shop then holds."""
    content = photo("red", form="PNG", size=(40, 30 + run))
    shop.drop(f"{run} a.png", content)
    shop.drop(f"{run} b.png", content)
    shop.drop(f"{run} c.png", f"no photo {run}".encode())
    return shop.photos()


@pytest.mark.parametrize("name", NAMES)
def test_one_failed_call_after_another_is_made_good(name: str, shop: Shop) -> None:
    """Whichever call fails, the running loops file every photo as if none had, and reject none for it."""
    shop.config.write_text(AT_ONCE)
    failure = OneFailure(getattr(errno, name))
    before: Counter[str] = Counter()
    with opened(shop, files=FILE_SYSTEMS["rename"](failure.before)) as workshop, running(workshop):
        for run in range(1, MANY):
            failure.arm(run)
            before = _drop_three(shop, run)
            eventually(journaled(shop, 3 * run), f"the photos filed, with call {run} failed")
            if not failure.has_failed:
                break
    assert run > 30, "the calls were not counted"
    assert take(shop, before).states == {"sorted": 2 * run, "rejected": run}


@pytest.mark.parametrize("way", ["rename", "link", "copy"])
def test_one_failed_call_in_a_new_shop_is_made_good(way: str, tmp_path: Path) -> None:
    """The same where the folders are still to be made, whichever way the file systems let photos be moved."""
    for run in range(1, MANY):
        shop = make_shop(tmp_path / f"{run}")
        shop.config.write_text(AT_ONCE)
        failure = OneFailure(errno.EIO)
        with shelve_elsewhere(shop, if_so=way == "copy"):
            shop.drop("a photo.png", photo("red", form="PNG"))
            shop.drop("a text.png", b"no photo")
            before = shop.photos()
            files = FILE_SYSTEMS["link" if way == "link" else "rename"](failure.before)
            failure.arm(run)
            with opened(shop, files=files) as workshop, running(workshop):
                eventually(journaled(shop, 2), f"the photos filed, with call {run} failed")
            assert take(shop, before).states == {"sorted": 1, "rejected": 1}
        if not failure.has_failed:
            break
    assert run > 40, "the calls were not counted"
