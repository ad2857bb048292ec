"""The account that every fault test takes: each photo once, each line once, nothing left over.

It trusts neither the ledger nor the journal: it counts the bytes that lie on the disk, and then holds the
journal against them and the ledger against the journal.
"""

import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from support import Shop, every_file
from workbench import rows

OPEN = ("waiting", "claimed", "classified")
TERMINAL = ("sorted", "review", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What was found; `take` has made sure that it is right."""

    photos: int  # in the inbox and on the shelf
    lines: int  # in the journal, one for each photo on the shelf
    inbox: int  # photos that still lie in the inbox
    states: Counter[str]  # lines by state


def take(shop: Shop, before: Counter[str]) -> Account:
    """Take the account; only while nobody sorts.

    Args:
        shop: The folders.
        before: The sha256 of every photo that was ever put into the inbox.
    """
    on_shelf = {
        path: sha256 for path, sha256 in _contents(shop.sorted).items() if "_journal" not in path.parts
    }
    in_inbox = _contents(shop.inbox)
    partial = [path for path in on_shelf if path.name.startswith(".")]
    assert not partial, f"unfinished copies are left: {partial}"
    taken = [path for path in in_inbox if path.name.startswith(".")]
    assert not taken, f"photos are left under hidden names: {taken}"
    now = Counter(on_shelf.values()) + Counter(in_inbox.values())
    assert now == before, f"lost: {before - now}; doubled: {now - before}"

    lines = shop.lines()
    by_id = {line["id"]: line for line in lines}
    assert len(by_id) == len(lines), "a photo has two lines"
    told = {Path(line["destination"]): line["sha256"] for line in lines}
    assert len(told) == len(lines), "two lines name one destination"
    assert told == on_shelf, f"without a line: {on_shelf.items() - told.items()}"

    ledger = {row["id"]: row for row in rows(shop)}
    finished = {key: row["state"] for key, row in ledger.items() if row["state"] in TERMINAL}
    assert finished == {key: line["state"] for key, line in by_id.items()}
    assert all(ledger[key]["journaled"] for key in finished), "the ledger does not know of a line"
    waiting = {os.fsdecode(path) for path in in_inbox}
    open_paths = [row["path"] for row in ledger.values() if row["state"] in OPEN]
    assert len(set(open_paths)) == len(open_paths), "a photo waits twice"
    assert set(open_paths) <= waiting, "the ledger waits for what is not there"
    assert {line["duplicate_of"] for line in lines} - {None} <= ledger.keys(), "a copy of nothing"
    return Account(
        photos=now.total(),
        lines=len(lines),
        inbox=len(in_inbox),
        states=Counter(line["state"] for line in lines),
    )


def _contents(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in every_file(folder)}
