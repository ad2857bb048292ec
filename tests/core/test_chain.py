"""The chain of the journal's lines: whatever is changed, removed, added or exchanged is found and located."""

import random
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stages import chained, record

from refundsorter.core.chain import (
    BEGINS,
    CHANGED,
    CUT,
    ELSEWHERE,
    GENESIS,
    NO_LINE,
    UNLINKED,
    Break,
    Chain,
    Place,
    line_of,
    link,
    previous_of,
    without_link,
)
from refundsorter.core.record import json_line

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
NUMBER = 30


LINES = chained([record(number) for number in range(1, NUMBER + 1)])
WHOLE = b"".join(LINES)
TIP = link(LINES[-1])


def found(*files: bytes | list[bytes], tip: str | None = TIP, anchors: tuple[str, ...] = ()) -> list[Break]:
    """What is wrong with a journal of these files."""
    chain = Chain(anchors, tip)
    for day, file in zip((DAY, NEXT_DAY), files, strict=False):
        lines = re.findall(rb"[^\n]*\n|[^\n]+", file) if isinstance(file, bytes) else file
        for number, line in enumerate(lines, start=1):
            chain.feed(Place(day, number), line)
    return chain.breaks()


def places(breaks: list[Break]) -> list[tuple[str, int]]:
    """Where they are."""
    return [(one.place.file, one.place.number) for one in breaks]


@pytest.mark.parametrize("cut", [0, 1, 12, NUMBER])
def test_what_was_written_is_whole(cut: int) -> None:
    """In one file, or going on in the next."""
    assert found(LINES[:cut], LINES[cut:]) == []
    assert without_link(LINES[3]) == json_line(record(4).fields())
    assert previous_of(LINES[3]) == link(LINES[2])


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
@example(57, WHOLE[57] ^ ord("\n"))
def test_a_changed_byte_is_found_in_its_line(at: int, flip: int) -> None:
    """Whichever byte it is, and whatever it becomes, its line is named, and no line before it."""
    changed = bytearray(WHOLE)
    changed[at] ^= flip
    number = WHOLE[:at].count(b"\n") + 1
    breaks = found(bytes(changed))
    assert places(breaks)[:1] == [(DAY, number)]
    assert len(breaks) == 1 or flip ^ WHOLE[at] == ord("\n"), "one more line-feed is one more place"


@given(st.integers(0, NUMBER - 1), st.integers(1, 5))
def test_missing_lines_are_found(at: int, count: int) -> None:
    """The line before them is named, or that they were the first, or the last."""
    (one,) = found(LINES[:at] + LINES[at + count :])
    if at == 0:
        assert one == Break(Place(DAY, 1), BEGINS)
    else:
        assert one == Break(Place(DAY, at), CUT if at + count >= NUMBER else CHANGED)


@given(st.integers(0, NUMBER - 1), st.integers(0, NUMBER - 1))
def test_exchanged_lines_are_found(one: int, other: int) -> None:
    """Two lines that change places are told, wherever they stand."""
    lines = list(LINES)
    lines[one], lines[other] = lines[other], lines[one]
    assert bool(found(lines)) is (one != other)


def test_neighbours_that_changed_places_are_named() -> None:
    """The chain leads from the later to the earlier one."""
    assert found([*LINES[:4], LINES[5], LINES[4], *LINES[6:]]) == [Break(Place(DAY, 5), ELSEWHERE)]


def test_a_line_that_stands_twice_is_found() -> None:
    """Only one can be the one that was written."""
    assert places(found([*LINES[:7], LINES[6], *LINES[7:]])) == [(DAY, 7)]


def test_a_line_of_somebody_else_is_found() -> None:
    """Whether it carries a hash or none, or is no line at all."""
    mine = line_of(replace(record(99)), link(LINES[6]))
    assert places(found([*LINES[:7], mine, *LINES[7:]])) == [(DAY, 8)]
    assert found([*LINES[:7], b"# no line\n", *LINES[7:]])[0] == Break(Place(DAY, 8), NO_LINE)
    assert found([*LINES[:7], json_line(record(9).fields()), *LINES[7:]])[0].found == UNLINKED


def test_the_last_line_is_held_by_the_ledger() -> None:
    """Changed or cut off, it is missed there, however well the rest fits."""
    other = line_of(record(77), link(LINES[-2]))
    assert places(found([*LINES[:-1], other])) == [(DAY, NUMBER)]
    assert found(LINES[:-4]) == [Break(Place(DAY, NUMBER - 4), CUT)]
    assert found(LINES, tip=link(LINES[-3])) == [], "lines that the ledger has not marked yet"
    assert found(LINES[:-4], tip=None) == [], "nobody knows more"


def test_files_that_were_put_away_leave_an_anchor() -> None:
    """A journal may begin behind one; without it lines are missing."""
    assert found(LINES[9:], anchors=(link(LINES[8]),)) == []
    assert found(LINES[9:]) == [Break(Place(DAY, 1), BEGINS)]
    assert found([], anchors=(TIP,)) == []


def test_a_line_of_yesterday_may_be_written_today() -> None:
    """The chain leads through both files in the order of writing."""
    assert found([*LINES[:10], *LINES[15:17]], [*LINES[10:15], *LINES[17:]]) == []
    assert found([*LINES[:10], LINES[16], LINES[15]], [*LINES[10:15], *LINES[17:]]) != []


def test_lines_from_before_the_chain_are_its_beginning() -> None:
    """They carry nothing; the first that does carries the hash of the last of them."""
    old = [json_line(record(number).fields()) for number in range(5)]
    new = chained([record(number) for number in range(5, 9)], link(old[-1]))
    assert found([*old, *new], tip=link(new[-1])) == []
    assert places(found([*old[:4], old[3], *new], tip=link(new[-1]))) == [(DAY, 5)]


def test_the_tip_is_the_line_that_was_written_last() -> None:
    """Also where that is not the last of the files."""
    chain = Chain()
    for place, line in [(Place(DAY, 1), LINES[0]), (Place(DAY, 2), LINES[2]), (Place(NEXT_DAY, 1), LINES[1])]:
        chain.feed(place, line)
    assert chain.tip == link(LINES[2])
    assert Chain().tip == GENESIS


def test_many_random_deeds_are_found() -> None:
    """Any handful of removed, doubled and exchanged lines leaves a journal that is told to be broken."""
    rng = random.Random(5)
    for _ in range(300):
        lines = list(LINES)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(lines))
            line = lines.pop(place)
            if rng.random() < 0.7:
                lines.insert(rng.randrange(len(lines) + 1), line)
            if rng.random() < 0.3:
                lines.insert(rng.randrange(len(lines) + 1), line)
        assert bool(found(lines)) is (lines != LINES)
