"""The journal: `_journal/YYYY-MM-DD.jsonl` by UTC date, appended to and made durable a batch at a time.

It is a projection of the ledger. The ledger marks a line as written only after its bytes are durable, so what
is unmarked is at most the tail of the files; `settle` cuts a torn line off that tail and appends what it
lacks. Whole lines are never rewritten. Somebody else may have cut or edited a file all the same: no line is
appended behind a torn end, and `look_over` tells which marked lines are there still. The journal never makes
its folder: where that is missing, the shelf is not mounted, and a line written there would be out of sight.
"""

import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from refundsorter.core.fault import PassingTrouble, Vanished
from refundsorter.core.record import Checkpoint, Entry, Key, key_of
from refundsorter.edges.filesystem import FileSystem

READ_BYTES = 1 << 20


class Journal:
    """The only writer of the journal's files."""

    def __init__(self, folder: str, files: FileSystem) -> None:
        self._folder = folder
        self._files = files
        self._end: Checkpoint | None = None  # where this process left off; None where `settle` is to come

    def append(self, records: Sequence[Entry]) -> Checkpoint | None:
        """Append a batch, durable when it returns; None for an empty one.

        Raises:
            PassingTrouble: Some lines may be there, the last perhaps torn: `look_over` and `settle` before
                the next append. So too where the file is not as it was left.
        """
        checkpoint = None
        for day, group in groupby(records, key=lambda record: record.day):
            checkpoint = self._append(day, b"".join(record.line() for record in group))
        return checkpoint

    def settle(self, unmarked: Sequence[Entry], checkpoint: Checkpoint | None) -> Checkpoint | None:
        """Make the files hold exactly one line for each of the outcomes that the ledger has not marked.

        Args:
            unmarked: Every one whose line is not known to be durable.
            checkpoint: The last one that the ledger holds.

        Returns:
            The new checkpoint; the old one if there was nothing to do.

        Raises:
            PassingTrouble: To be called again later.
        """
        self._end = None  # it may lie beyond what is left of the file
        written: set[Key] = set()
        starts: dict[str, int] = {}
        days = sorted({record.day for record in unmarked})
        asked = {record.key for record in unmarked}
        for day in days:
            known = checkpoint is not None and checkpoint.day == day
            starts[day], keys = self._mend(day, checkpoint.offset if known and checkpoint else 0, asked)
            written |= keys
        for day in days:
            missing = [one for one in unmarked if one.day == day and one.key not in written]
            checkpoint = self._append(day, b"".join(record.line() for record in missing))
        if checkpoint and written - asked:
            # Lines of outcomes that are not asked for yet lie there: the next call must come upon them again.
            checkpoint = Checkpoint(day=checkpoint.day, offset=starts[checkpoint.day])
        return checkpoint

    def look_over(self, checkpoint: Checkpoint) -> set[Key] | None:
        """Hold the file of a checkpoint against it.

        Returns:
            None where its lines end where the checkpoint says. Otherwise somebody else has cut or edited it,
            or put an older one in its place, and these are the keys of the whole lines that it holds. A file
            that is gone or empty was put away: its lines are not asked for.

        Raises:
            PassingTrouble: It cannot be read now.
        """
        path = self._path(checkpoint.day)
        try:
            descriptor = self._files.open_photo(path)
            try:
                found = self._files.fstat(descriptor, path)
                if not (stat.S_ISREG(found.st_mode) and found.st_size):
                    return None
                if self._line_start(descriptor, checkpoint.offset, path) == checkpoint.offset:
                    return None
                os.lseek(descriptor, 0, os.SEEK_SET)
                keys = map(_key_of, lines_of(self._files, descriptor, path))
                return {key for key in keys if key is not None}
            finally:
                self._files.close(descriptor, path)
        except Vanished:
            return None

    def _append(self, day: str, lines: bytes) -> Checkpoint:
        path = self._path(day)
        with self._opened(path) as descriptor:
            if size := self._files.fstat(descriptor, path).st_size:
                self._require_whole(descriptor, day, size)
            else:
                self._files.fsync_folder(self._folder)  # the file is new: its entry must last too
            self._files.write(descriptor, lines, path)
            self._files.fsync(descriptor, path)
            self._end = Checkpoint(day=day, offset=self._files.fstat(descriptor, path).st_size)
            return self._end

    def _require_whole(self, descriptor: int, day: str, size: int) -> None:
        """Append nothing to what somebody else has cut or torn: it would be glued to the rest of a line."""
        path = self._path(day)
        left_off = self._end.offset if self._end is not None and self._end.day == day else 0
        if size < left_off or self._line_start(descriptor, size, path) != size:
            raise PassingTrouble(f"{path!r} was cut or edited by somebody else; it is looked over")

    def _mend(self, day: str, offset: int, unmarked: set[Key]) -> tuple[int, set[Key]]:
        """Cut the day's file off at the first damage behind which no marked line lies.

        A torn end is such damage, and so is the hole before later lines that a power loss can leave: those
        are written again. Marked lines never are, so damage before one, which somebody else has done, stays;
        beyond a checkpoint there is none.

        Returns:
            From where the file was read, and the keys of the whole lines from there on. That is `offset`, or
            0 where no line begins at `offset` because somebody else has written to the file.
        """
        path = self._path(day)
        if not self._exists(path):
            return 0, set()
        with self._opened(path) as descriptor:
            size = self._files.fstat(descriptor, path).st_size
            start = self._line_start(descriptor, offset, path)
            os.lseek(descriptor, start, os.SEEK_SET)
            kept, behind_damage = set[Key](), set[Key]()
            whole = position = start
            is_damaged = False
            for line in lines_of(self._files, descriptor, path):
                position += len(line)
                key = _key_of(line)
                if key is None:
                    is_damaged = True
                    continue
                behind_damage.add(key)
                if not is_damaged or not (start or key in unmarked):
                    kept |= behind_damage
                    behind_damage.clear()
                    whole, is_damaged = position, False
            if whole < size:
                self._files.truncate(descriptor, whole, path)
                self._files.fsync(descriptor, path)
            return start, kept

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        try:
            descriptor = self._files.open_append(path)
            try:
                if not stat.S_ISREG(self._files.fstat(descriptor, path).st_mode):
                    raise PassingTrouble(f"{path!r} is no file that lines can be written to")
                yield descriptor
            finally:
                os.close(descriptor)
        except Vanished as error:
            raise PassingTrouble(f"the journal is out of reach: {error}") from error

    def _line_start(self, descriptor: int, offset: int, path: str) -> int:
        if offset == 0:
            return 0
        os.lseek(descriptor, offset - 1, os.SEEK_SET)
        return offset if self._files.read(descriptor, 1, path) == b"\n" else 0

    def _exists(self, path: str) -> bool:
        try:
            self._files.lstat(path)
        except Vanished:
            return False
        return True

    def _path(self, day: str) -> str:
        return os.path.join(self._folder, f"{day}.jsonl")


def lines_of(files: FileSystem, descriptor: int, path: str) -> Iterator[bytes]:
    """The lines of an open file from here on, each with its line feed; the last may lack it."""
    rest = b""
    while chunk := files.read(descriptor, READ_BYTES, path):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest


def _key_of(line: bytes) -> Key | None:
    """The key of a whole line; None for a torn or damaged one."""
    if not line.endswith(b"\n"):
        return None
    try:
        return key_of(json.loads(line))
    except ValueError:
        return None
