"""The settings as frozen models: each field with its default, its limits and what it does.

This table is the only place where a key is described: validation, messages, the example file and the
reference page are all made from it. A path is relative to the configuration's base directory and comes out
absolute.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
)

from refundsorter.settings_source import Origin

WatchMode = Literal["auto", "inotify", "polling"]

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


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str | Path) else _listed(value)


def _in_bytes(value: object) -> object:
    """Turn "100 MiB" into a number of bytes; leave everything else to the model."""
    size = _SIZE.fullmatch(value) if isinstance(value, str) else None
    unit = _UNITS.get(size["unit"].lower()) if size else None
    return int(size["count"]) * unit if size and unit else value


Location = Annotated[Path, BeforeValidator(_absolute)]
Locations = Annotated[tuple[Location, ...], BeforeValidator(_one_or_many), Field(min_length=1)]
Pattern = Annotated[str, Field(pattern=r"^[^/\x00]+$")]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_listed)]
Bytes = Annotated[int, BeforeValidator(_in_bytes)]


def _setting(
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


def _seconds(default: float, about: str, low: float, high: float, *, live: bool = False) -> Any:
    return _setting(default, about, f"seconds, from {low:g} to {high:g}", live=live, ge=low, le=high)


def _whole(default: int, about: str, low: int, high: int, *, live: bool = False) -> Any:
    return _setting(default, about, f"a whole number from {low} to {high}", live=live, ge=low, le=high)


def _size(default: int, about: str, low: int, high: int) -> Any:
    allowed = f"bytes, or a size such as 100 MiB, from {human_size(low)} to {human_size(high)}"
    return _setting(default, about, allowed, ge=low, le=high)


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


class WatchSettings(Group):
    """How arrivals are noticed and when they are complete."""

    mode: WatchMode = _setting(
        "auto",
        "How changes are noticed: by inotify, by polling, or chosen for each inbox by its file system.",
        "auto, inotify or polling",
    )
    roots: Mapping[Location, WatchMode] = _setting(
        {}, "The mode of single inboxes, as `path: mode`, where it differs.", "`path: mode` for inboxes"
    )
    recursive: bool = _setting(False, "Whether folders inside an inbox are watched too.", "true or false")  # noqa: FBT003
    stability_s: float = _seconds(
        1.0, "How long size and time must hold still before a file counts as complete.", 0, 3600, live=True
    )
    scan_interval_s: float = _seconds(
        300.0, "How often every inbox is scanned for what no event told.", 1, 86400, live=True
    )
    poll_interval_s: float = _seconds(1.0, "How often the polling observer looks.", 0.1, 3600)
    ignore: Patterns = _setting(
        (".*", "~*", "*.part", "*.partial", "*.crdownload", "*.tmp", ".~lock*"),
        "Names that are left alone until they are renamed; `*`, `?` and `[…]` as in a shell.",
        "a list of name patterns without a slash",
    )
    queue_size: int = _whole(
        10_000, "How many events may wait; when there are more, a scan takes their place.", 1, 1_000_000
    )


class BatchSettings(Group):
    """How photos are gathered for one commit."""

    max_size: int = _whole(16, "How many photos one batch holds at most.", 1, 1024)
    max_delay_ms: float = _setting(
        20.0,
        "How many milliseconds a batch waits for more photos.",
        "milliseconds, from 0 to 10000",
        live=True,
        ge=0,
        le=10_000,
    )
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = _setting(
        "auto",
        "How many workers decode and infer; `auto` is one for each core that the process may use.",
        "auto, or a whole number from 1 to 64",
    )


class ImageSettings(Group):
    """Which photos are refused, and what decoding one may cost."""

    max_bytes: Bytes = _size(100 * MIB, "The largest file that is read.", KIB, 4 * GIB)
    max_pixels: int = _whole(
        200_000_000, "The most pixels (width × height) that are decoded.", 256, 2_000_000_000
    )
    min_side: int = _whole(16, "The fewest pixels that the shorter side may have.", 1, 4096)
    timeout_s: float = _seconds(
        10.0, "The processor time after which a photo that is still being decoded is rejected.", 0.1, 20
    )
    memory_bytes: Bytes = _size(
        1 * GIB, "The memory beyond which a photo that is being decoded is rejected.", 64 * MIB, 64 * GIB
    )


class DecisionSettings(Group):
    """How scores become a folder."""

    top_k: int = _whole(5, "How many of the best labels the journal names.", 1, 100, live=True)
    default_threshold: float = _setting(
        0.6,
        "The confidence a photo needs where neither taxonomy nor bundle gives its category a threshold.",
        "a number from 0 to 1",
        live=True,
        ge=0,
        le=1,
    )
    duplicates: Literal["sort", "shelve"] = _setting(
        "sort",
        "A photo whose content was seen before: sorted like the first, or put in `_duplicates/`.",
        "sort or shelve",
        live=True,
    )


class MoveSettings(Group):
    """How photos are moved."""

    min_free_bytes: Bytes = _size(
        64 * MIB, "The free bytes below which no photo is moved to another file system.", 0, 1024 * GIB
    )


class RetrySettings(Group):
    """How long passing trouble is waited out between two attempts."""

    base_s: float = _seconds(
        1.0, "The first wait; each further one is about twice as long.", 0.01, 3600, live=True
    )
    max_s: float = _seconds(300.0, "The longest wait.", 0.01, 86400, live=True)


class CorrectionsSettings(Group):
    """How corrections are found that people make on the shelf."""

    scan_s: float = _seconds(
        300.0,
        "How often the shelf is searched for photos that people have moved; 0: never.",
        0,
        86400,
        live=True,
    )


class HttpSettings(Group):
    """The HTTP face, which is not part of this version."""

    enabled: Literal[False] = _setting(
        False,  # noqa: FBT003
        "Whether HTTP is served.",
        "only false, in this version",
    )


class SweepSettings(Group):
    """How a whole inbox is reconciled."""

    chunk_size: int = _whole(
        1000, "How many files enter the ledger in one commit; bounds the memory of a sweep.", 1, 100_000
    )


class LogSettings(Group):
    """The operational log on stderr; the journal is not affected."""

    level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "The least severe events that are logged.", "debug, info, warning or error", live=True
    )
    format: Literal["auto", "console", "json"] = _setting(
        "auto",
        "Lines for a person or JSON; `auto` is console on a terminal and JSON otherwise.",
        "auto, console or json",
    )


class Settings(Group):
    """Everything that can be set; paths are absolute."""

    inbox: Locations = _setting(
        ("inbox",), "The watched folder, or a list of them.", "a path, or a list of at least one"
    )
    sorted: Location = _setting("sorted", "The shelf: the folder that holds the categories.", "a path")
    state_dir: Location = _setting("state", "The folder of the ledger and the lock.", "a path")
    models: Location = _setting("models", "The folder of the model bundles.", "a path")
    taxonomy: Location = _setting(
        "config/taxonomy.yaml",
        "The file that maps labels to categories; its content is read again on SIGHUP.",
        "a path",
        live=True,
    )
    stop_timeout_s: float = _seconds(20.0, "How long a stop may take in all.", 1, 600)
    watch: WatchSettings = WatchSettings()
    batch: BatchSettings = BatchSettings()
    image: ImageSettings = ImageSettings()
    decision: DecisionSettings = DecisionSettings()
    move: MoveSettings = MoveSettings()
    retry: RetrySettings = RetrySettings()
    corrections: CorrectionsSettings = CorrectionsSettings()
    http: HttpSettings = HttpSettings()
    sweep: SweepSettings = SweepSettings()
    log: LogSettings = LogSettings()

    _base_dir: Path = PrivateAttr(default_factory=Path.cwd)
    _origins: Mapping[str, Origin] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:
        """Keep what the loader knows and no key says."""
        if context:
            self._base_dir = context["base_dir"]
            self._origins = MappingProxyType(context["origins"])

    @property
    def base_dir(self) -> Path:
        """The directory that relative paths start from."""
        return self._base_dir

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Where each value that is not a default came from, by dotted key."""
        return self._origins
