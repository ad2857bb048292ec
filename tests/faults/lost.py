"""Ledgers that are lost: a shop that has been sorted, and what of its ledger must come back."""

import json
import shutil
from pathlib import Path
from typing import Any

from support import TAXONOMY, Shop, make_shop, photo
from workbench import rows

from refundsorter.core.record import rfc3339

UNSURE = TAXONOMY.replace("  PLAIN:\n", "  PLAIN:\n    threshold: 1.0\n")  # white and black go to review
# What no line tells, and nothing asks for once a photo is filed.
UNTOLD = {"noticed_by", "seen_at", "claimed_at", "attempts", "not_before", "trouble", "detail"}
NAMES = [b"caf\xe9 %d.jpg", b"R\xc3\xbcckgabe %d.jpg", b"'; DROP TABLE images; %d.jpg", b"-%d\n.jpg"]
"""Names that are no UTF-8, and worse."""


def busy_shop(base: Path) -> Shop:
    """A shop that has sorted photos of every kind, in two sweeps."""
    shop = make_shop(base, taxonomy=UNSURE)
    for start in (0, 100):
        fill(shop, start)
        shop.run("sweep")
    return shop


def fill(shop: Shop, start: int) -> None:
    """Drop ten different photos, two copies, and two files that are no photo."""
    contents = [
        photo(colour, seed=start + number + 1)
        for number, colour in enumerate(["red", "green", "blue", "white", "black"] * 2)
    ]
    contents += [contents[0], contents[3], b"", b"no photo %d" % start]
    for number, content in enumerate(contents):
        name = NAMES[number % len(NAMES)] % (start + number)
        shop.drop(name.decode("utf-8", "surrogateescape"), content)


def lose(shop: Shop) -> None:
    """Delete the ledger with all that belongs to it."""
    shutil.rmtree(shop.state)


def rebuild(shop: Shop, *options: str, status: int = 0) -> dict[str, Any]:
    """Make the ledger anew; its account."""
    done = shop.run("ledger", "rebuild", "--json", *options, check=False)
    assert done.returncode == status, done.stderr
    return dict(json.loads(done.stdout))


def that_matter(shop: Shop) -> list[dict[str, Any]]:
    """Every row without what no line tells; times to the journal's millisecond."""
    return [
        {key: value for key, value in row.items() if key not in UNTOLD}
        | {"finished_at": rfc3339(row["finished_at"])}
        for row in rows(shop)
    ]
