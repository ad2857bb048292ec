"""Filed photos for other programs: the columns of the journal, as CSV, JSON lines or Parquet."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import BinaryIO

from refundsorter.core.record import Record, json_line
from refundsorter.core.table import Form, csv_rows
from refundsorter.drift import NothingSorted
from refundsorter.edges import parquet
from refundsorter.edges.ledger_export import LedgerExport, Selection
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.ledger_schema import FILE
from refundsorter.settings import Settings

TOLD_EVERY = 1_000  # photos between two reports of progress
# Those of a photo's line, in its order; the hash of the line before it is the file's matter, not the photo's.
COLUMNS = (
    "schema", "event", "id", "time", "file", "source", "destination", "state", "category", "label",
    "confidence", "top_predictions", "model", "sha256", "bytes", "width", "height", "job", "queued_s",
    "decode_ms", "infer_ms", "move_ms", "reason", "duplicate_of", "taxonomy",
)  # fmt: skip


def require(form: Form) -> None:
    """Make sure that a form can be written.

    Raises:
        ExtraMissing: A library that it needs is not installed.
    """
    if form is Form.PARQUET:
        parquet.require()


def export(
    settings: Settings,
    wanted: Selection,
    form: Form,
    file: BinaryIO,
    on_progress: Callable[[int, int], None],
) -> int:
    """Write photos to a file; memory stays flat for any number of them.

    Args:
        settings: For the ledger.
        wanted: Which photos.
        form: How they are written.
        file: Where to.
        on_progress: Told how many are written, twice.

    Returns:
        How many there were.

    Raises:
        NothingSorted: There is no ledger.
        ExtraMissing: A library that the form needs is not installed.
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged.
    """
    path = str(settings.state_dir / FILE)
    if not os.path.exists(path):
        raise NothingSorted(f"{path}: there is no ledger, so no photo was ever sorted; is `state_dir` right?")
    with closing(Reader(path)) as reader:
        counted = _Counted(LedgerExport(reader).records(wanted), on_progress)
        match form:
            case Form.CSV:
                file.writelines(csv_rows(_rows(counted)))
            case Form.JSONL:
                file.writelines(json_line(one.fields()) for one in counted)
            case Form.PARQUET:
                parquet.write(counted, COLUMNS, file)
    file.flush()
    return counted.count


class _Counted:
    """Records that are counted while they pass."""

    def __init__(self, records: Iterator[Record], on_progress: Callable[[int, int], None]) -> None:
        self._records = records
        self._on_progress = on_progress
        self.count = 0

    def __iter__(self) -> Iterator[Record]:
        """Each of them."""
        for one in self._records:
            self.count += 1
            if self.count % TOLD_EVERY == 0:
                self._on_progress(self.count, self.count)
            yield one


def _rows(records: "_Counted") -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    for one in records:
        fields = one.fields()
        yield tuple(fields[name] for name in COLUMNS)
