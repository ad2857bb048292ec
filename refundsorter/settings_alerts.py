"""The settings of alerts."""

from refundsorter.settings_kinds import GIB, Bytes, Group, Location, seconds, setting, size, whole


class AlertSettings(Group):
    """Who is told what is wrong, and from where on."""

    channels_file: Location | None = setting(
        None,
        "The file of the channels, an apprise URL a line, that nobody else may read; null: none.",
        "a path, or null",
    )
    interval_s: float = seconds(60.0, "How often it is looked whether something is wrong.", 0.1, 3600)
    after_s: float = seconds(120.0, "How long something is wrong before it is told.", 0, 86_400)
    remind_hours: int = whole(24, "After how many hours it is told again while it lasts.", 1, 720)
    waiting_minutes: float = setting(
        30.0,
        "Minutes that a photo may wait before that is told; 0: never.",
        "minutes, from 0 to 100000",
        ge=0,
        le=100_000,
    )
    error_rate: float = setting(
        0.2,
        "The share of an hour's photos whose rejection is told, of 20 photos at least; 0: never.",
        "a number from 0 to 1",
        ge=0,
        le=1,
    )
    review_backlog: int = whole(500, "Photos in review from which on that is told; 0: never.", 0, 10_000_000)
    free_bytes: Bytes = size(1 * GIB, "The free bytes below which that is told; 0: never.", 0, 1024 * GIB)
    drift: bool = setting(True, "Whether drift is told.", "true or false")  # noqa: FBT003
