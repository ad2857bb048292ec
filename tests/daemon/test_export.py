"""`refundsorter export` as programs and spreadsheets meet it, on photos that were really swept."""

import csv
import io
import json
import os
import stat
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from histories import DAY_S, START, ZONE, Past, enter, ledger_of
from journal_page import tables
from support import Shop, make_shop, photo
from workbench import AT_ONCE, opened, sort_all

from refundsorter import settings as configuration
from refundsorter.core.image import State
from refundsorter.core.table import FORMULA, Form
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.growing import FileRefused, grown
from refundsorter.edges.ledger_export import PAGE, LedgerExport, Selection
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.ledger_schema import FILE
from refundsorter.exits import ExitCode
from refundsorter.export import COLUMNS, export

NAMES = ("=1+1.png", "a;=cmd.png", 'quote".png', "line\nbreak.png", os.fsdecode(b"caf\xe9.png"))
HAS_PYARROW = find_spec("pyarrow") is not None


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop that has swept photos with hostile names, and rejected one."""
    shop = make_shop(tmp_path_factory.mktemp("export"))
    shop.config.write_text(AT_ONCE)
    for number, name in enumerate(NAMES):
        shop.drop(name, photo("green", form="PNG", seed=number + 1))
    shop.drop("torn.png", photo("red", form="PNG")[:60])
    with opened(shop) as workshop:
        sort_all(workshop)
    return shop


def lines(shop: Shop) -> list[dict[str, Any]]:
    """The journal's lines, without what only the file's chain needs."""
    return [{name: one[name] for name in COLUMNS} for one in shop.lines()]


def test_the_columns_are_those_of_the_journal(shop: Shop) -> None:
    """In the order of the document and of the lines; only the chain's hash is left out."""
    documented = [name for name, _ in tables()[0]]
    assert [*COLUMNS, "previous"] == documented == list(shop.lines()[0])


def test_json_lines_are_those_of_the_journal(shop: Shop) -> None:
    """Field by field, names that are no UTF-8 included, and by the filters that are given."""
    told = shop.run("export", "--format", "jsonl").stdout
    assert [json.loads(line) for line in told.split("\n")[:-1]] == lines(shop)
    for arguments, fits in (
        (("--state", "rejected"), lambda one: one["state"] == "rejected"),
        (("--category", "COLD"), lambda one: one["category"] == "COLD"),
        (("--category", "WARM"), lambda _: False),
        (("--since", "2999-01-01"), lambda _: False),
        (("--until", "2001-01-01"), lambda _: False),
    ):
        told = shop.run("export", "--format", "jsonl", *arguments).stdout
        assert [json.loads(line) for line in told.split("\n")[:-1]] == [
            one for one in lines(shop) if fits(one)
        ]


def test_a_spreadsheet_finds_no_formula(shop: Shop, tmp_path: Path) -> None:
    """A line a photo, each value in its column, and no text that would be carried out."""
    file = tmp_path / "photos.csv"
    told = shop.run("export", "--format", "csv", "--out", str(file)).stdout
    assert told == f"Photos written: {len(NAMES) + 1}, to {file}\n"
    heading, *found = csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline=""), strict=True)
    assert tuple(heading) == COLUMNS
    assert [one for row in found for one in row if one[:1] in tuple(FORMULA)] == []
    by_name = {row[COLUMNS.index("file")]: dict(zip(COLUMNS, row, strict=True)) for row in found}
    assert by_name.keys() == {
        "'=1+1.png", "a;'=cmd.png", 'quote".png', "line\\nbreak.png", "caf\\xe9.png", "torn.png",
    }  # fmt: skip
    assert by_name["torn.png"]["category"] == ""
    one = next(line for line in lines(shop) if line["file"] == "=1+1.png")
    assert json.loads(by_name["'=1+1.png"]["top_predictions"]) == one["top_predictions"]
    assert float(by_name["'=1+1.png"]["confidence"]) == one["confidence"]


@pytest.mark.skipif(not HAS_PYARROW, reason="pyarrow is not installed: pip install 'refundsorter[parquet]'")
def test_parquet_holds_the_same(shop: Shop, tmp_path: Path) -> None:
    """With types: numbers, times, and a list of predictions; a name that is no UTF-8 stands with escapes."""
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    file = tmp_path / "photos.parquet"
    shop.run("export", "--format", "parquet", "--out", str(file))
    table = parquet.read_table(file)
    assert tuple(table.column_names) == COLUMNS
    for row, line in zip(table.to_pylist(), lines(shop), strict=True):
        time = row.pop("time").isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert time == line["time"]
        same = COLUMNS if line["file"] in NAMES[:3] else ("id", "confidence", "top_predictions", "bytes")
        assert {name: row[name] for name in same if name != "time"} == {
            name: line[name] for name in same if name != "time"
        }


@pytest.mark.skipif(HAS_PYARROW, reason="pyarrow is installed")
def test_without_pyarrow_it_is_told_what_to_install(shop: Shop, tmp_path: Path) -> None:
    """Before anything is written."""
    found = shop.run("export", "--format", "parquet", "--out", str(tmp_path / "x"), check=False)
    assert (found.returncode, "refundsorter[parquet]" in found.stderr) == (ExitCode.CONFIGURATION, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_left_alone(shop: Shop, tmp_path: Path) -> None:
    """Unless `--force` is given; and none is begun where its folder is missing."""
    file = tmp_path / "photos.jsonl"
    file.write_text("mine")
    refused = shop.run("export", "--format", "jsonl", "--out", str(file), check=False)
    assert (refused.returncode, "--force" in refused.stderr) == (ExitCode.FAILED, True)
    assert file.read_text() == "mine"
    shop.run("export", "--format", "jsonl", "--out", str(file), "--force")
    assert len(file.read_text().splitlines()) == len(lines(shop))
    nowhere = shop.run("export", "--format", "jsonl", "--out", str(tmp_path / "no" / "x"), check=False)
    assert "make it first" in nowhere.stderr
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    """Until then it is hidden; an error leaves nothing, and a name taken meanwhile is not replaced."""
    file, taken = tmp_path / "photos.csv", tmp_path / "new.csv"
    with grown(file, FileSystem(), replace=False) as growing:
        growing.write(b"half")
        assert [path.name[0] for path in tmp_path.iterdir()] == ["."]
    assert file.read_bytes() == b"half"
    assert stat.S_ISREG(file.stat().st_mode)
    with pytest.raises(ZeroDivisionError):
        write_other(file, lambda: 1 / 0)
    with pytest.raises(FileRefused, match="--force"):
        write_other(taken, lambda: taken.write_text("mine"))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "photos.csv": "half",
        "new.csv": "mine",
    }


def write_other(file: Path, meanwhile: Callable[[], object]) -> None:
    """Write a file over which something happens."""
    with grown(file, FileSystem(), replace=file.exists()) as growing:
        growing.write(b"other")
        meanwhile()


def test_every_page_is_gone_through_once(tmp_path: Path) -> None:
    """In the order of filing, many photos of one moment included, and what is filed meanwhile left out."""
    shop = make_shop(tmp_path, ZONE)
    count = PAGE + 3
    with ledger_of(shop) as ledger:
        enter(ledger, [Past(float(number // 700)) for number in range(count)])
        reader = Reader(str(shop.state / FILE))
        wanted = Selection(since=0.0, until=START + DAY_S, category=None, state=State.SORTED)
        records = LedgerExport(reader).records(wanted)
        first = next(records)
        enter(ledger, [Past(2 * DAY_S)], name="later")
        found = [first, *records]
    assert sorted(one.id for one in found) == list(range(1, count + 1))
    assert [one.time for one in found] == sorted(one.time for one in found)
    reader.close()


def test_progress_is_told(shop: Shop) -> None:
    """Of every thousand photos; of few there is none to tell."""
    settings = configuration.load(shop.config, environment={}, overrides={})
    wanted = Selection(since=0.0, until=1e12, category=None, state=None)
    told: list[tuple[int, int]] = []
    out = io.BytesIO()
    assert export(settings, wanted, Form.JSONL, out, lambda *one: told.append(one)) == len(NAMES) + 1
    assert told == []
    assert out.getvalue().count(b"\n") == len(NAMES) + 1
