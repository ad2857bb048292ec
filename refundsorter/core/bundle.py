"""A model bundle's manifest as a value: everything that serving must know of a model besides its weights.

A manifest is taken whole or not at all: `from_mapping` names every problem it finds in one refusal, so that a
person mends the file once. Names are plain words, never paths: a reference can then be joined to a folder.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from refundsorter.core.fault import BundleRefused
from refundsorter.core.text import shown

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
VERSION = re.compile(r"[0-9][A-Za-z0-9.+-]{0,63}")
SHA256 = re.compile(r"[0-9a-f]{64}")
DTYPE = "uint8"
SCHEMA = 1  # of the manifest; one that says none is of the first


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Where some of the training photos came from."""

    name: str  # the set or the shop
    photos: int  # how many of its photos were trained on or held out
    licence: str  # as the source states it; "not stated" where it does not


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseWeights:
    """The weights that training began with."""

    name: str  # the architecture and its width: "MobileNetV2 1.0 224"
    licence: str  # of the weights
    source: str  # where they are to be had


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What `bundle.yaml` says."""

    name: str  # the bundle's name, also its folder's: "retail"
    version: str  # its version, also its folder's: "1.0.0"; a version never changes once written
    created: str  # when it was made, RFC 3339 in UTC: "2025-06-01T12:00:00Z"
    input_size: int  # side of the square input in pixels
    dtype: str  # of the input: always "uint8"; pixels are uint8 [N, input_size, input_size, 3], RGB, 0..255
    scaling: str  # a sentence for people; serving never scales, the model does
    labels: tuple[str, ...]  # in the order of the model's output
    sha256: str  # of model.tflite, 64 lower-case hexadecimal digits
    temperature: float  # logits are divided by it before the softmax
    thresholds: Mapping[str, float]  # category -> the probability from which on a photo is filed, 0..1
    metrics: Mapping[str, float]  # what was measured when it was made, by name
    data: tuple[DataSource, ...]  # what it was trained on
    base_weights: BaseWeights  # what training began with

    @property
    def reference(self) -> str:
        """The bundle's name and version as one word: "retail/1.0.0"."""
        return f"{self.name}/{self.version}"

    @classmethod
    def from_mapping(cls, found: object) -> Self:
        """Read a manifest.

        Args:
            found: What the YAML file holds.

        Raises:
            BundleRefused: With every problem, each with its path.
        """
        problems: list[str] = []
        if not isinstance(found, Mapping):
            raise BundleRefused("bundle.yaml: expected keys and values")
        _refuse_newer(found.get("schema", SCHEMA))
        found = {key: value for key, value in found.items() if key != "schema"}
        known = set(cls.__slots__)
        problems += [f"{key}: missing" for key in sorted(known - set(found))]
        problems += [f"{key}: unknown" for key in sorted(set(map(str, found)) - known)]
        for key, check in _CHECKS.items():
            if key in found:
                problems += check(key, found[key])
        if problems:
            raise BundleRefused("bundle.yaml: " + "; ".join(problems))
        return cls(
            **{
                **found,
                "labels": tuple(found["labels"]),
                "temperature": float(found["temperature"]),
                "thresholds": {key: float(value) for key, value in found["thresholds"].items()},
                "metrics": {key: float(value) for key, value in found["metrics"].items()},
                "data": tuple(DataSource(**source) for source in found["data"]),
                "base_weights": BaseWeights(**found["base_weights"]),
            }
        )

    def to_mapping(self) -> dict[str, Any]:
        """Return what `from_mapping` reads, of plain lists, dictionaries, text and numbers only."""
        return {
            "schema": SCHEMA,
            **asdict(self),
            "labels": list(self.labels),
            "data": [asdict(source) for source in self.data],
        }


def _refuse_newer(schema: object) -> None:
    """Say first that a manifest is of a later program: its other keys would only puzzle."""
    if isinstance(schema, bool) or not isinstance(schema, int) or schema < 1:
        raise BundleRefused(f"bundle.yaml: schema: found {shown(schema)}, expected {SCHEMA}")
    if schema > SCHEMA:
        raise BundleRefused(
            f"bundle.yaml: of a newer refundsorter (schema {schema}; this one knows {SCHEMA}); install that "
            "version, or activate another bundle"
        )


def split_reference(reference: str) -> tuple[str, str]:
    """Take "name/version" apart.

    Raises:
        BundleRefused: It is no such pair; nothing that could climb out of the models' folder passes.
    """
    name, _, version = reference.partition("/")
    problems = [*_name("name", name), *_version("version", version)]
    if problems:
        raise BundleRefused(f"{reference!r} names no bundle (expected name/version): " + "; ".join(problems))
    return name, version


Check = Callable[[str, object], list[str]]


def _text(path: str, value: object) -> list[str]:
    good = isinstance(value, str) and value.strip()
    return [] if good else [f"{path}: found {shown(value)}, expected some text"]


def _pattern(pattern: re.Pattern[str], meaning: str) -> Check:
    def check(path: str, value: object) -> list[str]:
        good = isinstance(value, str) and pattern.fullmatch(value)
        return [] if good else [f"{path}: found {shown(value)}, expected {meaning}"]

    return check


_name = _pattern(NAME, "lower-case letters, digits, - and _")
_version = _pattern(VERSION, "a version such as 1.0.0")


def _number(low: float, high: float) -> Check:
    def check(path: str, value: object) -> list[str]:
        good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return [] if good else [f"{path}: found {shown(value)}, expected a number from {low:g} to {high:g}"]

    return check


def _created(path: str, value: object) -> list[str]:
    problem = [f"{path}: found {shown(value)}, expected a time in UTC such as 2025-06-01T12:00:00Z"]
    if not isinstance(value, str):
        return problem
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return problem
    return [] if moment.tzinfo is not None and moment.utcoffset() == UTC.utcoffset(None) else problem


def _input_size(path: str, value: object) -> list[str]:
    good = isinstance(value, int) and not isinstance(value, bool) and 32 <= value <= 1024  # noqa: PLR2004
    return [] if good else [f"{path}: found {shown(value)}, expected a whole number from 32 to 1024"]


def _dtype(path: str, value: object) -> list[str]:
    return [] if value == DTYPE else [f"{path}: found {shown(value)}, expected {DTYPE!r}"]


def _labels(path: str, value: object) -> list[str]:
    if not isinstance(value, list | tuple) or not value:
        return [f"{path}: found {shown(value)}, expected a list of at least one label"]
    problems = [problem for i, label in enumerate(value) for problem in _text(f"{path}[{i}]", label)]
    repeated = sorted(label for label, count in Counter(map(str, value)).items() if count > 1)
    return problems + [f"{path}: {label!r} stands there more than once" for label in repeated]


def _numbers(check: Check) -> Check:
    def checks(path: str, value: object) -> list[str]:
        if not isinstance(value, Mapping):
            return [f"{path}: found {shown(value)}, expected names and numbers"]
        return [problem for key, item in value.items() for problem in check(f"{path}.{key}", item)]

    return checks


def _record(path: str, value: object, fields: Mapping[str, Check]) -> list[str]:
    if not isinstance(value, Mapping) or set(value) != set(fields):
        return [f"{path}: found {shown(value)}, expected the keys {', '.join(fields)}"]
    return [problem for key, check in fields.items() for problem in check(f"{path}.{key}", value[key])]


def _base_weights(path: str, value: object) -> list[str]:
    return _record(path, value, {"name": _text, "licence": _text, "source": _text})


def _data(path: str, value: object) -> list[str]:
    if not isinstance(value, list | tuple):
        return [f"{path}: found {shown(value)}, expected a list of sources"]
    fields = {"name": _text, "photos": _number(0, 1e12), "licence": _text}
    return [problem for i, source in enumerate(value) for problem in _record(f"{path}[{i}]", source, fields)]


_CHECKS: Mapping[str, Check] = {
    "name": _name,
    "version": _version,
    "created": _created,
    "input_size": _input_size,
    "dtype": _dtype,
    "scaling": _text,
    "labels": _labels,
    "sha256": _pattern(SHA256, "64 lower-case hexadecimal digits"),
    "temperature": _number(1e-3, 1e3),
    "thresholds": _numbers(_number(0, 1)),
    "metrics": _numbers(_number(-1e12, 1e12)),
    "data": _data,
    "base_weights": _base_weights,
}
