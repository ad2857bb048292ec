"""The journal's files: one whole line for each outcome, whatever befell them."""

import errno
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from disks import fill, small_disk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stages import chained, record

from refundsorter.core.chain import GENESIS, Break, Chain, Place, link
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.record import Checkpoint, Record
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.journal import Journal

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
DAY_S = 86_400.0
RECORDS = [record(number) for number in range(1, 6)]
LINES = chained(RECORDS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The journal's folder."""
    path = tmp_path / "_journal"
    path.mkdir()
    return path


def journal(folder: Path, before: Callable[[str, str], None] | None = None) -> Journal:
    """The journal, with somebody who may step in before each call."""
    return Journal(str(folder), FileSystem(before) if before else FileSystem())


def written(folder: Path, day: str = DAY) -> bytes:
    """What a day's file holds."""
    return (folder / f"{day}.jsonl").read_bytes()


def lines_of(records: Sequence[Record], previous: str = GENESIS) -> bytes:
    """What the file should hold."""
    return b"".join(chained(records, previous))


def end_of(records: Sequence[Record], *, day: str = DAY, behind: Sequence[Record] = ()) -> Checkpoint:
    """The checkpoint behind these, which the file of a day holds alone, written behind those of another."""
    lines = chained([*behind, *records])
    return Checkpoint(
        day=day, offset=len(b"".join(lines[len(behind) :])), tip=link(lines[-1]) if lines else None
    )


def breaks(folder: Path) -> list[Break]:
    """Where the chain of a journal is broken."""
    chain = Chain()
    for path in sorted(folder.iterdir()):
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
            chain.feed(Place(path.stem, number), line)
    return chain.breaks()


def ids(folder: Path, day: str = DAY) -> list[int]:
    """The ids in a day's file, each of whose lines must be whole."""
    raw = written(folder, day)
    assert raw.endswith(b"\n") or not raw
    return [json.loads(line)["id"] for line in raw.split(b"\n")[:-1]]


class TestAppend:
    """Lines that are written as photos are filed."""

    def test_a_batch_is_appended(self, folder: Path) -> None:
        """Lines stand in the file in order, and the checkpoint is its end."""
        one = journal(folder)
        assert one.append(RECORDS[:2]) == end_of(RECORDS[:2])
        assert one.append(RECORDS[2:]) == end_of(RECORDS)
        assert written(folder) == lines_of(RECORDS)

    def test_nothing_is_no_file(self, folder: Path) -> None:
        """An empty batch leaves no trace."""
        assert journal(folder).append([]) is None
        assert list(folder.iterdir()) == []

    def test_a_new_day_is_a_new_file(self, folder: Path) -> None:
        """A batch over midnight is divided by the UTC dates of its lines."""
        late = [replace(one, time=one.time + DAY_S) for one in RECORDS[3:]]
        assert journal(folder).append([*RECORDS[:3], *late]) == end_of(late, day=NEXT_DAY, behind=RECORDS[:3])
        assert (ids(folder), ids(folder, NEXT_DAY)) == ([1, 2, 3], [4, 5])

    def test_a_batch_is_durable(self, folder: Path) -> None:
        """The file is made durable after its lines, and a new file's entry too."""
        deeds: list[tuple[str, str]] = []
        one = journal(folder, lambda name, path: deeds.append((name, Path(path).name)))
        one.append(RECORDS[:1])
        one.append(RECORDS[1:])
        durable = [deed for deed in deeds if deed[0] in ("write", "fsync")]
        file = f"{DAY}.jsonl"
        assert durable == [
            ("fsync", "_journal"),
            ("write", file),
            ("fsync", file),
            ("write", file),
            ("fsync", file),
        ]

    def test_a_missing_folder_is_passing_trouble(self, folder: Path) -> None:
        """Where the folder is gone the shelf is not mounted: no line is written out of sight."""
        folder.rmdir()
        with pytest.raises(PassingTrouble):
            journal(folder).append(RECORDS)
        assert not folder.exists()

    def test_a_folder_that_is_removed_meanwhile_is_passing_trouble(self, folder: Path) -> None:
        """The folder may go away between two calls."""
        one = journal(folder)
        one.append(RECORDS[:1])
        (folder / f"{DAY}.jsonl").unlink()
        folder.rmdir()
        with pytest.raises(PassingTrouble):
            one.append(RECORDS[1:])
        with pytest.raises(PassingTrouble):
            one.settle(RECORDS[1:], None)

    @pytest.mark.parametrize("operation", ["open", "fstat", "write", "fsync"])
    def test_trouble_is_passed_on(self, folder: Path, operation: str) -> None:
        """A disk that fails at any step says so, and settling makes it good."""
        left = [True]

        def fail(name: str, _path: str) -> None:
            if name == operation and left:
                left.pop()
                raise OSError(errno.EIO, "the disk fails")

        one = journal(folder, fail)
        with pytest.raises(PassingTrouble):
            one.append(RECORDS)
        assert one.settle(RECORDS, None) == end_of(RECORDS)
        assert written(folder) == lines_of(RECORDS)


class TestSettle:
    """What a crash, a power loss or a full disk left is mended."""

    def test_nothing_to_do_changes_nothing(self, folder: Path) -> None:
        """Without unmarked outcomes the checkpoint stays and no file is touched."""
        checkpoint = Checkpoint(day=DAY, offset=7, tip=None)
        assert journal(folder).settle([], checkpoint) == checkpoint
        assert list(folder.iterdir()) == []

    @pytest.mark.parametrize("marked", [0, 2, 5])
    @pytest.mark.parametrize("reached", [0, 2, 3, 5])
    def test_missing_lines_are_appended(self, folder: Path, marked: int, reached: int) -> None:
        """However many lines had been marked and written, each stands there once in the end."""
        one = journal(folder)
        checkpoint = one.append(RECORDS[:marked])
        one.append(RECORDS[marked : max(marked, reached)])
        found = one.settle(RECORDS[marked:], checkpoint)
        assert written(folder) == lines_of(RECORDS)
        assert found == end_of(RECORDS)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    @given(marked=st.integers(0, 4), data=st.data())
    def test_a_torn_line_is_cut_off(self, folder: Path, marked: int, data: st.DataObject) -> None:
        """Wherever a write was torn, the rest of its line goes and the line is written again."""
        whole = lines_of(RECORDS)
        offset = len(lines_of(RECORDS[:marked]))
        torn = data.draw(st.integers(offset, len(whole)))
        (folder / f"{DAY}.jsonl").write_bytes(whole[:torn])
        checkpoint = end_of(RECORDS[:marked]) if marked else None
        journal(folder).settle(RECORDS[marked:], checkpoint)
        assert written(folder) == whole

    def test_a_hole_in_a_day_without_a_checkpoint_is_cut_off(self, folder: Path) -> None:
        """A hole in the first batch of a day goes too: what lies after it is still to be marked."""
        torn = LINES[0] + b"\0" * 700 + b"\n" + LINES[3]
        (folder / f"{DAY}.jsonl").write_bytes(torn)
        journal(folder).settle(RECORDS, None)
        assert written(folder) == lines_of(RECORDS)

    def test_a_hole_beyond_the_checkpoint_is_cut_off(self, folder: Path) -> None:
        """After a power loss zeros may stand before later lines; all of that is written again."""
        one = journal(folder)
        checkpoint = one.append(RECORDS[:2])
        with (folder / f"{DAY}.jsonl").open("ab") as out:
            out.write(b"\0" * 700 + b"\n" + LINES[3])
        one.settle(RECORDS[2:], checkpoint)
        assert written(folder) == lines_of(RECORDS)

    def test_marked_lines_after_damage_stay(self, folder: Path) -> None:
        """Without a checkpoint to tell, a damaged line in the middle costs no whole line after it."""
        damaged = LINES[0] + b"\0\0\0\n" + LINES[1]
        (folder / f"{DAY}.jsonl").write_bytes(damaged + b'{"torn')
        journal(folder).settle(RECORDS[2:], None)
        assert written(folder) == damaged + lines_of(RECORDS[2:], link(LINES[1]))

    def test_an_offset_beyond_the_end_is_not_believed(self, folder: Path) -> None:
        """A file that is shorter than the ledger remembers is read from its beginning."""
        (folder / f"{DAY}.jsonl").write_bytes(lines_of(RECORDS[:3]) + b"{")
        journal(folder).settle(RECORDS[2:], Checkpoint(day=DAY, offset=10**6, tip=None))
        assert written(folder) == lines_of(RECORDS)

    def test_an_offset_within_a_line_is_not_believed(self, folder: Path) -> None:
        """Where somebody has edited the file, no line is cut because the offset no longer fits."""
        (folder / f"{DAY}.jsonl").write_bytes(lines_of(RECORDS[:3]))
        offset = len(lines_of(RECORDS[:1])) + 5
        journal(folder).settle(RECORDS[3:], Checkpoint(day=DAY, offset=offset, tip=None))
        assert written(folder) == lines_of(RECORDS)

    def test_a_file_that_is_gone_is_begun_anew(self, folder: Path) -> None:
        """Where the day's file was deleted, what is unmarked stands in a new one, chained to what is gone."""
        journal(folder).settle(RECORDS[2:], Checkpoint(day=DAY, offset=500, tip=link(LINES[1])))
        assert written(folder) == lines_of(RECORDS[2:], link(LINES[1]))

    def test_each_day_is_settled(self, folder: Path) -> None:
        """Outcomes of several days are looked for, and appended, each in its own file."""
        late = [replace(one, id=one.id + 10, time=one.time + DAY_S) for one in RECORDS]
        one = journal(folder)
        checkpoint = one.append(RECORDS[:2])
        one.append([RECORDS[2], *late[:3]])
        found = one.settle([*RECORDS[2:], *late], checkpoint)
        assert (ids(folder), ids(folder, NEXT_DAY)) == ([1, 2, 3, 4, 5], [11, 12, 13, 14, 15])
        assert breaks(folder) == []
        last = written(folder, NEXT_DAY).splitlines(keepends=True)[-1]
        size = len(written(folder, NEXT_DAY))
        assert found == Checkpoint(day=NEXT_DAY, offset=size, tip=link(last))

    def test_a_clock_that_was_set_back_doubles_nothing(self, folder: Path) -> None:
        """Lines of an earlier day than the checkpoint's are looked for from the beginning of their file."""
        late = [replace(one, id=one.id + 10, time=one.time + DAY_S) for one in RECORDS]
        one = journal(folder)
        one.append(RECORDS[:3])
        checkpoint = one.append(late)
        one.append(RECORDS[3:4])
        one.settle(RECORDS[3:], checkpoint)
        assert ids(folder) == [1, 2, 3, 4, 5]
        assert breaks(folder) == []

    @pytest.mark.parametrize("first", [0, 1, 3])
    def test_settling_in_chunks_doubles_nothing(self, folder: Path, first: int) -> None:
        """Lines that were written but belong to a later chunk of outcomes are come upon again."""
        one = journal(folder)
        checkpoint = one.append(RECORDS[:first])
        one.append(RECORDS[first + 1 :])  # the rest but one, which a repair finished before them
        unmarked = list(RECORDS[first:])
        while unmarked:
            chunk, unmarked = unmarked[:1], unmarked[1:]
            checkpoint = one.settle(chunk, checkpoint)
        assert sorted(ids(folder)) == [1, 2, 3, 4, 5]
        assert len(ids(folder)) == 5
        assert breaks(folder) == []

    def test_settling_twice_is_settling_once(self, folder: Path) -> None:
        """A repair that is itself cut short before the ledger knows of it is simply done again."""
        one = journal(folder)
        checkpoint = one.append(RECORDS[:1])
        for _ in range(3):
            one.settle(RECORDS[1:], checkpoint)
        assert written(folder) == lines_of(RECORDS)

    def test_a_short_write_is_made_good(self, folder: Path) -> None:
        """On a disk that fills up in the middle of a line, the line stands there once in the end."""
        with small_disk(folder.parent / "disk", size="64k") as disk:
            one = journal(disk)
            checkpoint = one.append(RECORDS[:2])
            filler = fill(disk)
            many = [record(number, source=f"/inbox/{'x' * 200}") for number in range(3, 40)]
            with pytest.raises(PassingTrouble, match="No space left"):
                one.append(many)
            assert not written(disk).endswith(b"\n")
            with pytest.raises(PassingTrouble, match="No space left"):
                one.settle(many, checkpoint)
            filler.unlink()
            one.settle(many, checkpoint)
            assert written(disk) == lines_of([*RECORDS[:2], *many])

    def test_no_descriptor_is_left_open(self, folder: Path) -> None:
        """Files are closed after every call."""
        one = journal(folder)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(10):
            one.settle(RECORDS, one.append(RECORDS))
        assert len(os.listdir("/proc/self/fd")) == before
