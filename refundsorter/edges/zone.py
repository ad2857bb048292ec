"""Time zones: those of the zone database by their names, and the machine's own."""

import time
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo


def zone_of(name: str | None) -> tzinfo:
    """The zone of a name that the settings have let pass; None: the machine's, as it is set now."""
    if name is not None:
        return ZoneInfo(name)
    time.tzset()  # it may have been set anew since this process was started
    return MachineZone()


class MachineZone(tzinfo):
    """The zone that the C library works by: `TZ`, in all its forms, or `/etc/localtime`."""

    def __eq__(self, other: object) -> bool:
        """There is one; when it is set anew, that holds for all who have it."""
        return isinstance(other, MachineZone)

    def __hash__(self) -> int:
        """As of things that are equal."""
        return hash(MachineZone)

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        """How far local time is ahead of UTC."""
        return None if dt is None else dt.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, dt: datetime | None) -> timedelta | None:
        """Not told: nobody asks."""
        del dt
        return None

    def tzname(self, dt: datetime | None) -> str | None:
        """Its abbreviation then."""
        return None if dt is None else dt.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, dt: datetime) -> datetime:
        """Local time of a UTC time that has this zone; its `fold` tells the second of two from the first."""
        there = datetime.fromtimestamp(dt.replace(tzinfo=UTC).timestamp())  # noqa: DTZ006 - as the machine says
        return there.replace(tzinfo=self)
