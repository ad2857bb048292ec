"""Alerts of a real daemon, told to a real webhook."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import Shop, eventually, photo

from refundsorter.exits import ExitCode

SOON = "alerts: {channels_file: channels, interval_s: 0.1, after_s: 0.3, free_bytes: 0}\n"


class Webhook:
    """What somebody's chat was told."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[dict[str, Any]] = []
        self.is_broken = False

    def titles(self) -> list[str]:
        """The last part of each title, in order."""
        return [one["title"].partition(": ")[2] for one in self.heard]


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A server that takes what apprise sends."""
    found: list[Webhook] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not found[0].is_broken:
                found[0].heard.append(json.loads(body))
            self.send_response(500 if found[0].is_broken else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.append(Webhook(server.server_address[1]))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def chat() -> Iterator[Webhook]:
    """A chat."""
    with webhook() as one:
        yield one


def told_to(shop: Shop, *chats: Webhook) -> Path:
    """Have a shop tell these."""
    shop.config.write_text(shop.config.read_text() + SOON)
    path = shop.base / "channels"
    path.write_text(
        "# who is told\n\n" + "".join(f"json://clerk:secret@127.0.0.1:{one.port}/\n" for one in chats)
    )
    path.chmod(0o600)
    return path


def test_an_inbox_that_goes_away_is_told_and_its_return(shop: Shop, chat: Webhook) -> None:
    """What, since when, what to do; once; and then that it is over. A photo is sorted meanwhile."""
    told_to(shop, chat)
    with shop.daemon() as daemon:
        away = shop.inbox.rename(shop.base / "elsewhere")
        eventually(lambda: chat.titles() == ["away"], "it is told")
        assert str(shop.inbox) in chat.heard[0]["message"]
        assert "Since " in chat.heard[0]["message"]
        listed = shop.run("alerts", "list", "--json", check=False)
        assert listed.returncode == ExitCode.LEFT
        assert [one["rule"] for one in json.loads(listed.stdout)] == ["away"]
        away.rename(shop.inbox)
        eventually(lambda: chat.titles() == ["away", "over: away"], "its end is told")
        shop.drop("a.jpg", photo("red"))
        eventually(lambda: len(shop.lines()) == 1, "sorting goes on")
        assert daemon.stop() == 0
    assert shop.run("alerts", "list").stdout.startswith("Nothing was wrong")


def test_a_restart_tells_nothing_twice(shop: Shop, chat: Webhook) -> None:
    """What was told is kept; after a kill too."""
    told_to(shop, chat)
    with shop.daemon() as daemon:
        os.rename(shop.inbox, shop.base / "elsewhere")
        eventually(lambda: chat.titles() == ["away"], "it is told")
        eventually(lambda: json.loads((shop.state / "alerts.json").read_text())[0]["told"], "that is kept")
        daemon.process.kill()
        daemon.process.wait()
    with shop.daemon() as daemon:
        os.rename(shop.base / "elsewhere", shop.inbox)
        eventually(lambda: len(chat.heard) == 2, "the end is told")
    assert chat.titles() == ["away", "over: away"]


def test_a_channel_that_fails_keeps_nobody_waiting(shop: Shop, chat: Webhook) -> None:
    """Photos are sorted, the other channel is told, and the broken one when it works again."""
    with webhook() as broken:
        broken.is_broken = True
        told_to(shop, broken, chat)
        shop.config.write_text(
            shop.config.read_text().replace("after_s: 0.3", "after_s: 0.3, review_backlog: 1")
        )
        with shop.daemon() as daemon:
            os.rename(shop.inbox, shop.base / "elsewhere")
            eventually(lambda: chat.titles() == ["away"], "the other one is told")
            os.rename(shop.base / "elsewhere", shop.inbox)
            shop.drop("a.jpg", photo("red"))
            eventually(lambda: len(shop.lines()) == 1, "sorting goes on")
            assert broken.heard == []
            broken.is_broken = False
            os.rename(shop.inbox, shop.base / "elsewhere")
            eventually(lambda: "away" in broken.titles(), "the broken one is told")
            os.rename(shop.base / "elsewhere", shop.inbox)
            assert daemon.stop() == 0


def test_a_test_message_reaches_every_channel(shop: Shop, chat: Webhook) -> None:
    """By the command; what is not reached is told, without the password."""
    with webhook() as gone:
        told_to(shop, chat, gone)
    found = shop.run("alerts", "test", "--text", "hello", check=False)
    assert found.returncode == ExitCode.LEFT
    assert [one["message"] for one in chat.heard] == ["hello"]
    assert "not sent" in found.stdout
    assert "secret" not in found.stdout + found.stderr


def test_wrong_channels_are_refused_without_their_passwords(shop: Shop, chat: Webhook) -> None:
    """A file that others may read, that is missing, or that has a line which is no URL, ends the start."""
    path = told_to(shop, chat)
    path.chmod(0o644)
    readable = shop.run("run", check=False)
    assert (readable.returncode, "chmod 600" in readable.stderr) == (78, True)
    path.chmod(0o600)
    path.write_text("secret nonsense\n")
    wrong = shop.run("run", check=False)
    assert (wrong.returncode, "line 1" in wrong.stderr) == (78, True)
    assert "secret" not in wrong.stderr
    path.unlink()
    assert "cannot be read" in shop.run("alerts", "test", check=False).stderr


def test_without_channels_there_is_nobody_to_test(shop: Shop) -> None:
    """The message says which setting is missing."""
    assert "alerts.channels_file" in shop.run("alerts", "test", check=False).stderr
