"""What a setting may be: paths, sizes, seconds, numbers; and how a field says its default and its limits.

A path is relative to the configuration's base directory and comes out absolute.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
_UNITS = {"b": 1, "kib": KIB, "mib": MIB, "gib": GIB, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_SIZE = re.compile(r"(?P<count>[0-9]{1,15}) ?(?P<unit>[A-Za-z]{1,3})", re.ASCII)


def _absolute(value: object, info: ValidationInfo) -> Path:
    """Make a path absolute without following symlinks: an operator sees the name that was given."""
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ValueError("not a path")
    os.fsencode(value)  # a ValueError too: such a path can be written, and no file system has it
    given = os.fspath(os.path.expanduser(value))  # Path's raises for an unknown user, this leaves the name
    if given.startswith("~"):
        raise ValueError("no such user")
    base_dir: Path = info.context["base_dir"] if info.context else Path.cwd()
    return Path(os.path.abspath(base_dir / given))


def listed(value: object) -> object:
    """Take a list of the file for the frozen one that the settings hold."""
    return tuple(value) if isinstance(value, list) else value


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str | Path) else listed(value)


def _in_bytes(value: object) -> object:
    """Turn "100 MiB" into a number of bytes; leave everything else to the model."""
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    unit = _UNITS.get(found["unit"].lower()) if found else None
    return int(found["count"]) * unit if found and unit else value


Location = Annotated[Path, BeforeValidator(_absolute)]
Locations = Annotated[tuple[Location, ...], BeforeValidator(_one_or_many), Field(min_length=1)]
Folders = Annotated[tuple[Location, ...], BeforeValidator(listed)]
Pattern = Annotated[str, Field(pattern=r"^[^/\x00]+$")]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(listed)]
Bytes = Annotated[int, BeforeValidator(_in_bytes)]


def setting(
    default: object,
    about: str,
    allowed: str,
    *,
    live: bool = False,
    ge: float | None = None,
    le: float | None = None,
) -> Any:
    """Declare one setting: `about` and `allowed` are what the documentation and the messages say."""
    extra: dict[str, Any] = {"allowed": allowed, "live": live}
    return Field(default=default, description=about, json_schema_extra=extra, ge=ge, le=le)


def seconds(default: float, about: str, low: float, high: float, *, live: bool = False) -> Any:
    """Declare a setting in seconds."""
    return setting(default, about, f"seconds, from {low:g} to {high:g}", live=live, ge=low, le=high)


def whole(default: int, about: str, low: int, high: int, *, live: bool = False) -> Any:
    """Declare a setting that is a whole number."""
    return setting(default, about, f"a whole number from {low} to {high}", live=live, ge=low, le=high)


def size(default: int, about: str, low: int, high: int) -> Any:
    """Declare a setting in bytes."""
    allowed = f"bytes, or a size such as 100 MiB, from {human_size(low)} to {human_size(high)}"
    return setting(default, about, allowed, ge=low, le=high)


def human_size(count: int) -> str | int:
    """Write a number of bytes as a person would, if nothing is lost by it."""
    for name, unit in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if count and count % unit == 0:
            return f"{count // unit} {name}"
    return count


class Group(BaseModel):
    """What every group of settings has in common: strict, frozen, and no key it does not know."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, validate_default=True
    )
