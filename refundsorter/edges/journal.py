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
from collections import ChainMap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from refundsorter.core.chain import GENESIS, end_of, line_of, link, previous_of
from refundsorter.core.fault import PassingTrouble, Vanished
from refundsorter.core.record import Checkpoint, Entry, Key, key_of
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal_files import days_in, last_lines, lines_of


@dataclass(frozen=True, slots=True)
class _Tail:
    """The whole lines of a day's file from somewhere on."""

    start: int  # from where, bytes
    keys: set[Key]
    followers: dict[str, str]  # the hash of each, by the one that it carries

    def take(self, lines: Sequence[tuple[Key, bytes]]) -> None:
        """Add lines."""
        self.keys.update(key for key, _ in lines)
        self.followers.update((before, link(line)) for _, line in lines if (before := previous_of(line)))


class Journal:
    """The only writer of the journal's files."""

    def __init__(self, folder: str, files: FileSystem) -> None:
        self._folder = folder
        self._files = files
        self._end: Checkpoint | None = None  # where this process left off; None where `settle` is to come
        self._tip: str | None = None  # the hash of the line that was written last, likewise

    def append(self, records: Sequence[Entry]) -> Checkpoint | None:
        """Append a batch, durable when it returns; None for an empty one.

        Raises:
            PassingTrouble: Some lines may be there, the last perhaps torn: `look_over` and `settle` before
                the next append. So too where the file is not as it was left.
        """
        checkpoint = None
        for day, group in groupby(records, key=lambda record: record.day):
            checkpoint = self._append(day, list(group))
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
        self._end = self._tip = None  # they may lie beyond what is left of the file
        asked = {record.key for record in unmarked}
        days = sorted({record.day for record in unmarked})
        offsets = {checkpoint.day: checkpoint.offset} if checkpoint else {}
        tails = {day: self._mend(day, offsets.get(day, 0), asked) for day in days}
        written = set[Key]().union(*(tail.keys for tail in tails.values()))
        if checkpoint and checkpoint.tip:
            self._tip = end_of(checkpoint.tip, dict(ChainMap(*(tail.followers for tail in tails.values()))))
        for day in days:
            checkpoint = self._append(
                day, [one for one in unmarked if one.day == day and one.key not in written]
            )
        if checkpoint and written - asked:
            # Lines of outcomes that are not asked for yet lie there: the next call must come upon them again.
            checkpoint = Checkpoint(day=checkpoint.day, offset=tails[checkpoint.day].start, tip=None)
        return checkpoint

    def look_over(self, checkpoint: Checkpoint) -> set[Key] | None:
        """Hold the file of a checkpoint against it.

        Returns:
            None where its lines end where the checkpoint says. Otherwise somebody else has cut or edited it,
            or put an older one in its place, and these are the keys of the whole lines that it holds. A file
            that is gone or empty was put away: its lines are not asked for, and the chain goes on from them.

        Raises:
            PassingTrouble: It cannot be read now.
        """
        keys = self._held_beside(checkpoint)
        if keys is None and self._tip is None:
            self._tip = checkpoint.tip
        return keys

    def _held_beside(self, checkpoint: Checkpoint) -> set[Key] | None:
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

    def _append(self, day: str, entries: Sequence[Entry]) -> Checkpoint:
        path = self._path(day)
        with self._opened(path) as descriptor:
            if size := self._files.fstat(descriptor, path).st_size:
                self._require_whole(descriptor, day, size)
            else:
                self._files.fsync_folder(self._folder)  # the file is new: its entry must last too
            tip, self._tip = self._tip or self._newest_link(), None  # until these lines are durable
            lines: list[bytes] = []
            for entry in entries:
                lines.append(line_of(entry, tip))
                tip = link(lines[-1])
            self._files.write(descriptor, b"".join(lines), path)
            self._files.fsync(descriptor, path)
            offset = self._files.fstat(descriptor, path).st_size
            self._end, self._tip = Checkpoint(day=day, offset=offset, tip=tip), tip
            return self._end

    def _newest_link(self) -> str:
        """The hash of the last line of the newest file that has one."""
        for day in reversed(days_in(self._folder)):
            lines = [line for line in last_lines(self._files, self._path(day), 0) if line.endswith(b"\n")]
            if lines:
                return link(lines[-1])
        return GENESIS

    def _require_whole(self, descriptor: int, day: str, size: int) -> None:
        """Append nothing to what somebody else has cut or torn: it would be glued to the rest of a line."""
        path = self._path(day)
        left_off = self._end.offset if self._end is not None and self._end.day == day else 0
        if size < left_off or self._line_start(descriptor, size, path) != size:
            raise PassingTrouble(f"{path!r} was cut or edited by somebody else; it is looked over")

    def _mend(self, day: str, offset: int, unmarked: set[Key]) -> _Tail:
        """Cut the day's file off at the first damage behind which no marked line lies.

        A torn end is such damage, and so is the hole before later lines that a power loss can leave: those
        are written again. Marked lines never are, so damage before one, which somebody else has done, stays;
        beyond a checkpoint there is none.

        Returns:
            What is left, from `offset` on, or from 0 where no line begins at `offset` because somebody else
            has written to the file.
        """
        path = self._path(day)
        if not self._exists(path):
            return _Tail(0, set(), {})
        with self._opened(path) as descriptor:
            size = self._files.fstat(descriptor, path).st_size
            start = self._line_start(descriptor, offset, path)
            os.lseek(descriptor, start, os.SEEK_SET)
            kept = _Tail(start, set(), {})
            behind_damage: list[tuple[Key, bytes]] = []
            whole = position = start
            is_damaged = False
            for line in lines_of(self._files, descriptor, path):
                position += len(line)
                key = _key_of(line)
                if key is None:
                    is_damaged = True
                    continue
                behind_damage.append((key, line))
                if not is_damaged or not (start or key in unmarked):
                    kept.take(behind_damage)
                    behind_damage.clear()
                    whole, is_damaged = position, False
            if whole < size:
                self._files.truncate(descriptor, whole, path)
                self._files.fsync(descriptor, path)
            return kept

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


def _key_of(line: bytes) -> Key | None:
    """The key of a whole line; None for a torn or damaged one."""
    if not line.endswith(b"\n"):
        return None
    try:
        return key_of(json.loads(line))
    except ValueError:
        return None
