"""The account that every fault test takes: each photo once, each line once, nothing left over.

It trusts neither the ledger nor the journal: it counts the bytes that lie on the disk, and then holds the
journal against them and the ledger against the journal.
"""

import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import Shop, every_file
from workbench import rows

Lines = dict[int, dict[str, Any]]
OPEN = ("waiting", "claimed", "classified")
TERMINAL = ("sorted", "review", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What was found; `take` has made sure that it is right."""

    photos: int  # in the inbox and on the shelf
    lines: int  # in the journal, one for each photo on the shelf
    corrections: int  # lines of corrections beside them
    undone: int  # lines of photos that were put back
    inbox: int  # photos that still lie in the inbox
    states: Counter[str]  # lines by state


def take(shop: Shop, before: Counter[str]) -> Account:
    """Take the account; only while nobody sorts.

    Args:
        shop: The folders.
        before: The sha256 of every photo that was ever put into the inbox.
    """
    on_shelf = {
        path: sha256
        for path, sha256 in _contents(shop.sorted).items()
        if not {"_journal", "_reports"}.intersection(path.parts)
    }
    in_inbox = _contents(shop.inbox)
    partial = [path for path in on_shelf if path.name.startswith(".")]
    assert not partial, f"unfinished copies are left: {partial}"
    taken = [path for path in in_inbox if path.name.startswith(".")]
    assert not taken, f"photos are left under hidden names: {taken}"
    now = Counter(on_shelf.values()) + Counter(in_inbox.values())
    assert now == before, f"lost: {before - now}; doubled: {now - before}"

    every_line = shop.lines()
    lines = [line for line in every_line if line["event"] == "filed"]
    corrections = [line for line in every_line if line["event"] in ("corrected", "undone")]
    predictions = [line["prediction"] for line in every_line if line["event"] == "predicted"]
    known = len(lines) + len(corrections) + len(predictions)
    assert known == len(every_line), "a line of another event"
    kept = [row["id"] for row in rows(shop, "SELECT id FROM prediction WHERE written")]
    assert sorted(predictions) == kept, "a prediction has no line, or two"
    by_id = {line["id"]: line for line in lines}
    assert len(by_id) == len(lines), "a photo has two lines"
    ledger = {row["id"]: row for row in rows(shop)}
    places = _places(shop, by_id, corrections, ledger)
    back = {key for key, row in ledger.items() if row["state"] == "undone"}
    assert back == {line["id"] for line in corrections if line["event"] == "undone"}
    told = {Path(place): by_id[key]["sha256"] for key, place in places.items() if key not in back}
    assert len(told) == len(lines) - len(back), "two photos are told to lie at one place"
    assert told == on_shelf, f"without a line: {on_shelf.items() - told.items()}"
    finished = {key: row["intended"] for key, row in ledger.items() if row["state"] in (*TERMINAL, "undone")}
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
        corrections=len(corrections) - len(back),
        undone=len(back),
        inbox=len(in_inbox),
        states=Counter(line["state"] for line in lines),
    )


def _places(shop: Shop, filed: Lines, corrections: list[dict[str, Any]], ledger: Lines) -> dict[int, str]:
    """Where each photo lies by what journal and ledger tell, which must agree."""
    by_number = {line["correction"]: line for line in corrections}
    assert len(by_number) == len(corrections), "a correction has two lines"
    done = rows(shop, "SELECT * FROM correction WHERE done_at IS NOT NULL")
    assert {row["id"] for row in done if row["written"]} == by_number.keys(), "a correction has no line"
    assert rows(shop, "SELECT * FROM correction WHERE stage = 'intended'") == [], "a move is not resolved"
    folders = {key: _folder(shop, line["destination"]) for key, line in filed.items()}
    for _, line in sorted(by_number.items()):
        assert folders[line["id"]] == line["from"], "a correction begins elsewhere than the last one ended"
        folders[line["id"]] = line["to"] or ""
    places = {key: ledger[key]["destination"] for key in filed}
    assert {key: _folder(shop, place) for key, place in places.items()} == folders
    return places


def _folder(shop: Shop, path: str) -> str:
    """The folder of the shelf that a path lies in; nothing for one in an inbox."""
    place = Path(path)
    return place.relative_to(shop.sorted).parts[0] if place.is_relative_to(shop.sorted) else ""


def _contents(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in every_file(folder)}
