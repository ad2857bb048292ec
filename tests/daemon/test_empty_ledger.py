"""A ledger's file that was made and never written to."""

import json

from support import Shop


def test_an_empty_ledger_file_counts_as_none(shop: Shop) -> None:
    """`status` counts no photo, and `doctor` finds no ledger yet; both exit 0."""
    shop.state.mkdir()
    (shop.state / "ledger.sqlite3").touch()
    assert set(json.loads(shop.run("status", "--json").stdout)["photos"].values()) == {0}
    found = {one["name"]: one["found"] for one in json.loads(shop.run("doctor", "--json").stdout)}
    assert found["ledger"].startswith("none yet")
