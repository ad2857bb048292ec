"""Operational logs: one line an event, whatever is in it."""

import io
import json
import os
import re
from datetime import datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.edges.log import LEVELS, Gate, make

HOSTILE = [
    "two\nlines", "back\rspace", "\x1b[2J\x1b[31mred", "\x9b31m", "\x07bell", "\u202egpj.exe", "\u2028",
    os.fsdecode(b"\xff\xfe.jpg"), "\x00",
]  # fmt: skip
names = st.text() | st.binary(max_size=40).map(os.fsdecode) | st.sampled_from(HOSTILE)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # what the renderer itself writes


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize("name", HOSTILE)
def test_a_json_line_says_exactly_what_was_logged(name: str) -> None:
    """Whatever a name holds, the log has one line of ASCII, from which the name comes back."""
    out = io.StringIO()
    make(Gate("info"), stream=out).info("photo.sorted", file=name, confidence=0.5)
    line = out.getvalue()
    assert line.count("\n") == 1
    assert line.isascii()
    found = json.loads(line)
    assert datetime.fromisoformat(found.pop("timestamp")).tzinfo is not None
    assert found == {"event": "photo.sorted", "level": "info", "file": name, "confidence": 0.5}


@given(names)
def test_no_name_commands_a_terminal(name: str) -> None:
    """Whatever a name holds, a person sees one line in which nothing is obeyed or hidden."""
    out = Terminal()
    make(Gate("info"), stream=out).info("photo.sorted", file=name, others=[name])
    text = COLOURS.sub("", out.getvalue())
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert text[:-1].isprintable()


FORMS: list[tuple[io.StringIO, Literal["auto", "console", "json"], bool]] = [
    (Terminal(), "auto", False),
    (io.StringIO(), "auto", True),
    (io.StringIO(), "console", False),
    (Terminal(), "json", True),
]


@pytest.mark.parametrize(("stream", "form", "is_json"), FORMS)
def test_people_see_words_and_programs_see_json(
    stream: io.StringIO, form: Literal["auto", "console", "json"], *, is_json: bool
) -> None:
    """A terminal gets text for people, anything else JSON; each can be asked for."""
    make(Gate("info"), form=form, stream=stream).info("ready", pid=7)
    assert stream.getvalue().startswith("{") == is_json


def test_only_a_terminal_gets_colours() -> None:
    """Text for people that goes to a file has no control characters."""
    out = io.StringIO()
    make(Gate("info"), form="console", stream=out).info("ready")
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_lets_itself_and_worse_pass(level: str) -> None:
    """Each level drops what is less grave."""
    out = io.StringIO()
    log = make(Gate(level), stream=out)
    for method in LEVELS:
        getattr(log, method)("tried")
    passed = [json.loads(line)["level"] for line in out.getvalue().splitlines()]
    assert passed == list(LEVELS)[list(LEVELS).index(level) :]


def test_the_level_can_change_while_running() -> None:
    """A logger that was made before follows the gate."""
    out = io.StringIO()
    gate = Gate("info")
    log = make(gate, stream=out)
    log.debug("dropped")
    gate.level = LEVELS["debug"]
    log.debug("passes")
    gate.level = LEVELS["error"]
    log.warning("dropped")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["passes"]


def failed(why: str) -> ValueError:
    """An error that was raised and caught."""

    def fail() -> None:
        raise ValueError(why)

    with pytest.raises(ValueError, match=re.escape(why)) as caught:
        fail()
    return caught.value


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["json", "terminal"])
def test_an_error_is_told_with_its_traceback(stream: io.StringIO) -> None:
    """What a loop died of stands in the log, with the line where it happened."""
    make(Gate("info"), stream=stream).error("loop.died", exc_info=failed("\x1b[2J"))
    text = COLOURS.sub("", stream.getvalue())
    assert "Traceback" in text
    assert "ValueError" in text
    assert "raise ValueError(why)" in text
    assert "\x1b" not in text


def test_a_traceback_keeps_its_lines_on_a_terminal() -> None:
    """A person reads a traceback as it is always shown."""
    out = Terminal()
    make(Gate("info"), stream=out).error("loop.died", exc_info=failed("why"))
    assert out.getvalue().count("\n") > 3
