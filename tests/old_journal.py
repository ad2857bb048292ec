"""A shop that has sorted for days: a real journal of them, a ledger made from it, and photos on the shelf."""

import gzip
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from stages import record
from support import Shop
from workbench import Events

from refundsorter import settings as configuration
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal import Journal
from refundsorter.pruning import Pruned, prune
from refundsorter.rebuild import rebuild
from refundsorter.settings import Settings
from refundsorter.tracing import Trace, trace

FIRST = date(2026, 1, 1)
A_DAY = 5  # lines


def noon(day: int) -> float:
    """Of the day with this number, from 0; unix seconds."""
    found = FIRST + timedelta(days=day)
    return datetime(found.year, found.month, found.day, 12, tzinfo=UTC).timestamp()


def name(day: int, ending: str = ".jsonl") -> str:
    """Of the file of such a day."""
    return f"{FIRST + timedelta(days=day)}{ending}"


def settings_of(shop: Shop, **days: int) -> Settings:
    """Those of a shop, with ages."""
    overrides: dict[str, Any] = {f"retention.{age}": number for age, number in days.items()}
    return configuration.load(shop.config, environment={}, overrides=overrides)


def folder_of(shop: Shop) -> Path:
    """The journal's."""
    return shop.sorted / "_journal"


def write_days(shop: Shop, days: int) -> None:
    """Write the journal of some days, and make the ledger from it."""
    folder_of(shop).mkdir()
    keeper = Journal(str(folder_of(shop)), FileSystem())
    for day in range(days):
        numbers = range(1 + day * A_DAY, 1 + (day + 1) * A_DAY)
        keeper.append([record(number, at=noon(day)) for number in numbers])
    rebuilt(shop)


def rebuilt(shop: Shop, *, dry_run: bool = False) -> Any:
    """Make the ledger anew."""
    settings = settings_of(shop)
    return rebuild(settings, dry_run=dry_run, force=True, now=noon(0), on_progress=lambda *_: None)


def put_away(settings: Settings, *, today: int, dry_run: bool = False, **more: Any) -> Pruned:
    """Put away what is old on the day with this number."""
    return prune(settings, dry_run=dry_run, now=noon(today), log=Events(), **more)


def traced(shop: Shop) -> Trace:
    """What following the chain comes to."""
    return trace(settings_of(shop), since=None, on_progress=lambda *_: None)


def lines(shop: Shop) -> Counter[bytes]:
    """Every line of the journal, as often as it is there."""
    found: Counter[bytes] = Counter()
    for path in folder_of(shop).iterdir():
        if path.name.endswith(".jsonl.gz"):
            found.update(gzip.decompress(path.read_bytes()).splitlines())
        elif path.suffix == ".jsonl":
            found.update(path.read_bytes().splitlines())
    return found


def listed(shop: Shop) -> list[str]:
    """The names in the journal's folder, but for the lock."""
    return sorted(path.name for path in folder_of(shop).iterdir() if path.name != "lock")
