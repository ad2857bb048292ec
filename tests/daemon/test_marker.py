"""`watch.marker`: an inbox whose share is not mounted is awaited, and never taken for empty."""

import json

import pytest
from support import Shop, eventually, photo

from refundsorter.exits import ExitCode

MARKER = ".refundsorter-inbox"


@pytest.fixture
def marked(shop: Shop) -> Shop:
    """A shop whose inbox is known by a marker, which lies in it, and is hidden by no pattern."""
    shop.config.write_text(f"watch: {{stability_s: 0, scan_interval_s: 1, marker: {MARKER}, ignore: []}}\n")
    (shop.inbox / MARKER).touch()
    return shop


def test_with_its_marker_an_inbox_is_one_like_others(marked: Shop) -> None:
    """Photos are sorted, and the marker stays where it is."""
    marked.drop("a.jpg", photo("red"))
    account = json.loads(marked.run("sweep", "--json").stdout)
    assert (account["found"], account["sorted"], account["unreachable"]) == (1, 1, [])
    assert (marked.inbox / MARKER).exists()


def test_without_it_the_inbox_is_awaited(marked: Shop) -> None:
    """A sweep is not done, and says why; the daemon sorts as soon as the marker is there."""
    (marked.inbox / MARKER).unlink()
    marked.drop("a.jpg", photo("red"))
    swept = marked.run("sweep", "--json", check=False)
    assert (swept.returncode, json.loads(swept.stdout)["found"]) == (ExitCode.LEFT, 0)
    with marked.daemon() as daemon:
        early = [one for one in daemon.events if one["event"] == "inbox.unreachable"]
        (told,) = early or [daemon.wait_for("inbox.unreachable")]
        assert f"lacks its marker {MARKER!r}" in told["trouble"]
        assert marked.lines() == []
        (marked.inbox / MARKER).touch()
        eventually(lambda: len(marked.lines()) == 1, "the photo is sorted")
        assert daemon.stop() == 0


def test_only_a_hidden_name_is_a_marker(shop: Shop) -> None:
    """A path, or a name that a photo could have, is refused."""
    for name in ("marker", "../.marker", ".a/b"):
        shop.config.write_text(f"watch: {{marker: {name}}}\n")
        checked = shop.run("config", "check", check=False)
        assert (checked.returncode, "watch.marker" in checked.stderr) == (ExitCode.CONFIGURATION, True)
