"""The tables of docs/journal.md, as tests hold them against the lines."""

import re
from pathlib import Path

DOCUMENT = (Path(__file__).parents[1] / "docs" / "journal.md").read_text()
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "boolean": (bool,),
    "null": (type(None),),
}


def tables() -> list[list[tuple[str, str]]]:
    """Name and type of each row of each table of the document."""
    found: list[list[tuple[str, str]]] = []
    for line in DOCUMENT.splitlines():
        if line.startswith("|---"):
            found.append([])
        elif row := re.fullmatch(r"\| `(\w+)` \| ([\w ]+) \| .+ \|", line):
            found[-1].append((row[1], row[2]))
    return found


def fits(value: object, told: str) -> bool:
    """Whether a value is of the type that the document tells, as in `number or null`."""
    return isinstance(value, tuple(one for word in told.split(" or ") for one in TYPES[word]))
