"""The settings as frozen models: each field with its default, its limits and what it does.

These tables are the only places where a key is described: validation, messages, the example file and the
reference page are all made from them.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from refundsorter.settings_alerts import AlertSettings
from refundsorter.settings_http import HttpSettings
from refundsorter.settings_kinds import (
    GIB,
    KIB,
    MIB,
    Bytes,
    Group,
    Location,
    Locations,
    Patterns,
    seconds,
    setting,
    size,
    whole,
)
from refundsorter.settings_retention import RetentionSettings
from refundsorter.settings_source import Origin
from refundsorter.settings_sweep import SweepSettings

Marker = Annotated[str, Field(pattern=r"^\.[A-Za-z0-9._-]{1,100}$")]
WatchMode = Literal["auto", "inotify", "polling", "jobs"]


class WatchSettings(Group):
    """How arrivals are noticed and when they are complete."""

    mode: WatchMode = setting(
        "auto",
        "How changes are noticed: by inotify, by polling, or chosen for each inbox by its file system; "
        "with `jobs` they are not, and only jobs take photos.",
        "auto, inotify, polling or jobs",
    )
    roots: Mapping[Location, WatchMode] = setting(
        {}, "The mode of single inboxes, as `path: mode`, where it differs.", "`path: mode` for inboxes"
    )
    recursive: bool = setting(False, "Whether folders inside an inbox are watched too.", "true or false")  # noqa: FBT003
    stability_s: float = seconds(
        1.0, "How long size and time must hold still before a file counts as complete.", 0, 3600, live=True
    )
    scan_interval_s: float = seconds(
        300.0, "How often every inbox is scanned for what no event told.", 1, 86400, live=True
    )
    poll_interval_s: float = seconds(1.0, "How often the polling observer looks.", 0.1, 3600)
    ignore: Patterns = setting(
        (".*", "~*", "*.part", "*.partial", "*.crdownload", "*.tmp", ".~lock*"),
        "Names that are left alone until they are renamed; `*`, `?` and `[…]` as in a shell.",
        "a list of name patterns without a slash",
    )
    marker: Marker | None = setting(
        None,
        "The name of a file that lies in every inbox; where it is missing, the share is not mounted, and "
        "the inbox is awaited; null: none.",
        "a name that begins with a dot, of letters, digits, `.`, `_` and `-`; or null",
    )
    queue_size: int = whole(
        10_000, "How many events may wait; when there are more, a scan takes their place.", 1, 1_000_000
    )


class BatchSettings(Group):
    """How photos are gathered for one commit."""

    max_size: int = whole(16, "How many photos one batch holds at most.", 1, 1024)
    max_delay_ms: float = setting(
        20.0,
        "How many milliseconds a batch waits for more photos.",
        "milliseconds, from 0 to 10000",
        live=True,
        ge=0,
        le=10_000,
    )
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = setting(
        "auto",
        "How many workers decode and infer; `auto` is one for each core that the process may use.",
        "auto, or a whole number from 1 to 64",
    )


class ImageSettings(Group):
    """Which photos are refused, and what decoding one may cost."""

    max_bytes: Bytes = size(100 * MIB, "The largest file that is read.", KIB, 4 * GIB)
    max_pixels: int = whole(
        200_000_000, "The most pixels (width × height) that are decoded.", 256, 2_000_000_000
    )
    min_side: int = whole(16, "The fewest pixels that the shorter side may have.", 1, 4096)
    timeout_s: float = seconds(
        10.0, "The processor time after which a photo that is still being decoded is rejected.", 0.1, 20
    )
    memory_bytes: Bytes = size(
        1 * GIB, "The memory beyond which a photo that is being decoded is rejected.", 64 * MIB, 64 * GIB
    )


class DecisionSettings(Group):
    """How scores become a folder."""

    top_k: int = whole(5, "How many of the best labels the journal names.", 1, 100, live=True)
    default_threshold: float = setting(
        0.6,
        "The confidence a photo needs where neither taxonomy nor bundle gives its category a threshold.",
        "a number from 0 to 1",
        live=True,
        ge=0,
        le=1,
    )
    duplicates: Literal["sort", "shelve"] = setting(
        "sort",
        "A photo whose content was seen before: sorted like the first, or put in `_duplicates/`.",
        "sort or shelve",
        live=True,
    )


class MoveSettings(Group):
    """How photos are moved."""

    min_free_bytes: Bytes = size(
        64 * MIB, "The free bytes below which no photo is moved to another file system.", 0, 1024 * GIB
    )


class RetrySettings(Group):
    """How long passing trouble is waited out between two attempts."""

    base_s: float = seconds(
        1.0, "The first wait; each further one is about twice as long.", 0.01, 3600, live=True
    )
    max_s: float = seconds(300.0, "The longest wait.", 0.01, 86400, live=True)


class CorrectionsSettings(Group):
    """How corrections are found that people make on the shelf."""

    scan_s: float = seconds(
        300.0,
        "How often the shelf is searched for photos that people have moved; 0: never.",
        0,
        86400,
        live=True,
    )


class DriftSettings(Group):
    """When the photos, or what the model makes of them, count as changed."""

    window_days: int = whole(7, "The days that are looked at.", 1, 92)
    reference_days: int = whole(28, "The days before these that they are compared with.", 1, 366)
    min_photos: int = whole(200, "The photos below which nothing is said of a span of time.", 10, 1_000_000)
    psi: float = setting(
        0.2,
        "The population stability index from which on a change counts; 0.1 is small, 0.25 large.",
        "a number from 0.01 to 10",
        ge=0.01,
        le=10,
    )


class LogSettings(Group):
    """The operational log on stderr; the journal is not affected."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "The least severe events that are logged.", "debug, info, warning or error", live=True
    )
    format: Literal["auto", "console", "json"] = setting(
        "auto",
        "Lines for a person or JSON; `auto` is console on a terminal and JSON otherwise.",
        "auto, console or json",
    )


class Settings(Group):
    """Everything that can be set; paths are absolute."""

    inbox: Locations = setting(
        ("inbox",), "The watched folder, or a list of them.", "a path, or a list of at least one"
    )
    sorted: Location = setting("sorted", "The shelf: the folder that holds the categories.", "a path")
    state_dir: Location = setting("state", "The folder of the ledger and the lock.", "a path")
    models: Location = setting("models", "The folder of the model bundles.", "a path")
    taxonomy: Location = setting(
        "config/taxonomy.yaml",
        "The file that maps labels to categories; its content is read again on SIGHUP.",
        "a path",
        live=True,
    )
    stop_timeout_s: float = seconds(20.0, "How long a stop may take in all.", 1, 600)
    watch: WatchSettings = WatchSettings()
    batch: BatchSettings = BatchSettings()
    image: ImageSettings = ImageSettings()
    decision: DecisionSettings = DecisionSettings()
    move: MoveSettings = MoveSettings()
    retry: RetrySettings = RetrySettings()
    corrections: CorrectionsSettings = CorrectionsSettings()
    http: HttpSettings = HttpSettings()
    sweep: SweepSettings = SweepSettings()
    drift: DriftSettings = DriftSettings()
    retention: RetentionSettings = RetentionSettings()
    alerts: AlertSettings = AlertSettings()
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
