"""Photos as a Parquet file: the only user of pyarrow, which is installed apart."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

from refundsorter.core.fault import ExtraMissing
from refundsorter.core.record import Record
from refundsorter.core.text import printable

GROUP = 5_000  # photos that are in memory at a time

INTEGERS = ("schema", "id", "bytes", "width", "height", "job", "duplicate_of")
NUMBERS = ("confidence", "queued_s", "decode_ms", "infer_ms", "move_ms")


def require() -> None:
    """Make sure that it can be written.

    Raises:
        ExtraMissing: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401, PLC0415 - an extra
    except ImportError as missing:
        raise ExtraMissing("Parquet needs pyarrow: pip install 'refundsorter[parquet]'") from missing


def write(records: Iterable[Record], columns: Sequence[str], file: BinaryIO) -> None:
    """Write photos to a file; a name that is no UTF-8 stands with escapes.

    Args:
        records: Any number.
        columns: The names of the columns: fields of the journal's line.
        file: Where to.

    Raises:
        ExtraMissing: pyarrow is not installed.
    """
    require()
    import pyarrow as pa  # noqa: PLC0415 - an extra
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415 - likewise

    schema = pa.schema([(name, _type(pa, name)) for name in columns])
    left = iter(records)
    with ParquetWriter(file, schema, compression="zstd") as writer:
        while some := list(islice(left, GROUP)):
            rows = [_row(one.fields()) for one in some]
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _type(pa: Any, name: str) -> Any:
    """The type of a column."""
    if name in INTEGERS:
        return pa.int64()
    if name in NUMBERS:
        return pa.float64()
    if name == "time":
        return pa.timestamp("ms", tz="UTC")
    if name == "top_predictions":
        texts = {"label": pa.string(), "category": pa.string()}
        return pa.list_(pa.struct(list({"rank": pa.int64(), **texts, "confidence": pa.float64()}.items())))
    return pa.string()


def _row(fields: dict[str, Any]) -> dict[str, Any]:
    shown = {name: printable(value) if isinstance(value, str) else value for name, value in fields.items()}
    return shown | {"time": datetime.fromisoformat(fields["time"])}
