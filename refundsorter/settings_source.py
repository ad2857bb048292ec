"""Where settings come from: one file, the environment, the command line; each a layer of dotted keys.

A layer never raises: it gives what it could read and tells every problem, so that all of them can be told
together. Of YAML only the plain part is taken (mappings, lists, strings, numbers, booleans, null): no tags,
no aliases, no keys said twice, and a date is the string that was written.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from reprlib import Repr
from typing import Any, Literal

import yaml

PREFIX = "REFUNDSORTER_"
CONFIG_VARIABLE = "REFUNDSORTER_CONFIG"  # names the file; no setting

Origin = Literal["default", "file", "environment", "flag"]

_LOADER: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # libyaml where it is built in: ten times as fast
_TAG = "tag:yaml.org,2002:"
_TEXT = frozenset({_TAG + "timestamp", _TAG + "merge", _TAG + "value"})  # read as the string that was written
_SCALARS = frozenset(_TAG + name for name in ("null", "bool", "int", "float"))
_PLAIN = _SCALARS | {_TAG + "str", _TAG + "seq", _TAG + "map"}
_MAX_DEPTH = 32  # of open brackets or indents; settings need three, and a parser in C has no recursion guard
_MAX_BYTES = 1 << 20  # a settings file is a few kilobytes; a photo named by mistake is told, not read

_repr = Repr()
_repr.maxlevel = 2
_repr.maxstring = _repr.maxother = 80
_repr.maxlist = _repr.maxdict = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value that somebody gave, and where."""

    value: object  # plain: None, bool, int, float, str, list, dict; a flag may also give a Path
    origin: Origin  # which layer it came from
    where: str  # for a person: "config/refundsorter.yaml, line 12"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one source gave."""

    given: dict[str, Given] = field(default_factory=dict)  # by dotted key: "watch.stability_s"
    problems: list[str] = field(default_factory=list)  # one sentence each, with its place
    readable: bool = True  # False: the source as a whole could not be read, so what it gives is unknown


def shown(value: object) -> str:
    """Write a value that was found as a person wrote it in YAML, cut to a readable length."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return _repr.repr(os.fspath(value) if isinstance(value, Path) else value)


def variable(key: str) -> str:
    """Name the environment variable of a dotted key."""
    return PREFIX + key.upper().replace(".", "__")


def file_layer(path: Path, known: Collection[str]) -> Layer:
    """Read the settings file.

    Args:
        path: The file; messages name it as it is given here.
        known: Every dotted key there is.
    """
    try:
        loader, node = _compose(_text(path))
    except FileNotFoundError:
        return Layer(readable=False, problems=[_missing(path)])
    except OSError as error:
        return Layer(readable=False, problems=[f"{path}: cannot be read: {error.strerror}"])
    except ValueError as error:
        return Layer(readable=False, problems=[f"{path}: {error}"])
    layer = Layer(problems=[f"{problem} ({path}, line {line})" for problem, line in _unplain(loader, node)])
    if layer.problems or node is None:
        return layer
    if not isinstance(node, yaml.MappingNode):
        layer.problems.append(f"{path}: found no settings; allowed are lines of `key: value`")
        return layer
    _walk(loader, node, layer, path=path, known=known)
    return layer


def environment_layer(environment: Mapping[str, str], known: Collection[str]) -> Layer:
    """Read every variable that starts with `REFUNDSORTER_`; its value is YAML."""
    layer = Layer()
    by_name = {variable(key): key for key in known}
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE:
            continue
        if name not in by_name:
            layer.problems.append(f"{name}: unknown variable{_nearest(name, by_name)}")
            continue
        where = f"environment, {name}"
        try:
            layer.given[by_name[name]] = Given(
                value=_value(environment[name]), origin="environment", where=where
            )
        except ValueError as error:
            layer.problems.append(f"{by_name[name]}: {error} ({where})")
    return layer


def flag_layer(overrides: Mapping[str, object], known: Collection[str]) -> Layer:
    """Take what the command line gave; None is a flag that was not given."""
    layer = Layer()
    for key, value in overrides.items():
        if key not in known:
            layer.problems.append(f"{key}: unknown key{_nearest(key, known)} (command line)")
        elif value is not None:
            layer.given[key] = Given(value=value, origin="flag", where="command line")
    return layer


def _text(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise ValueError(f"larger than {_MAX_BYTES} bytes: this is no settings file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"no UTF-8 text: byte {error.start} is {raw[error.start]:#04x}") from error


def _missing(path: Path) -> str:
    return (
        f"{path}: there is no such file. Name another with --config or {CONFIG_VARIABLE}, or make this one:"
        f" every key has a default, so an empty file is enough (mkdir -p {path.parent} && touch {path})"
    )


def _nearest(key: str, known: Collection[str]) -> str:
    groups = {name.partition(".")[0] for name in known}
    near = get_close_matches(key, sorted({*known, *groups}), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _compose(text: str) -> tuple[Any, yaml.Node | None]:
    """Parse one YAML document into nodes, which know their lines.

    Raises:
        ValueError: It is no YAML, or more than one document; the message says where.
    """
    try:
        _refuse_depth(text)
        loader = _LOADER(text)
        return loader, loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{line}this is no YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"this is no YAML: {str(error).splitlines()[0]}") from error


def _refuse_depth(text: str) -> None:
    """Refuse deep nesting before nodes are made: libyaml's composer overruns the stack instead of raising."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            mark = event.start_mark
            line = f"line {mark.line + 1}: " if mark else ""
            raise ValueError(f"{line}nested deeper than {_MAX_DEPTH} levels")


def _value(text: str) -> object:
    """Read the value of a variable.

    Raises:
        ValueError: It is no plain YAML.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text  # a path whose bytes are no UTF-8: YAML cannot carry it, a file system can
    loader, node = _compose(text)
    problems = [problem for problem, _ in _unplain(loader, node)]
    if problems:
        raise ValueError("; ".join(problems))
    return None if node is None else loader.construct_object(node, deep=True)


def _unplain(loader: Any, root: yaml.Node | None) -> list[tuple[str, int]]:
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
        if isinstance(node, yaml.MappingNode):
            problems.extend(_twice(node))
            waiting.extend(part for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
    return sorted(problems, key=lambda told: told[1])


def _node_problem(loader: Any, node: yaml.Node) -> str | None:
    if node.tag in _TEXT:
        node.tag = _TAG + "str"
    if node.tag not in _PLAIN:
        return f"found the tag {node.tag!r}; allowed are plain values without tags"
    if node.tag not in _SCALARS:
        return None
    if loader.resolve(yaml.ScalarNode, node.value, (True, False)) != node.tag:
        return f"found {shown(node.value)} with a tag by hand; allowed are plain values without tags"
    try:
        loader.construct_object(node)
    except ValueError:  # 0x_ looks like a number and is none; a number of thousands of digits is refused
        return f"found {shown(node.value)}, which is no number; put it in quotes if it is a name"
    return None


def _twice(mapping: yaml.MappingNode) -> Iterator[tuple[str, int]]:
    first: dict[tuple[str, str], int] = {}
    for key, _ in mapping.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            yield "found a list or a mapping as a key; allowed are names", line
        elif (key.tag, key.value) in first:
            yield f"{key.value}: said twice, first in line {first[key.tag, key.value]}", line
        else:
            first[key.tag, key.value] = line


def _walk(
    loader: Any,
    mapping: yaml.MappingNode,
    layer: Layer,
    *,
    path: Path,
    known: Collection[str],
    prefix: str = "",
) -> None:
    """Lay the keys of a mapping into the layer, and the keys of its groups."""
    groups = {name.partition(".")[0] for name in known if "." in name}
    for name, node in mapping.value:
        key = prefix + name.value
        where = f"{path}, line {name.start_mark.line + 1}"
        if key in known and "." in name.value:
            group, _, member = key.partition(".")
            layer.problems.append(f"{key}: unknown key; write it as `{member}:` below `{group}:` ({where})")
        elif key in known:
            value = loader.construct_object(node, deep=True)
            layer.given[key] = Given(value=value, origin="file", where=where)
        elif prefix or key not in groups:
            layer.problems.append(f"{key}: unknown key{_nearest(key, known)} ({where})")
        elif isinstance(node, yaml.MappingNode):
            _walk(loader, node, layer, path=path, known=known, prefix=f"{key}.")
        elif node.tag != _TAG + "null":  # a group whose keys are all commented out is empty
            found = shown(loader.construct_object(node, deep=True))
            layer.problems.append(f"{key}: found {found}; allowed are keys below it, indented ({where})")
