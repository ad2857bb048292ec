"""`refundsorter journal verify`: a journal as it was written, and what somebody did to it."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from stages import record
from support import LABELS, Shop, photo

from refundsorter import settings as configuration
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal import Journal
from refundsorter.exits import ExitCode
from refundsorter.settings import Settings
from refundsorter.tracing import trace

LINES = 100_000
DAY_S = 86_400.0
DAYS = 7


@pytest.fixture
def sorted_twice(shop: Shop) -> Shop:
    """A shop that has sorted twenty photos in two sweeps."""
    for first in (0, 10):
        for number in range(first, first + 10):
            shop.drop(f"{number}.jpg", photo(LABELS[number % len(LABELS)], seed=number))
        shop.run("sweep")
    return shop


def verify(shop: Shop, *options: str, status: int = 0) -> dict[str, Any]:
    """What the command finds."""
    done = shop.run("journal", "verify", "--json", *options, check=False)
    assert done.returncode == status, done.stderr
    return dict(json.loads(done.stdout))


def the_journal(shop: Shop) -> Path:
    """Its newest file."""
    return max((shop.sorted / "_journal").glob("*.jsonl"))


def test_what_was_sorted_is_whole(sorted_twice: Shop) -> None:
    """Over two processes the chain goes on; a person reads so."""
    found = verify(sorted_twice)
    assert (found["lines"], found["whole"], found["ledger"], found["flaws"]) == (20, True, True, [])
    assert "Whole: 20 lines" in sorted_twice.run("journal", "verify").stdout


def test_what_somebody_did_is_named(sorted_twice: Shop) -> None:
    """A category that was changed in one line, and lines that are gone from the end."""
    path = the_journal(sorted_twice)
    lines = path.read_bytes().splitlines(keepends=True)
    changed = lines[6].replace(b'"category":"', b'"category":"X', 1)
    path.write_bytes(b"".join([*lines[:6], changed, *lines[7:]]))
    (flaw,) = verify(sorted_twice, status=ExitCode.LEFT)["flaws"]
    assert (flaw["file"], flaw["line"]) == (str(path), 7)
    told = sorted_twice.run("journal", "verify", check=False).stdout
    assert f"{path}:7" in told.replace("\n", "")
    path.write_bytes(b"".join(lines[:18]))
    (flaw,) = verify(sorted_twice, status=ExitCode.LEFT)["flaws"]
    assert (flaw["line"], flaw["found"]) == (18, "lines that were written behind it are missing")


def test_a_repair_mends_the_chain(sorted_twice: Shop) -> None:
    """Lines that were cut off are written again where they were, and what follows is chained to them."""
    path = the_journal(sorted_twice)
    whole = path.read_bytes()
    path.write_bytes(whole[:-700])
    sorted_twice.drop("new.jpg", photo("red", seed=900))
    sorted_twice.run("sweep")
    assert path.read_bytes().startswith(whole)
    assert verify(sorted_twice)["lines"] == 21


def test_a_journal_that_was_put_away_is_gone_on_with(sorted_twice: Shop) -> None:
    """The next line is chained to the file that is gone: together they are whole."""
    path = the_journal(sorted_twice)
    away = path.rename(sorted_twice.base / "away.jsonl")
    sorted_twice.drop("new.jpg", photo("red", seed=900))
    sorted_twice.run("sweep")
    (flaw,) = verify(sorted_twice, status=ExitCode.LEFT)["flaws"]
    assert (flaw["line"], flaw["found"]) == (1, "lines that were written before it are missing")
    newest = the_journal(sorted_twice)
    assert verify(sorted_twice, "--since", newest.stem)["whole"]
    newest.write_bytes(away.read_bytes() + newest.read_bytes())
    assert verify(sorted_twice)["lines"] == 21
    refused = sorted_twice.run("journal", "verify", "--since", "yesterday", check=False)
    assert "such as 2026-01-31" in refused.stderr


def test_a_rebuilt_ledger_goes_on_with_the_chain(sorted_twice: Shop) -> None:
    """It knows the last line by its hash."""
    sorted_twice.run("ledger", "rebuild", "--force")
    assert verify(sorted_twice)["ledger"]
    sorted_twice.drop("new.jpg", photo("red", seed=900))
    sorted_twice.run("sweep")
    assert verify(sorted_twice)["lines"] == 21


def test_without_a_ledger_the_end_is_not_known(sorted_twice: Shop) -> None:
    """Which is told; all else is found."""
    for part in sorted_twice.state.glob("ledger*"):
        part.unlink()
    assert (verify(sorted_twice)["whole"], verify(sorted_twice)["ledger"]) == (True, False)
    assert "no ledger" in sorted_twice.run("journal", "verify").stdout


def test_one_byte_among_a_hundred_thousand_lines_is_located(shop: Shop) -> None:
    """Wherever it was flipped, and to whatever: exactly its line is named."""
    folder = shop.sorted / "_journal"
    folder.mkdir(parents=True)
    keeper = Journal(str(folder), FileSystem())
    per_day = LINES // DAYS + 1
    for day in range(DAYS):
        numbers = range(1 + day * per_day, min(LINES, (day + 1) * per_day) + 1)
        keeper.append([record(number, at=1_769_851_800.0 + day * DAY_S) for number in numbers])
    settings = configuration.load(shop.config, environment={}, overrides={})
    assert flaws(settings) == ([], LINES)
    rng = random.Random(11)
    for _ in range(8):
        path = rng.choice(sorted(folder.glob("*.jsonl")))
        raw = bytearray(path.read_bytes())
        at = rng.randrange(raw.rindex(b"\n", 0, -1))  # not in the last line: that takes the ledger
        raw[at] ^= rng.choice([one for one in range(1, 256) if one ^ raw[at] != ord("\n")])
        whole, line = path.read_bytes(), path.read_bytes()[:at].count(b"\n") + 1
        path.write_bytes(raw)
        assert flaws(settings)[0] == [(str(path), line)]
        path.write_bytes(whole)


def flaws(settings: Settings) -> tuple[list[tuple[str, int]], int]:
    """Where the journal is not as it was written, and its lines."""
    found = trace(settings, since=None, on_progress=lambda *_: None)
    return [(one.file, one.line) for one in found.flaws], found.lines
