"""Tables as CSV (RFC 4180) that a spreadsheet opens without carrying out what stands in it.

A name that begins like a formula would be one to a spreadsheet; an apostrophe before it makes it text. UTF-8
with a mark at the beginning, by which spreadsheets know it.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from refundsorter.core.text import printable

MARK = "\ufeff".encode()
FORMULA = (
    "=+-@\t\r\n＝＋－＠"  # also as wide as East Asian letters, which some spreadsheets take for the same
)
# Where commas are decimal, cells are parted at semicolons, whatever the quotes say.
_PARTED = re.compile(r";(?=\s*[=+\-@＝＋－＠])")


class Form(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class _Echo:
    """A file that hands on what is written to it."""

    def write(self, line: str) -> str:
        """Give it back."""
        return line


def csv_rows(rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Each row as a line."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield MARK
    for row in rows:
        yield str(writer.writerow([cell(value) for value in row])).encode()


def cell(value: object) -> str:
    """A value as a cell has it; a list or a mapping is JSON, and nothing is an empty cell."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return _guarded(value)
        case _:
            return _guarded(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _guarded(text: str) -> str:
    r"""A text that is none but a text; what cannot be shown stands as an escape (`\n`, `\xff`)."""
    shown = _PARTED.sub(";'", printable(text))
    return f"'{shown}" if text[:1] and text[0] in FORMULA else shown
