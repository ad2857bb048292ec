"""The loop that tells people what is wrong: on a thread of its own, for channels may be slow or broken.

It looks, carries what it found through time, and tells each channel what that has not heard. What was told is
kept after each channel, so a kill tells at most one of them again. A channel that fails is tried again with
the next look; nobody waits for it but this loop.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from refundsorter.core.alert import Alert, Limits, News, Patience, after_telling, judge, kept, news
from refundsorter.core.fault import PassingTrouble
from refundsorter.core.port import Clock, Log
from refundsorter.core.port_alerts import AlertBookPort, ChannelPort, SignsPort
from refundsorter.loops.beat import Beat

HEADINGS = {News.BEGUN: "", News.LASTS: "still: ", News.OVER: "over: "}


class Herald:
    """Tells people what is wrong.

    Args:
        signs: Looks.
        book: Keeps alerts.
        channels: Who is told; with nobody, alerts are still kept, for `refundsorter alerts list`.
        limits: From where on it is told.
        patience: How long things last until they are.
        interval_s: Seconds from look to look.
        host: The machine's name, for those who hear of several.
        clock: The time.
        log: The operational log.
    """

    def __init__(
        self,
        *,
        signs: SignsPort,
        book: AlertBookPort,
        channels: Sequence[ChannelPort],
        limits: Limits,
        patience: Patience,
        interval_s: float,
        host: str,
        clock: Clock,
        log: Log,
    ) -> None:
        self.beat = Beat(clock)
        self._signs = signs
        self._book = book
        self._channels = channels
        self._limits = limits
        self._patience = patience
        self._interval_s = interval_s
        self._host = host
        self._clock = clock
        self._log = log
        self._stopping = threading.Event()
        self._trouble: str | None = None  # what was logged last

    def stop(self) -> None:
        """Ask for the end. From any thread."""
        self._stopping.set()

    def run(self) -> None:
        """Look until `stop`."""
        while not self._stopping.is_set():
            try:
                self.turn()
                self._trouble = None
            except PassingTrouble as trouble:
                if str(trouble) != self._trouble:  # once: it would be said with every look
                    self._log.warning("alerts.wait", trouble=str(trouble))
                self._trouble = str(trouble)
            self.beat.tick()
            self._stopping.wait(self._interval_s)

    def turn(self) -> None:
        """Look once, and tell.

        Raises:
            PassingTrouble: What was told cannot be kept now; the next look goes on.
        """
        findings = judge(self._signs.look(), self._limits)
        names = {channel.name for channel in self._channels}
        before = [_known_to(one, names) for one in self._book.read()]
        alerts = kept(before, findings, now=self._clock.now(), after_s=self._patience.after_s)
        if alerts != before:
            self._book.write(alerts)
        for channel in self._channels:
            alerts = self._tell(channel, alerts)

    def _tell(self, channel: ChannelPort, alerts: list[Alert]) -> list[Alert]:
        """Tell one channel what it has not heard; the alerts after that."""
        left = list(alerts)
        for alert in alerts:
            now = self._clock.now()
            what = news(alert, channel.name, self._patience, now=now)
            if what is None or self._stopping.is_set():
                continue
            if not channel.send(*said(alert, what, self._host)):
                self._log.warning("alert.unsent", channel=channel.name, rule=alert.finding.rule.value)
                return left  # the rest would hardly get through either
            self._log.info("alert.sent", channel=channel.name, rule=alert.finding.rule.value, news=what.value)
            place, told = left.index(alert), after_telling(alert, channel.name, what, now=now)
            left[place : place + 1] = [told] if told else []
            self._book.write(left)
        return left


def said(alert: Alert, what: News, host: str) -> tuple[str, str]:
    """The title and the text of a message: what, since when, what to do."""
    finding = alert.finding
    title = f"refundsorter on {host}: {HEADINGS[what]}{finding.rule.value}"
    since = _moment(alert.since)
    if what is News.OVER and alert.over is not None:
        return title, f"It is over: {finding.what}\nFrom {since} to {_moment(alert.over)}."
    return title, f"{finding.what}\nSince {since}.\n{finding.todo}"


def _moment(time: float) -> str:
    return datetime.fromtimestamp(time).astimezone().isoformat(sep=" ", timespec="minutes")


def _known_to(alert: Alert, channels: set[str]) -> Alert:
    """An alert without what channels heard that are no more."""
    return replace(alert, told={name: at for name, at in alert.told.items() if name in channels})
