"""Plain YAML: the only user of PyYAML.

Of YAML only the plain part is taken: mappings, lists, strings, numbers, booleans and null; no tags, no
aliases, no keys said twice, and a date is the string that was written. What a file may cost is bounded before
it is parsed. The same reader serves settings, taxonomy and bundles, so each is as safe as the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from refundsorter.core.text import shown

__all__ = ["Document", "MappingNode", "Node", "NotPlain", "dump", "flow", "is_null", "load", "parse", "read"]

# libyaml where it is built in: ten times as fast
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_NULL = _TAG + "null"
_TEXT = frozenset({_TAG + "timestamp", _TAG + "merge", _TAG + "value"})  # read as the string that was written
_SCALARS = frozenset(_TAG + name for name in ("null", "bool", "int", "float"))
_PLAIN = _SCALARS | {_TAG + "str", _TAG + "seq", _TAG + "map"}
_MAX_DEPTH = 32  # of open brackets or indents; three are needed, and a parser in C has no recursion guard
_MAX_BYTES = 1 << 20  # these files are kilobytes; a photo named by mistake is told, not read

Problem = tuple[str, int | None]  # a sentence, and the line that it is about


class NotPlain(ValueError):
    """The text is no YAML, or no plain YAML.

    Args:
        problems: Each with its line, counted from 1, where there is one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(sentence for sentence, _ in problems))
        self._problems = problems

    def at(self, path: Path) -> list[str]:
        """Tell every problem with its place in a file."""
        return [
            f"{path}: {sentence}" if line is None else f"{sentence} ({path}, line {line})"
            for sentence, line in self._problems
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text that was parsed; its nodes know their lines."""

    loader: Any  # makes values of nodes
    root: Node | None  # None: the text is empty

    def value(self, node: Node | None) -> Any:
        """Make the value of a node: None, bool, int, float, str, list or dict."""
        return None if node is None else self.loader.construct_object(node, deep=True)


def read(path: Path) -> Document:
    """Parse a file.

    Raises:
        OSError: It cannot be read.
        NotPlain: It is too large, no UTF-8, or no plain YAML.
    """
    with path.open("rb") as file:
        raw = file.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise NotPlain([(f"larger than {_MAX_BYTES} bytes", None)])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotPlain([(f"no UTF-8 text: byte {error.start} is {raw[error.start]:#04x}", None)]) from error
    return parse(text)


def load(path: Path) -> object:
    """Read a file's value as a whole; raises as `read` does."""
    document = read(path)
    return document.value(document.root)


def parse(text: str) -> Document:
    """Parse one document.

    Raises:
        NotPlain: It is no YAML, more than one document, or not plain.
    """
    try:
        _refuse_depth(text)
        loader = _LOADER(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise NotPlain([(f"this is no YAML: {error.problem or error.context}", line)]) from error
    except yaml.YAMLError as error:
        raise NotPlain([(f"this is no YAML: {str(error).splitlines()[0]}", None)]) from error
    if problems := _unplain(loader, root):
        raise NotPlain(problems)
    return Document(loader=loader, root=root)


def dump(value: object) -> str:
    """Write plain values as YAML, keys in their order."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)
    return text


def flow(value: object) -> str:
    """Write a plain value as YAML on one line, without a line's end."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def is_null(node: Node) -> bool:
    """Whether a node says nothing: what a key has whose members are all commented out."""
    return bool(node.tag == _NULL)


def _refuse_depth(text: str) -> None:
    """Refuse deep nesting before nodes are made: libyaml's composer overruns the stack instead of raising."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else None
            raise NotPlain([(f"nested deeper than {_MAX_DEPTH} levels", line)])


def _unplain(loader: Any, root: Node | None) -> list[Problem]:
    """Find what is not plain YAML, each with its line, and turn dates and merge keys back into strings."""
    problems: list[tuple[str, int]] = []
    waiting, seen = [root] if root else [], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # it may be its own ancestor, or grow without bound
            problems.append(("found an alias; allowed are values written out", node.start_mark.line + 1))
            continue
        seen.add(id(node))
        problem = _node_problem(loader, node)
        if problem:
            problems.append((problem, node.start_mark.line + 1))
        if isinstance(node, MappingNode):
            problems.extend(_twice(node))
            waiting.extend(part for pair in node.value for part in pair)
        elif isinstance(node, SequenceNode):
            waiting.extend(node.value)
    return [*sorted(problems, key=lambda told: told[1])]


def _node_problem(loader: Any, node: Node) -> str | None:
    if node.tag in _TEXT:
        node.tag = _TAG + "str"
    if node.tag not in _PLAIN:
        return f"found the tag {node.tag!r}; allowed are plain values without tags"
    if node.tag not in _SCALARS:
        return None
    if loader.resolve(ScalarNode, node.value, (True, False)) != node.tag:
        return f"found {shown(node.value)} with a tag by hand; allowed are plain values without tags"
    try:
        loader.construct_object(node)
    except ValueError:  # 0x_ looks like a number and is none; a number of thousands of digits is refused
        return f"found {shown(node.value)}, which is no number; put it in quotes if it is a name"
    return None


def _twice(mapping: MappingNode) -> Iterator[tuple[str, int]]:
    first: dict[tuple[str, str], int] = {}
    for key, _ in mapping.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            yield "found a list or a mapping as a key; allowed are names", line
        elif (key.tag, key.value) in first:
            yield f"{key.value}: said twice, first in line {first[key.tag, key.value]}", line
        else:
            first[key.tag, key.value] = line
