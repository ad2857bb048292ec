"""Channels to people, through apprise: mail, chat, webhooks, each by one URL.

The URLs hold passwords, so they stand in a file that nobody else may read, and are never shown whole.
"""

import hashlib
import logging
import os
import stat
from pathlib import Path

import apprise

from refundsorter.core.fault import StartRefused, translate

MAX_BYTES = 1 << 16
NAME_DIGITS = 8  # of a hash of the URL: enough to tell a few from each other
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its lines may hold what the URLs do


class Channel:
    """One way to reach people; see `ChannelPort`.

    Args:
        url: As apprise reads it.

    Raises:
        ValueError: It reads none in it.
    """

    def __init__(self, url: str) -> None:
        self._apprise = apprise.Apprise()
        if not self._apprise.add(url):
            raise ValueError("it is no URL that apprise knows")
        kind = url.partition(":")[0].lower()
        self.name = f"{kind}-{hashlib.sha256(url.encode()).hexdigest()[:NAME_DIGITS]}"

    def send(self, title: str, text: str) -> bool:
        """Say something."""
        return bool(self._apprise.notify(title=title, body=text))


def read_channels(path: Path) -> list[Channel]:
    """The channels of a file: a URL a line; empty lines, and those that begin with `#`, are none.

    Raises:
        StartRefused: It is not there, others may read it, or a line is no URL; the line is not quoted.
        PassingTrouble: The disk does not allow it now.
    """
    channels: dict[str, Channel] = {}
    for number, line in enumerate(_lines(path), start=1):
        if (url := line.strip()) and not url.startswith("#"):
            try:
                channel = Channel(url)
            except ValueError as error:
                raise StartRefused(f"{path}: line {number}: {error}; see docs/alerts.md") from error
            channels[channel.name] = channel
    return list(channels.values())


def _lines(path: Path) -> list[str]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise StartRefused(f"{path}: it cannot be read: {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise StartRefused(f"{path}: it is no file")
        if found.st_mode & 0o077:
            raise StartRefused(f"{path}: others may read or write it, and it holds passwords; `chmod 600` it")
        return os.read(descriptor, MAX_BYTES).decode(errors="replace").splitlines()
    except OSError as error:
        raise translate(error, f"reading {str(path)!r}") from error
    finally:
        os.close(descriptor)
