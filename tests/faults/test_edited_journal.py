"""Somebody else has cut or edited the journal, or put an older copy of it in its place."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from faults import account
from support import Shop, eventually, photo
from workbench import AT_ONCE, Events, journaled, opened, rows, running, sort_all


def without_last_feed(whole: bytes) -> bytes:
    """As some editors save it."""
    return whole[:-1]


def torn(whole: bytes) -> bytes:
    """The last line without its end."""
    return whole[:-40]


def older(whole: bytes) -> bytes:
    """A backup: whole lines, not all of them."""
    return b"".join(whole.splitlines(keepends=True)[:2])


def older_and_torn(whole: bytes) -> bytes:
    """Several lines are gone, and another one in part."""
    return whole[: len(whole) // 2]


def begun(whole: bytes) -> bytes:
    """Somebody's words behind the last line."""
    return whole + b"words without an end"


HARM = [without_last_feed, torn, older, older_and_torn, begun]


def day_file(shop: Shop) -> Path:
    """The newest of the journal's files."""
    return max((shop.sorted / "_journal").glob("*.jsonl"))


@pytest.fixture
def used(shop: Shop) -> Shop:
    """A shop that has sorted four photos and waits for nothing."""
    shop.config.write_text(AT_ONCE)
    for number in range(4):
        shop.drop(f"{number}.png", photo("red", form="PNG", seed=number + 1))
    with opened(shop) as workshop:
        sort_all(workshop)
    return shop


@pytest.mark.parametrize("harm", HARM)
def test_lines_that_were_cut_off_are_written_again(used: Shop, harm: Callable[[bytes], bytes]) -> None:
    """At the next start each photo has its one line again, the same byte for byte, and it is logged."""
    path, events = day_file(used), Events()
    whole = path.read_bytes()
    path.write_bytes(harm(whole))
    used.drop("next.png", photo("green", form="PNG"))
    before = used.photos()
    with opened(used, log=events) as workshop:
        sort_all(workshop)
    assert sorted(path.read_bytes().splitlines(keepends=True)[:4]) == sorted(whole.splitlines(keepends=True))
    assert account.take(used, before).lines == 5
    cut = len(whole.splitlines()) - harm(whole).count(b"\n")
    assert [one["lines_written_again"] for one in events.named("journal.edited")] == ([cut] if cut else [])
    with opened(used, log=events) as workshop:
        sort_all(workshop)
    assert len(events.named("journal.edited")) <= 1, "it is mended once"


@pytest.mark.parametrize("harm", HARM)
def test_lines_that_are_cut_off_meanwhile_are_written_again(
    used: Shop, harm: Callable[[bytes], bytes]
) -> None:
    """While it sorts it sees the same before it writes the next line."""
    used.drop("first.png", photo("blue", form="PNG"))
    with opened(used) as workshop, running(workshop):
        eventually(journaled(used, 5), "a photo filed")
        path = day_file(used)
        whole = path.read_bytes()
        path.write_bytes(harm(whole))
        used.drop("next.png", photo("green", form="PNG"))
        before = used.photos()
        eventually(journaled(used, 6), "the next photo filed")
    assert account.take(used, before).lines == 6


@pytest.mark.parametrize("put_away", [os.unlink, lambda path: os.truncate(path, 0)])
def test_a_file_that_was_put_away_is_not_written_again(used: Shop, put_away: Callable[[Path], None]) -> None:
    """Whoever removes or empties a file of the journal wants its lines gone; the next one begins it anew."""
    events = Events()
    put_away(day_file(used))
    used.drop("next.png", photo("green", form="PNG"))
    with opened(used, log=events) as workshop:
        sort_all(workshop)
    assert [line["file"] for line in used.lines()] == ["next.png"]
    assert events.named("journal.edited") == []
    assert all(row["journaled"] for row in rows(used))
