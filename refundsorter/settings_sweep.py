"""The settings of sweeps: when the daemon makes one by itself, and what one may hold in memory."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator

from refundsorter.core.schedule import ScheduleInvalid, require_cron
from refundsorter.settings_kinds import Group, setting, whole


def _cron(value: object) -> object:
    """Let only an expression pass that names times."""
    if isinstance(value, str):
        try:
            require_cron(value)
        except ScheduleInvalid as invalid:
            raise ValueError(str(invalid)) from invalid
    return value


def _zone(value: object) -> object:
    """Let only a time zone pass that this machine knows."""
    if isinstance(value, str):
        try:
            ZoneInfo(value)
        except (OSError, ZoneInfoNotFoundError) as error:  # a ValueError, for a path, is one already
            raise ValueError("no such zone") from error
    return value


Cron = Annotated[str, BeforeValidator(_cron)]
Zone = Annotated[str, BeforeValidator(_zone)]


class SweepSettings(Group):
    """How a whole inbox is reconciled, and when that is done by itself."""

    schedule: Cron | None = setting(
        "0 3 * * *",
        "When every watched inbox is swept, once for each date that it names; null: never.",
        "a cron expression of five fields, or null",
        live=True,
    )
    timezone: Zone | None = setting(
        None,
        "The time zone of the schedule, and of the days of reports; null: the machine's.",
        "a name of the time zone database such as Europe/Berlin, or null",
        live=True,
    )
    catch_up: bool = setting(
        True,  # noqa: FBT003
        "Whether a start makes up for the night that was missed while nobody was running.",
        "true or false",
    )
    review: bool = setting(
        False,  # noqa: FBT003
        "Whether photos in `_review/` are looked at again, each night after the bundle has changed.",
        "true or false",
    )
    chunk_size: int = whole(
        1000, "How many files enter the ledger in one commit; bounds the memory of a sweep.", 1, 100_000
    )
