"""The settings in force: read from a YAML file, the environment and flags; wrong ones told all at once.

A flag overrides the environment, which overrides the file, which overrides the default. Every value that was
given is kept with its place until the models have judged it, so a problem names the line or the variable to
mend. What fails alone is set aside, and the relations between the remaining values are judged too.
"""

import os
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from refundsorter.core.fault import ConfigurationInvalid
from refundsorter.core.text import shown
from refundsorter.edges import mounts
from refundsorter.settings_http import contradictions
from refundsorter.settings_kinds import Group
from refundsorter.settings_model import Settings
from refundsorter.settings_source import (
    CONFIG_VARIABLE,
    DEFAULT_FILE,
    Given,
    environment_layer,
    file_layer,
    flag_layer,
)

__all__ = ["DEFAULT_FILE", "KEYS", "Settings", "allowed", "changes", "is_live", "load", "value_at"]


def _keys(model: type[Group], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
            yield from _keys(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name, field


KEYS: Mapping[str, FieldInfo] = MappingProxyType(
    dict(_keys(Settings))
)  # by dotted key, in the order of the models


def load(
    path: Path | None,
    *,
    environment: Mapping[str, str],
    overrides: Mapping[str, object] = MappingProxyType({}),
) -> Settings:
    """Read the settings in force.

    Args:
        path: The file; without it the one that `REFUNDSORTER_CONFIG` names, or `config/refundsorter.yaml`.
        environment: The environment; what does not start with `REFUNDSORTER_` is not looked at.
        overrides: What flags gave, by dotted key; None is a flag that was not given.

    Raises:
        ConfigurationInvalid: The message lists every problem.
    """
    file = path or Path(environment.get(CONFIG_VARIABLE) or DEFAULT_FILE)
    layers = (
        file_layer(file, KEYS),
        environment_layer(environment, KEYS),
        flag_layer(overrides, KEYS),
    )
    given = {key: value for layer in layers for key, value in layer.given.items()}
    problems = [problem for layer in layers for problem in layer.problems]
    base_dir = _base_dir(file)
    wrong = _wrong(given, base_dir)
    problems += wrong.values()
    sound = {key: value for key, value in given.items() if key not in wrong}
    settings = _build(sound, base_dir)
    if all(layer.readable for layer in layers):  # else defaults would be blamed for what the file may say
        problems += [told for told, keys in _contradictions(settings) if wrong.keys().isdisjoint(keys)]
    if problems:
        raise ConfigurationInvalid(problems)
    return settings


def changes(old: Settings, new: Settings) -> tuple[list[str], list[str]]:
    """Compare two settings, as after SIGHUP.

    Returns:
        The dotted keys whose change takes effect at once, and those whose change needs a restart.
    """
    changed = [key for key in KEYS if value_at(old, key) != value_at(new, key)]
    return [key for key in changed if is_live(key)], [key for key in changed if not is_live(key)]


def value_at(settings: Settings, key: str) -> object:
    """Look up a dotted key: `watch.stability_s`."""
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def allowed(key: str) -> str:
    """Say what a key may hold."""
    return str(_extra(key)["allowed"])


def is_live(key: str) -> bool:
    """Say whether a change of a key takes effect on SIGHUP, without a restart."""
    return bool(_extra(key)["live"])


def _extra(key: str) -> Mapping[str, object]:
    extra = KEYS[key].json_schema_extra
    assert isinstance(extra, dict)
    return extra


def _base_dir(file: Path) -> Path:
    """Find where relative paths start: beside a folder named `config`, else beside the file."""
    folder = Path(os.path.abspath(file)).parent
    return folder.parent if folder.name == "config" else folder


def _build(given: Mapping[str, Given], base_dir: Path) -> Settings:
    nested: dict[str, object] = {}
    for key, item in given.items():
        group, dot, name = key.partition(".")
        if dot:
            members = nested.setdefault(group, {})
            assert isinstance(members, dict)
            members[name] = item.value
        else:
            nested[key] = item.value
    origins = {key: item.origin for key, item in given.items()}
    return Settings.model_validate(nested, context={"base_dir": base_dir, "origins": origins})


def _wrong(given: Mapping[str, Given], base_dir: Path) -> dict[str, str]:
    """Judge each value alone; the problems by key."""
    try:
        _build(given, base_dir)
    except ValidationError as invalid:
        bad = {_key_of(error["loc"]) for error in invalid.errors(include_url=False, include_context=False)}
        return {
            key: f"{key}: found {shown(given[key].value)}; allowed: {allowed(key)} ({given[key].where})"
            for key in KEYS
            if key in bad
        }
    return {}


def _key_of(location: tuple[int | str, ...]) -> str:
    """Find the key of an error, whose location goes on into lists and unions."""
    first, *rest = location
    return str(first) if first in KEYS else f"{first}.{rest[0]}"


def _contradictions(settings: Settings) -> Iterator[tuple[str, set[str]]]:
    """Judge the values together; each problem with the keys that it is about."""
    retry = settings.retry
    if retry.max_s < retry.base_s:
        told = (
            f"retry.max_s: found {retry.max_s:g}; allowed: at least retry.base_s, which is {retry.base_s:g}"
        )
        yield told, {"retry.max_s", "retry.base_s"}
    for root in settings.watch.roots:
        if root not in settings.inbox:
            told = f"watch.roots: found {shown(root)}; allowed: folders that `inbox` names"
            yield told, {"watch.roots", "inbox"}
    yield from contradictions(settings.http)
    shelf, state = _real(settings.sorted), _real(settings.state_dir)
    for inbox in settings.inbox:
        real = _real(inbox)
        if real.is_relative_to(shelf):
            yield f"inbox: {shown(inbox)} is or lies in `sorted` ({shelf})", {"inbox", "sorted"}
        if real.is_relative_to(state) or state.is_relative_to(real):
            yield f"inbox: {shown(inbox)} is, holds or lies in `state_dir` ({state})", {"inbox", "state_dir"}
    for one, other in combinations(settings.inbox, 2):
        if _real(one).is_relative_to(_real(other)) or _real(other).is_relative_to(_real(one)):
            yield f"inbox: {shown(one)} and {shown(other)} are the same or one holds the other", {"inbox"}


def _real(path: Path) -> Path:
    """Follow symlinks, so that two names of one folder are found out; a share need not answer for it."""
    return mounts.resolved(path)
