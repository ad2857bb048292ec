"""Power cuts: a run is recorded, and its shop is put back into what a cut at some moment may leave of it.

The ledger's file and log are copied at every commit: one that returned is certain; of one that was under
way nothing, a part or all of the log's new end may be there. What lies in the inbox at the start is certain:
it is its writers' matter.
"""

import itertools
import math
import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

from faults.account import take
from faults.corpus import fill
from faults.disk import MIXED, WORST, Content, Disk, Fate, Node, Tree
from faults.recorder import Change, Recorder
from sqlalchemy import event
from support import Shop, make_shop
from workbench import AT_ONCE, opened, shelve_elsewhere, sort_all

from refundsorter.assembly import LEDGER_FILE, Workshop

RENUMBERED = 0.3  # the share of restarts after which the inbox's device has another number
FATES = (*WORST, MIXED)
WAYS = ("rename", "link", "copy")


def cut_everywhere(
    base: Path, way: str, seed: int, *, photos: int, again: bool = False, until: float = math.inf
) -> int:
    """Cut the power of a shop after every change in turn, and take the account after each restart.

    Args:
        base: Where the shop is made.
        way: How photos are moved.
        seed: Of the photos, and of what becomes of what was not certain.
        photos: How many.
        again: Whether each restart is cut too, at one moment.
        until: When to leave off, in monotonic seconds.

    Returns:
        How many cuts were made; those after which the disk holds the same are made once.
    """
    shop, numbers, cuts = make_shop(base), random.Random(seed), 0
    shop.config.write_text(AT_ONCE.replace("stability_s: 0", "stability_s: 0, recursive: true"))
    before = fill(shop.inbox, photos, seed)
    with shelve_elsewhere(shop, if_so=way == "copy"):
        outage = Outage(shop, way)
        for moment, fate in itertools.product(outage.moments, FATES):
            if monotonic() >= until:
                break
            if outage.cut(moment, fate, numbers):
                cuts += 1 + _restart(shop, way, before, numbers, again=again, told=outage.told(moment, fate))
    return cuts


def cut_while_put_back(base: Path, way: str, seed: int, *, photos: int) -> int:
    """Cut the power of a shop after every change while it puts every photo back; how many cuts were made.

    Devices keep their numbers: a file that comes back as another inode besides tells nothing of its inbox.
    """
    shop, numbers, cuts = make_shop(base), random.Random(seed), 0
    shop.config.write_text(AT_ONCE.replace("stability_s: 0", "stability_s: 0, recursive: true"))
    before = fill(shop.inbox, photos, seed)
    with shelve_elsewhere(shop, if_so=way == "copy"):
        with opened(shop) as workshop:
            sort_all(workshop)
            workshop.ledger.corrections.ask_back(range(1, photos + 1), by=None, now=1.0)
        shutil.rmtree(shop.inbox / "from the scanner")
        outage = Outage(shop, way, put_back)
        for moment, fate in itertools.product(outage.moments, FATES):
            if outage.cut(moment, fate, numbers, renumbered=0.0):
                cuts += 1
                with opened(shop) as workshop:
                    put_back(workshop)
                found = take(shop, before)
                assert (found.undone, found.inbox) == (photos, photos), outage.told(moment, fate)
    return cuts


def put_back(workshop: Workshop) -> None:
    """Make good what was cut short, and do what is asked for."""
    workshop.sorter.recover()
    workshop.sorter.corrector.take_up()


def _restart(
    shop: Shop, way: str, before: Counter[str], numbers: random.Random, *, again: bool, told: str
) -> int:
    """Sort what a cut has left; how many more cuts were made."""
    try:
        restart = Outage(shop, way)
        _take(shop, before)
        moment, fate = numbers.choice(restart.moments), numbers.choice(FATES)
        if not again or not restart.cut(moment, fate, numbers):
            return 0
        told += f"\n{restart.told(moment, fate)}"
        Outage(shop, way)
        _take(shop, before)
    except Exception as wrong:
        wrong.add_note(told)
        raise
    return 1


def _take(shop: Shop, before: Counter[str]) -> None:
    found = take(shop, before)
    assert found.inbox == 0, "photos were left in the inbox"


class Outage:
    """A recorded run in a shop, whose power can be cut after any of its changes, again and again."""

    def __init__(self, shop: Shop, way: str, run: Callable[[Workshop], object] = sort_all) -> None:
        self._shop = shop
        self._kept = shop.base / "kept"
        self._start = self._lying()
        recorder = Recorder(shop, way)
        recorder.look()
        self._first = len(recorder.changes)  # the ledger, if there was one
        with opened(shop, files=recorder) as workshop:
            recorder.look()
            event.listen(workshop.ledger._engine.pool, "checkin", recorder.look)
            run(workshop)
        self._changes = recorder.changes
        self._made: set[int] = set()

    @property
    def moments(self) -> range:
        """After how many changes the power may be cut."""
        return range(self._first, len(self._changes) + 1)

    def told(self, moment: int, fate: Fate) -> str:
        """A cut in words: the last changes before it, and the one that was under way."""
        around = self._changes[max(0, moment - 3) : moment + 1]
        changes = "; ".join(f"{one.kind} {one.path} {one.more}".rstrip() for one in around)
        return f"power cut after {moment} changes, {fate.name}: {changes}"

    def cut(self, moment: int, fate: Fate, numbers: random.Random, *, renumbered: float = RENUMBERED) -> bool:
        """Leave in the shop what is left after a cut; False if that was done before."""
        nodes = {path: _node(content) for path, content in self._start.items()}
        disk = Disk(certain=dict(nodes), names=dict(nodes))
        ledger = None
        for change in self._changes[:moment]:
            disk.replay(change)
            ledger = change if change.kind == "commit" else ledger
        tree = disk.after_cut(fate, numbers)
        if str(self._shop.state) in tree:
            tree |= self._ledger(ledger, self._changes[moment : moment + 1], fate, numbers)
        mark = hash(tuple(tree.items()))
        if mark in self._made:
            return False
        self._made.add(mark)
        self._rebuild(tree)
        if numbers.random() < renumbered:
            self._renumber()
        return True

    def _ledger(
        self, last: Change | None, under_way: list[Change], fate: Fate, numbers: random.Random
    ) -> Tree:
        """The ledger's files."""
        if last is None:
            return {}
        path, data, log = last.path, last.data, last.log
        for change in under_way:
            if change.kind == "commit" and change.data == data and change.log.startswith(log):
                log = fate.bytes_of(numbers, log, change.log)
        return {path: data, f"{path}-wal": log}

    def _lying(self) -> Tree:
        """What lies in the shop; each photo of the inbox by another name of it, under which it is kept."""
        tree: Tree = {}
        self._kept.mkdir(exist_ok=True)
        for part in (self._shop.inbox, self._shop.sorted, self._shop.state):
            if part.exists():
                tree[str(part)] = None
        for path in _below(self._shop.inbox, self._shop.sorted):
            tree[str(path)] = self._content(path)
        return tree

    def _content(self, path: Path) -> Content:
        if path.is_dir():
            return None
        if not path.is_relative_to(self._shop.inbox):
            return path.read_bytes()
        kept = self._kept / f"{path.stat().st_ino}"
        if not kept.exists():
            os.link(path, kept)
        return kept

    def _renumber(self) -> None:
        """Let the inbox's device have another number than before, as it may after a restart."""
        path = self._shop.state / LEDGER_FILE
        if path.exists() and path.stat().st_size:
            with closing(sqlite3.connect(path)) as ledger, ledger:
                ledger.execute("UPDATE images SET identity = '7' || identity")

    def _rebuild(self, tree: Tree) -> None:
        for part in (self._shop.inbox, self._shop.sorted, self._shop.state):
            if part.is_symlink():  # to another file system
                for folder in part.iterdir():
                    shutil.rmtree(folder)  # the shelf holds only folders
            elif part.exists():
                shutil.rmtree(part)
        for path, content in sorted(tree.items()):
            if not os.path.isdir(os.path.dirname(path)):
                continue  # what lies in a folder that is gone is gone
            if content is None:
                os.makedirs(path, exist_ok=True)
            elif isinstance(content, Path):
                os.link(content, path)
            else:
                Path(path).write_bytes(content)


def _node(content: Content) -> Node:
    if isinstance(content, bytes):
        return Node(certain=content, now=content)
    return Node(is_folder=content is None, kept=content)


def _below(*folders: Path) -> Iterator[Path]:
    return itertools.chain.from_iterable(sorted(folder.rglob("*")) for folder in folders if folder.exists())
