"""Old files of the journal, compressed or removed, so that a kill at any call loses no line and no link.

A compressed file grows under a hidden name and is made durable; it is read back before it takes its name, and
only then the file that it was made of goes. Between these two both are there, and `packed_before` tells whose
lines are the same. Before a file is removed the hashes that other lines carry of it are kept.
"""

import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from refundsorter.core.chain import link, previous_of
from refundsorter.core.fault import PassingTrouble, Vanished
from refundsorter.core.journal_line import read_line
from refundsorter.edges import anchors
from refundsorter.edges.filesystem import FileSystem, identity_of, is_still, lies
from refundsorter.edges.journal_files import DAMAGE, PACKED, unpacked_lines_of
from refundsorter.edges.journal_history import History

GZIP = 31  # zlib's word for gzip's format with the largest window
HIDDEN, PARTIAL = ".", ".part"
MODE = 0o640  # as the journal's files


class Packer:
    """Compresses and removes files of the journal; one at a time does so.

    Args:
        folder: The journal's.
        files: The system calls.
    """

    def __init__(self, folder: str, files: FileSystem) -> None:
        self._folder = folder
        self._files = files
        self._history = History(folder, files)

    def clear(self) -> None:
        """Remove what an earlier try that was cut short has left half-written."""
        for name in self._files.names(self._folder):
            if name.startswith(HIDDEN) and name.endswith(PACKED + PARTIAL):
                with suppress(Vanished):
                    self._files.unlink(os.path.join(self._folder, name))

    def pack(self, day: str) -> int:
        """Put a compressed file in the place of a day's file; by how many bytes what lies there is smaller.

        Lines that were written after an earlier file of that day was compressed come behind its own.

        Raises:
            PassingTrouble: The disk does not allow it now, what was written reads back as something else, or
                the file was written to meanwhile: it is left as it is.
            Vanished: The file is gone.
        """
        plain = self._history.path(day)
        packed, partial = plain + PACKED, os.path.join(self._folder, f"{HIDDEN}{day}.jsonl{PACKED}{PARTIAL}")
        found = self._files.lstat(plain)
        before = found.st_size + (self._files.lstat(packed).st_size if lies(self._files, packed) else 0)
        try:
            digest = self._write(partial, self._lines(day), mtime_ns=found.st_mtime_ns)
            self._require_same(partial, digest)
            self._require_still(plain, found)
        except BaseException:
            with suppress(PassingTrouble, Vanished):
                self._files.unlink(partial)
            raise
        self._files.replace(partial, packed)
        self._files.fsync_folder(self._folder)
        self._require_still(plain, found)
        self._files.unlink(plain)
        self._files.fsync_folder(self._folder)
        return before - self._files.lstat(packed).st_size

    def remove(self, name: str) -> int:
        """Remove a file, keeping what the chain needs of it; how many bytes it had.

        Raises:
            AnchorsDamaged: What was kept of others cannot be read.
            PassingTrouble: The disk does not allow it now, or the file is damaged.
            Vanished: It is gone.
        """
        path, folder = self._history.place(name), Path(self._folder)
        found = self._files.lstat(path)
        tips, highest_id = self._ends(name)
        anchors.keep(folder, anchors.read(folder).beside(name, tips, highest_id), self._files)
        self._require_still(path, found)
        self._files.unlink(path)
        self._files.fsync_folder(self._folder)
        return found.st_size

    def _lines(self, day: str) -> Iterator[bytes]:
        """The lines of a day: those that are compressed already, and what came behind them."""
        name = f"{day}.jsonl"
        packed = set[str]()
        if lies(self._files, self._history.place(name + PACKED)):
            for line in self._whole(name + PACKED):
                packed.add(link(line))
                yield line
        for line in self._whole(name):
            if link(line) not in packed:
                yield line

    def _whole(self, name: str) -> Iterator[bytes]:
        for line in self._history.lines(name):
            if line == DAMAGE or not line.endswith(b"\n"):
                raise PassingTrouble(
                    f"{self._history.place(name)!r} is damaged, and left as it is; "
                    "`refundsorter journal verify` says where"
                )
            yield line

    def _ends(self, name: str) -> tuple[tuple[str, ...], int]:
        """The hashes by which the chain leaves a file, and the highest number of a photo that it names.

        It leaves a file once, at its end; more often only where a clock was set back meanwhile.
        """
        tips: list[str] = []
        last, highest_id = "", 0
        for line in self._whole(name):
            carried, found = previous_of(line), read_line(line).id
            if last and carried not in (None, last):
                tips.append(last)
            last = link(line)
            highest_id = max(highest_id, found)
        return (*tips, last) if last else (), highest_id

    def _write(self, path: str, lines: Iterator[bytes], *, mtime_ns: int) -> bytes:
        """Write lines to a new compressed file, durably; their digest."""
        digest, packer = hashlib.sha256(), zlib.compressobj(wbits=GZIP)
        with suppress(Vanished):
            self._files.unlink(path)
        descriptor = self._files.create(path, MODE)
        try:
            for line in lines:
                digest.update(line)
                if chunk := packer.compress(line):
                    self._files.write(descriptor, chunk, path)
            self._files.write(descriptor, packer.flush(), path)
            self._files.set_mtime(descriptor, mtime_ns, path)
            self._files.fsync(descriptor, path)
        finally:
            os.close(descriptor)
        return digest.digest()

    def _require_same(self, path: str, wanted: bytes) -> None:
        """Read a compressed file back."""
        digest = hashlib.sha256()
        descriptor = self._files.open_photo(path)
        try:
            for line in unpacked_lines_of(self._files, descriptor, path):
                digest.update(line)
        finally:
            os.close(descriptor)
        if digest.digest() != wanted:
            raise PassingTrouble(f"{path!r} reads back as something else; is the disk failing?")

    def _require_still(self, path: str, found: os.stat_result) -> None:
        """Take nothing away that was written to: a clock may have been set back to that day."""
        if not is_still(self._files, path, identity_of(found)):
            raise PassingTrouble(f"{path!r} was written to meanwhile; it is left as it is")
