"""The file system's seam and the ledger, with every change that is made through them written down."""

import os
from typing import NamedTuple

from support import Shop

from refundsorter.assembly import LEDGER_FILE
from refundsorter.edges.filesystem import FileSystem


class Change(NamedTuple):
    """One change that was recorded."""

    kind: str
    path: str
    more: str = ""  # the other path of a rename or link
    data: bytes = b""  # written; of a commit: the ledger's file
    log: bytes = b""  # of a commit: its write-ahead log
    length: int = 0  # of a cut file


class Recorder(FileSystem):
    """The file system, with every change written down; `way` is how it lets photos be moved."""

    def __init__(self, shop: Shop, way: str) -> None:
        super().__init__()
        self.changes: list[Change] = []
        self._ledger = shop.state / LEDGER_FILE
        self._way = way
        self._seen: object = None

    def look(self, *_: object) -> None:
        """Write down what was committed since the last look."""
        log = self._ledger.with_name(f"{LEDGER_FILE}-wal")
        seen = [
            (path.stat().st_size, path.stat().st_mtime_ns) for path in (self._ledger, log) if path.exists()
        ]
        if seen and seen != self._seen:
            self._seen = seen
            written = log.read_bytes() if log.exists() else b""
            self.changes.append(
                Change("commit", str(self._ledger), data=self._ledger.read_bytes(), log=written)
            )

    def _add(self, change: Change) -> None:
        self.look()
        self.changes.append(change)

    def create(self, path: str, mode: int) -> int:
        """Create."""
        descriptor = super().create(path, mode)
        self._add(Change("create", path))
        return descriptor

    def open_append(self, path: str) -> int:
        """Open, or create."""
        is_new = not os.path.lexists(path)
        descriptor = super().open_append(path)
        if is_new:
            self._add(Change("create", path))
        return descriptor

    def write(self, descriptor: int, data: bytes, path: str) -> None:
        """Write at the end."""
        super().write(descriptor, data, path)
        self._add(Change("write", path, data=data))

    def truncate(self, descriptor: int, length: int, path: str) -> None:
        """Cut."""
        super().truncate(descriptor, length, path)
        self._add(Change("truncate", path, length=length))

    def fsync(self, descriptor: int, path: str) -> None:
        """Make bytes certain."""
        super().fsync(descriptor, path)
        self._add(Change("fsync", path))

    def fsync_folder(self, path: str) -> None:
        """Make names certain."""
        super().fsync_folder(path)
        self._add(Change("fsync folder", path))

    def make_folder(self, path: str, mode: int = 0o777) -> bool:
        """Make a folder."""
        made = super().make_folder(path, mode)
        if made:
            self._add(Change("mkdir", path))
        return made

    def rename(self, source: str, destination: str) -> bool:
        """Rename, where it can be done."""
        if self._way == "link" or not super().rename(source, destination):
            return False
        self._add(Change("rename", source, destination))
        return True

    def replace(self, source: str, destination: str) -> None:
        """Rename."""
        super().replace(source, destination)
        self._add(Change("rename", source, destination))

    def link(self, source: str, destination: str) -> None:
        """Link."""
        super().link(source, destination)
        self._add(Change("link", source, destination))

    def unlink(self, path: str) -> None:
        """Unlink."""
        super().unlink(path)
        self._add(Change("unlink", path))
