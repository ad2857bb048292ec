"""The journal: `_journal/YYYY-MM-DD.jsonl` by UTC date, appended to and made durable a batch at a time.

It is a projection of the ledger. The ledger marks a line as written only after its bytes are durable, so what
is unmarked is at most the tail of the files; `settle` cuts a torn line off that tail and appends what it
lacks. Whole lines are never rewritten.
"""

import json
import os
from collections.abc import Iterator, Sequence
from itertools import groupby

from refundsorter.core.fault import PassingTrouble, Vanished
from refundsorter.core.record import Checkpoint, Record
from refundsorter.edges.filesystem import FileSystem

READ_BYTES = 1 << 20


class Journal:
    """The only writer of the journal's files."""

    def __init__(self, folder: str, files: FileSystem) -> None:
        self._folder = folder
        self._files = files

    def append(self, records: Sequence[Record]) -> Checkpoint | None:
        """Append a batch, durable when it returns; None for an empty one.

        Raises:
            PassingTrouble: Some lines may be there, the last perhaps torn: `settle` before the next append.
        """
        checkpoint = None
        for day, group in groupby(records, key=lambda record: record.day):
            checkpoint = self._append(day, b"".join(record.line() for record in group))
        return checkpoint

    def settle(self, unmarked: Sequence[Record], checkpoint: Checkpoint | None) -> Checkpoint | None:
        """Make the files hold exactly one line for each of the records that the ledger has not marked.

        Args:
            unmarked: Every outcome whose line is not known to be durable.
            checkpoint: The last one that the ledger holds.

        Returns:
            The new checkpoint; the old one if there was nothing to do.

        Raises:
            PassingTrouble: To be called again later.
        """
        written: set[int] = set()
        for day in sorted({record.day for record in unmarked}):
            known = checkpoint is not None and checkpoint.day == day
            written |= self._mend(day, checkpoint.offset if known and checkpoint else 0)
        missing = [record for record in unmarked if record.id not in written]
        for day in sorted({record.day for record in unmarked}):
            lines = b"".join(record.line() for record in missing if record.day == day)
            checkpoint = self._append(day, lines)
        return checkpoint

    def _append(self, day: str, lines: bytes) -> Checkpoint:
        path = self._path(day)
        if not self._exists(path):
            self._make(path)
        descriptor = self._files.open_append(path)
        try:
            self._files.write(descriptor, lines, path)
            self._files.fsync(descriptor, path)
            return Checkpoint(day=day, offset=self._files.fstat(descriptor, path).st_size)
        except Vanished as error:
            raise PassingTrouble(f"the journal's folder is gone: {error}") from error
        finally:
            os.close(descriptor)

    def _make(self, path: str) -> None:
        """Make the day's file with its entry durable."""
        for folder in (os.path.dirname(self._folder), self._folder):
            if self._files.make_folder(folder):
                self._files.fsync_folder(os.path.dirname(folder))
        os.close(self._files.open_append(path))
        self._files.fsync_folder(self._folder)

    def _mend(self, day: str, offset: int) -> set[int]:
        """Cut a torn end off the day's file; the ids of the whole lines from `offset` on.

        Beyond a checkpoint nothing is marked in the ledger, so there the cut is made at the first damage
        (a power loss can leave a hole before later lines). Elsewhere only what follows the last whole line
        goes: marked lines are never written again.
        """
        path = self._path(day)
        if not self._exists(path):
            return set()
        descriptor = self._files.open_append(path)
        try:
            size = self._files.fstat(descriptor, path).st_size
            start = offset if offset <= size else 0
            os.lseek(descriptor, start, os.SEEK_SET)
            ids: set[int] = set()
            whole = position = start
            for line in self._lines(descriptor, path):
                position += len(line)
                image_id = _id_of(line)
                if image_id is not None:
                    ids.add(image_id)
                    whole = position
                elif start:
                    break
            if whole < size:
                self._files.truncate(descriptor, whole, path)
                self._files.fsync(descriptor, path)
            return ids
        finally:
            os.close(descriptor)

    def _lines(self, descriptor: int, path: str) -> Iterator[bytes]:
        """The lines from here on, each with its line feed; the last may lack it."""
        rest = b""
        while chunk := self._files.read(descriptor, READ_BYTES, path):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line + b"\n" for line in lines)
        if rest:
            yield rest

    def _exists(self, path: str) -> bool:
        try:
            self._files.lstat(path)
        except Vanished:
            return False
        return True

    def _path(self, day: str) -> str:
        return os.path.join(self._folder, f"{day}.jsonl")


def _id_of(line: bytes) -> int | None:
    """The id on a whole line; None for a torn or damaged one."""
    if not line.endswith(b"\n"):
        return None
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    image_id = fields.get("id") if isinstance(fields, dict) else None
    return image_id if isinstance(image_id, int) else None
