"""Which department each of ImageNet's classes belongs to: our own mapping, made by hand.

`imagenet.csv` names classes by their number among 1001, of which 0 is the background; what they are called
comes with the weights. Nothing in a training run reads it yet.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

from refundsorter.core.fault import RefundsorterError

CLASSES = 1001
NOTHING = "none"  # no product, or none of a department: what looks like it is not filed
LEFT_OUT = "left out"  # the class gets no column: it says nothing about products, or of any department's

DEFAULT = Path(__file__).with_name("imagenet.csv")


class MappingRefused(RefundsorterError):
    """The mapping is missing or wrong; the message says where."""


def read_departments(path: Path = DEFAULT) -> Mapping[int, str | None]:
    """Read the mapping.

    Returns:
        The number of each class that gets a column -> its department; None where what it names is not filed.

    Raises:
        MappingRefused: The file cannot be read, has other columns, or does not name each class, in order.
    """
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            table = list(csv.reader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MappingRefused(f"{path}: {error}") from error
    if table[:1] != [["class", "department"]]:
        raise MappingRefused(f"{path}: line 1: expected the columns class,department")
    rows = table[1:]
    for number, row in enumerate(rows):
        if len(row) != 2 or row[0] != str(number) or not row[1].strip():  # noqa: PLR2004 - the two columns
            raise MappingRefused(f"{path}: line {number + 2}: expected class {number} and its department")
    if len(rows) != CLASSES:
        raise MappingRefused(f"{path}: found {len(rows)} classes, expected {CLASSES}")
    return {
        number: None if department == NOTHING else department
        for number, (_, department) in enumerate(rows)
        if department != LEFT_OUT
    }
