"""The labels of a model that was trained elsewhere, in the order of its outputs."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from refundsorter.core.text import shown
from refundsorter.training.refused import ImportRefused

MAX_BYTES = 1 << 20  # of the file: a thousand labels are some kilobytes

FORMS = 'expected {"laptop": 0, "mug": 1, ...}, ["laptop", "mug", ...], or a text file with one label a line'


def read_labels(path: Path) -> tuple[str, ...]:
    """Read the labels: Keras' `class_indices` as JSON, a list as JSON, or a line each.

    Raises:
        ImportRefused: It is none of these, an index is missing or given twice, or a label is.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{path}: no UTF-8 text; {FORMS}") from error
    if len(raw) > MAX_BYTES:
        raise ImportRefused(f"{path}: larger than {MAX_BYTES} bytes; {FORMS}")
    labels = _from_json(text, path) if text.lstrip()[:1] in ("{", "[") else _lines(text)
    if not labels:
        raise ImportRefused(f"{path}: names no label; {FORMS}")
    if wrong := [label for label in labels if not isinstance(label, str) or not label.strip()]:
        raise ImportRefused(f"{path}: {shown(wrong[0])} is no label; {FORMS}")
    if twice := [label for label, count in Counter(labels).items() if count > 1]:
        raise ImportRefused(f"{path}: {shown(twice[0])} stands there more than once")
    return tuple(labels)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _from_json(text: str, path: Path) -> list[Any]:
    try:
        found = json.loads(text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise ImportRefused(f"{path}: no JSON: {error}; {FORMS}") from error
    return _by_index(found, path) if isinstance(found, dict) else found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if twice := [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]:
        raise ValueError(f"{shown(twice[0])} stands there more than once")
    return dict(pairs)


def _by_index(found: Mapping[str, Any], path: Path) -> list[str]:
    """Put labels in the order of their indices, each of which must be there once."""
    for label, index in found.items():
        if isinstance(index, bool) or not isinstance(index, int):
            raise ImportRefused(
                f"{path}: {shown(label)} has the index {shown(index)}; expected a whole number"
            )
    counts = Counter(found.values())
    if twice := [index for index, count in counts.items() if count > 1]:
        both = [label for label, index in found.items() if index == twice[0]]
        raise ImportRefused(f"{path}: the index {twice[0]} is given to {shown(both[0])} and {shown(both[1])}")
    if holes := sorted(set(range(len(found))) - counts.keys()):
        raise ImportRefused(
            f"{path}: {len(found)} labels need the indices 0 to {len(found) - 1}; no label has {holes[0]}"
        )
    return sorted(found, key=found.__getitem__)
