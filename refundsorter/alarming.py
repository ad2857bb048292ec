"""What alerts are about, looked at in the daemon; and who is told of them."""

import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from refundsorter import drift, nights
from refundsorter.assembly import Workshop
from refundsorter.core.alert import Limits, Patience, Signs
from refundsorter.core.fault import PassingTrouble, RefundsorterError
from refundsorter.core.port_alerts import ChannelPort
from refundsorter.core.text import printable
from refundsorter.edges import serving
from refundsorter.edges.alert_book import AlertBook
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.ledger_signs import LedgerSigns
from refundsorter.filing import SystemClock
from refundsorter.loops.herald import Herald
from refundsorter.places import Places
from refundsorter.policies import schedule
from refundsorter.settings import Settings

HOUR_S = 3600.0
SETTLED_S = 600.0  # after a start there is more urgent work
DRIFT_S = 6 * HOUR_S  # how often drift is looked at: it reads the rows of some weeks


def herald(workshop: Workshop, channels: Sequence[ChannelPort]) -> Herald:
    """The loop that tells people what is wrong."""
    settings = workshop.settings.alerts
    return Herald(
        signs=Watchful(workshop.settings, workshop.ledger_path),
        book=AlertBook(workshop.settings.state_dir),
        channels=channels,
        limits=Limits(
            waiting_s=settings.waiting_minutes * 60.0,
            error_rate=settings.error_rate,
            in_review=settings.review_backlog,
            free_bytes=settings.free_bytes,
        ),
        patience=Patience(after_s=settings.after_s, remind_s=settings.remind_hours * HOUR_S),
        interval_s=settings.interval_s,
        host=socket.gethostname(),
        clock=SystemClock(),
        log=workshop.log,
    )


def channels_of(settings: Settings) -> list[ChannelPort]:
    """Who is told.

    Raises:
        StartRefused: The file is not there, others may read it, or a line of it is no URL.
        PassingTrouble: It cannot be read now.
    """
    if settings.alerts.channels_file is None:
        return []
    from refundsorter.edges.channels import read_channels  # noqa: PLC0415 - apprise costs a quarter of a second

    return list(read_channels(settings.alerts.channels_file))


class Watchful:
    """Looks at everything; see `SignsPort`."""

    def __init__(self, settings: Settings, ledger_path: str) -> None:
        self._settings = settings
        self._places = Places(settings)
        self._ledger_path = ledger_path
        self._ledger = LedgerSigns(Reader(ledger_path))
        self._shifted: tuple[str, ...] = ()
        self._next_drift = time.monotonic() + SETTLED_S

    def look(self) -> Signs:
        """How things stand."""
        now = time.time()
        oldest, hour, in_review = None, (0, 0), 0
        with suppress(PassingTrouble):  # whatever keeps the ledger from being read is alarmed by itself
            oldest = self._ledger.oldest_open()
            hour = self._ledger.filed_since(now - HOUR_S)
            in_review = self._ledger.in_review()
        said = serving.read(self._settings.state_dir, pid=os.getpid())
        return Signs(
            oldest_waiting_s=None if oldest is None else max(0.0, now - oldest),
            filed_in_hour=hour[0],
            rejected_in_hour=hour[1],
            in_review=in_review,
            free=self._places.room(),
            away={printable(str(one.folder)): one.found for one in self._places.look() if not one.is_well},
            refused=said.refused if said else None,
            night=self._night(now),
            shifted=self._drift(now),
        )

    def _night(self, now: float) -> str | None:
        plan = schedule(self._settings)
        with suppress(RefundsorterError):
            return nights.flaw(plan, self._ledger_path, now=now) if plan else None
        return None

    def _drift(self, now: float) -> tuple[str, ...]:
        if self._settings.alerts.drift and time.monotonic() >= self._next_drift:
            with suppress(RefundsorterError):  # what keeps it from being measured is told elsewhere
                self._shifted = drift.measure(self._settings, now=now).shifted
            self._next_drift = time.monotonic() + DRIFT_S
        return self._shifted
