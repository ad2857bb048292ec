"""The file of tokens: nobody but its owner may read it, and it is replaced whole.

The daemon looks at its stamp with every request, so that a token which was revoked opens nothing any more.
"""

import fcntl
import hmac
import json
import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from refundsorter.core.fault import StartRefused, translate
from refundsorter.core.token import Role, Token, digest
from refundsorter.edges import durable
from refundsorter.edges.filesystem import FileSystem

MODE = 0o600
MAX_BYTES = 1 << 20  # some five thousand tokens
_FIELDS = frozenset({"name", "role", "sha256", "created"})


def read(path: Path) -> tuple[Token, ...]:
    """The tokens; none where there is no file.

    Raises:
        StartRefused: Others may read or write the file, or it is none of tokens.
        PassingTrouble: The disk does not allow it now.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _refused(path, f"it cannot be read: {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _refused(path, "it is no file")
        if found.st_mode & 0o077:
            raise _refused(path, "others may read or write it; `chmod 600` it, and make new tokens")
        return _parsed(path, os.read(descriptor, MAX_BYTES))
    except OSError as error:
        raise translate(error, f"reading {str(path)!r}") from error
    finally:
        os.close(descriptor)


def change(path: Path, step: Callable[[tuple[Token, ...]], tuple[Token, ...]]) -> None:
    """Put other tokens in the place of those that are there; one process at a time.

    Raises:
        StartRefused, PassingTrouble: As `read`.
        TokenRefused: As the step.
    """
    try:
        os.makedirs(path.parent, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise translate(error, f"writing {str(path)!r}") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        said = {"tokens": [asdict(one) for one in step(read(path))]}
        content = json.dumps(said, indent=1).encode() + b"\n"
        durable.replace(path, content, FileSystem(), mode=MODE)
    finally:
        os.close(folder)


class Keyring:
    """See `KeysPort`; reads the file again when it was replaced.

    Args:
        path: The file.
        is_always_needed: Also while there are no tokens: nobody gets in then.
    """

    def __init__(self, path: Path, *, is_always_needed: bool) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._tokens: tuple[Token, ...] = ()
        # A door that was locked once stays so: losing the file, or its last token, opens nothing.
        self._is_needed = is_always_needed

    def is_needed(self) -> bool:
        """Whether a request needs a token."""
        return bool(self._read()) or self._is_needed

    def token(self, secret: str) -> Token | None:
        """Which token this is; the time it takes tells nothing about any token."""
        found, presented = None, digest(secret)
        for one in self._read():
            if hmac.compare_digest(one.sha256, presented):
                found = one
        return found

    def _read(self) -> tuple[Token, ...]:
        with self._lock:
            stamp = None
            with suppress(FileNotFoundError, PermissionError):  # `read` tells of the latter
                found = os.stat(self._path, follow_symlinks=False)
                stamp = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
            if stamp is None or stamp != self._stamp:
                self._tokens = read(self._path)
                self._stamp = stamp
            self._is_needed = self._is_needed or bool(self._tokens)
            return self._tokens


def _parsed(path: Path, content: bytes) -> tuple[Token, ...]:
    try:
        said = json.loads(content)
        return tuple(_token(one) for one in said["tokens"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _refused(path, "it is no file of tokens, or is damaged; make new ones") from error


def _token(said: Any) -> Token:
    if not isinstance(said, dict) or said.keys() != _FIELDS:
        raise ValueError("not a token")
    if not all(isinstance(value, str) for value in said.values()):
        raise TypeError("not a token")
    if len(bytes.fromhex(said["sha256"])) != 32:  # noqa: PLR2004 - SHA-256
        raise ValueError("not a digest")
    return Token(
        name=said["name"], role=Role(said["role"]), sha256=said["sha256"].lower(), created=said["created"]
    )


def _refused(path: Path, why: str) -> StartRefused:
    return StartRefused(f"the tokens {str(path)!r}: {why}")
