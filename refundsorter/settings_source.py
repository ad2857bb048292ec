"""Where settings come from: one file, the environment, the command line; each a layer of dotted keys.

A layer never raises: it gives what it could read and tells every problem, so that all of them can be told
together.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from refundsorter.core.text import shown
from refundsorter.edges import plain_yaml

PREFIX = "REFUNDSORTER_"
CONFIG_VARIABLE = "REFUNDSORTER_CONFIG"  # names the file; no setting
TOKEN_VARIABLE = "REFUNDSORTER_TOKEN"  # noqa: S105 - what a command shows to the daemon; no setting
DEFAULT_FILE = Path("config/refundsorter.yaml")

Origin = Literal["default", "file", "environment", "flag"]


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
        document = plain_yaml.read(path)
    except FileNotFoundError:
        return Layer(readable=False, problems=[_missing(path)])
    except OSError as error:
        return Layer(readable=False, problems=[f"{path}: cannot be read: {error.strerror}"])
    except plain_yaml.NotPlain as unplain:
        return Layer(readable=False, problems=unplain.at(path))
    layer = Layer()
    if isinstance(document.root, plain_yaml.MappingNode):
        _walk(document, document.root, layer, path=path, known=known)
    elif document.root is not None:
        layer.problems.append(f"{path}: found no settings; allowed are lines of `key: value`")
    return layer


def environment_layer(environment: Mapping[str, str], known: Collection[str]) -> Layer:
    """Read every variable that starts with `REFUNDSORTER_`; its value is YAML."""
    layer = Layer()
    by_name = {variable(key): key for key in known}
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in (CONFIG_VARIABLE, TOKEN_VARIABLE):
            continue
        if name not in by_name:
            layer.problems.append(f"{name}: unknown variable{_nearest(name, by_name)}")
            continue
        where = f"environment, {name}"
        try:
            layer.given[by_name[name]] = Given(
                value=_value(environment[name]), origin="environment", where=where
            )
        except plain_yaml.NotPlain as error:
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


def _missing(path: Path) -> str:
    return (
        f"{path}: there is no such file. Name yours with --config or {CONFIG_VARIABLE}, or start in the"
        f" folder that holds {DEFAULT_FILE}; the page on settings shows one with every key"
    )


def _nearest(key: str, known: Collection[str]) -> str:
    groups = {name.partition(".")[0] for name in known}
    near = get_close_matches(key, sorted({*known, *groups}), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _value(text: str) -> object:
    """Read the value of a variable.

    Raises:
        NotPlain: It is no plain YAML.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text  # a path whose bytes are no UTF-8: YAML cannot carry it, a file system can
    document = plain_yaml.parse(text)
    return document.value(document.root)


def _walk(
    document: plain_yaml.Document,
    mapping: plain_yaml.MappingNode,
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
            layer.given[key] = Given(value=document.value(node), origin="file", where=where)
        elif prefix or key not in groups:
            layer.problems.append(f"{key}: unknown key{_nearest(key, known)} ({where})")
        elif isinstance(node, plain_yaml.MappingNode):
            _walk(document, node, layer, path=path, known=known, prefix=f"{key}.")
        elif not plain_yaml.is_null(node):  # a group whose keys are all commented out is empty
            found = shown(document.value(node))
            layer.problems.append(f"{key}: found {found}; allowed are keys below it, indented ({where})")
