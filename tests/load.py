"""A daemon under load: photos come in for as long as a test goes on, and at the end the account is taken."""

import hashlib
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from faults.account import Account, take
from support import CATEGORY_OF, PATIENCE_S, Running, Shop, eventually, photo

HASTE_S = 0.002  # between two looks at the inbox
AHEAD = 60  # photos that may lie in the inbox: a few batches
# Bundles of these labels call a red photo green and a green one red, so that a line tells who decided it.
SWAPPED = ["green", "red", "blue", "white", "black"]
SWAPPED_OF = dict(zip(CATEGORY_OF, SWAPPED, strict=True))


class Load:
    """Photos that come in, and what the daemon says meanwhile."""

    def __init__(self, shop: Shop, daemon: Running) -> None:
        self._shop = shop
        self._daemon = daemon
        self._colour_of: dict[str, str] = {}  # file -> colour
        self._before: Counter[str] = Counter()  # sha256 of every photo that came in
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._drop), threading.Thread(target=self._listen)]
        for thread in self._threads:
            thread.start()

    def events(self, name: str) -> list[dict[str, Any]]:
        """What the daemon has logged under a name so far."""
        return [event for event in list(self._daemon.events) if event["event"] == name]

    def go_on(self, photos: int = 30) -> None:
        """Wait until so many more photos are filed."""
        filed = len(self.events("photo.sorted"))
        eventually(lambda: len(self.events("photo.sorted")) >= filed + photos, "photos are filed")

    def end(self) -> Account:
        """No more photos; wait for the last, stop the daemon, and take the account."""
        self._over.set()
        self._threads[0].join(PATIENCE_S)
        eventually(lambda: not any(self._shop.inbox.iterdir()), "the inbox is empty")
        self._daemon.process.terminate()
        assert self._daemon.process.wait(PATIENCE_S) == 0
        self._threads[1].join(PATIENCE_S)
        return take(self._shop, self._before)

    def deciders(self, swapped: set[str]) -> Counter[str]:
        """Photos by the bundle that their lines name; each must be the one that decided.

        Args:
            swapped: The bundles that call red green, and green red.
        """
        found: Counter[str] = Counter()
        for line in self._shop.lines():
            colour = self._colour_of[line["file"]]
            label = SWAPPED_OF[colour] if line["model"] in swapped else colour
            assert (line["label"], line["category"]) == (label, CATEGORY_OF[label]), line
            found[line["model"]] += 1
        return found

    def _drop(self) -> None:
        for number, colour in enumerate(itertools.cycle(CATEGORY_OF)):
            while len(self._colour_of) - len(self.events("photo.sorted")) > AHEAD:
                if self._over.wait(HASTE_S):
                    break
            if self._over.is_set():
                return
            content = photo(colour, seed=number + 1)
            self._before[hashlib.sha256(content).hexdigest()] += 1
            self._colour_of[f"{number}.jpg"] = colour
            self._shop.drop(f"{number}.jpg", content)

    def _listen(self) -> None:
        assert self._daemon.process.stderr is not None
        for line in self._daemon.process.stderr:
            self._daemon.events.append(json.loads(line))


@contextmanager
def loaded(shop: Shop) -> Iterator[Load]:
    """A daemon under load; call `end` on it when the test is done."""
    with shop.daemon() as daemon:
        load = Load(shop, daemon)
        try:
            yield load
        finally:
            load._over.set()
            daemon.process.terminate()
            for thread in load._threads:
                thread.join(PATIENCE_S)
