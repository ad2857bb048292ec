"""The operational log: JSON lines for a program, words for a person, and never an order to the terminal."""

import os
import pty
import signal
import subprocess
from contextlib import ExitStack

from support import COMMAND, PATIENCE_S, Shop, environment, photo
from terminal import read_some, read_to_end

HOSTILE = "\x1b]0;owned\x07\x1b[2J\n.jpg"


def test_every_line_is_json_where_no_person_reads(shop: Shop) -> None:
    """From the first byte to the last, also for a hostile name: an event name, a level and a time a line."""
    with shop.daemon(REFUNDSORTER_LOG__LEVEL="debug") as daemon:
        (shop.inbox / "link").symlink_to(shop.config)
        shop.drop(HOSTILE, photo("red"))
        shop.drop("caf\udce9.jpg", photo("red")[:100])
        shop.drop("last.jpg", photo("blue"))
        daemon.wait_for("photo.sorted", file="last.jpg")
        assert daemon.stop() == 0  # which reads every line as JSON
    assert all(event.keys() >= {"event", "level", "timestamp"} for event in daemon.events)
    assert {event["event"] for event in daemon.events} >= {
        "photo.sorted",
        "photo.rejected",
        "ready",
        "stopped",
    }


def on_terminal(shop: Shop, name: str) -> str:
    """What a terminal is sent while a photo is sorted."""
    with ExitStack() as stack:
        ours, theirs = pty.openpty()
        stack.callback(os.close, ours)
        command = [*COMMAND, "run", "--config", str(shop.config)]
        variables = environment() | {"TERM": "xterm-256color"}
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables)
        stack.callback(process.kill)
        os.close(theirs)
        sent = b""
        while b"ready" not in sent:
            sent += read_some(ours)
        shop.drop(name, photo("red"))
        while b"photo.sorted" not in sent:
            sent += read_some(ours)
        process.send_signal(signal.SIGINT)
        rest = read_to_end(ours)
        assert process.wait(PATIENCE_S) == 0
    return sent.decode() + rest


def test_a_person_gets_words(shop: Shop) -> None:
    """On a terminal a line has the time, the event and its fields, and is no JSON."""
    sent = on_terminal(shop, "a.jpg")
    (line,) = [line for line in sent.splitlines() if "photo.sorted" in line]
    assert "a.jpg" in line
    assert "WARM" in line
    assert "{" not in line


def test_a_hostile_name_gives_no_order_to_the_terminal(shop: Shop) -> None:
    """Escape sequences and line feeds of a file name are written out."""
    sent = on_terminal(shop, HOSTILE)
    assert "\x1b]0;owned" not in sent
    assert "\x1b[2J" not in sent
    assert r"\x1b]0;owned\x07\x1b[2J\n.jpg" in sent


def test_colours_are_for_terminals_only(shop: Shop) -> None:
    """The form for people, written to a file, has no escape sequences."""
    shop.drop("a.jpg", photo("red"))
    command = [*COMMAND, "run", "--config", str(shop.config)]
    variables = environment() | {"REFUNDSORTER_LOG__FORMAT": "console"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=variables) as process:
        assert process.stderr is not None
        told = ""
        while "photo.sorted" not in told:
            told += process.stderr.readline()
        process.terminate()
        told += process.stderr.read()
    assert "\x1b" not in told
