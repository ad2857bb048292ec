"""Photos that are sent to the daemon: each grows under a hidden name in the inbox and is then renamed.

No scan looks at the hidden names. They hold the ledger's token, so that what a killed daemon has left is
known by the next one, and the files of another machine's daemon are not.
"""

import hashlib
import os
import secrets
from contextlib import suppress

from refundsorter.core.fault import NameTaken, PassingTrouble, Vanished
from refundsorter.core.placement import free_name
from refundsorter.core.stability import FileIdentity
from refundsorter.edges.filesystem import FileSystem, identity_of, lies

MODE = 0o666  # less the umask: as if it had been copied there


class Delivery:
    """One photo that is being sent.

    Raises:
        PassingTrouble: The disk does not allow it now; so does each method.
    """

    def __init__(self, files: FileSystem, inbox: str, *, token: str, name: str) -> None:
        self._files = files
        self._inbox = inbox
        self._name = name
        self._hidden = os.path.join(inbox, f"{_prefix(token)}{secrets.token_hex(8)}")
        self._digest = hashlib.sha256()
        self._is_there = True
        self.size = 0  # bytes so far
        self._descriptor = files.create(self._hidden, MODE)

    @property
    def sha256(self) -> str:
        """Of what has come."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """More of its bytes."""
        self._files.write(self._descriptor, data, self._hidden)
        self._digest.update(data)
        self.size += len(data)

    def drop(self) -> None:
        """Remove it again; nothing, once it was delivered."""
        self._close()
        if self._is_there:
            self._is_there = False
            with suppress(Vanished):
                self._files.unlink(self._hidden)

    def complete(self) -> None:
        """Make its bytes durable."""
        self._files.fsync(self._descriptor, self._hidden)
        self._close()

    def reveal(self) -> tuple[str, FileIdentity]:
        """Give it its name, or the first free one like it; its path, and what file lies there.

        The name is durable when the folder is synced.
        """
        identity = identity_of(self._files.lstat(self._hidden))
        while True:
            path = os.path.join(self._inbox, free_name(self._name, self._is_taken))
            with suppress(NameTaken):  # somebody was quicker
                if not self._files.rename(self._hidden, path):
                    self._files.link(self._hidden, path)
                    self._files.unlink(self._hidden)
                self._is_there = False
                return path, identity

    def _is_taken(self, name: str) -> bool:
        return lies(self._files, os.path.join(self._inbox, name))

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            self._files.close(descriptor, self._hidden)


def remove_left(files: FileSystem, inbox: str, *, token: str) -> None:
    """Remove what a daemon with this ledger has left half-sent; what cannot be removed now stays."""
    with suppress(PassingTrouble, Vanished):
        for name in files.names(inbox):
            if name.startswith(_prefix(token)):
                files.unlink(os.path.join(inbox, name))


def _prefix(token: str) -> str:
    return f".refundsorter-{token}-upload-"
