"""What the commands ask: the daemon that runs, over HTTP, or else the ledger."""

import secrets
import time
from collections.abc import Callable
from typing import TypeVar

from refundsorter.core.fault import PassingTrouble
from refundsorter.core.job import JobReport, JobState
from refundsorter.core.port_inquiry import InquiryPort
from refundsorter.edges.client import Unanswered
from refundsorter.inquiry_daemon import DaemonInquiry, reach
from refundsorter.settings import Settings

LOOK_S = 0.2  # how often whoever waits looks how far a job is
OVER = (JobState.DONE, JobState.CANCELLED, JobState.INTERRUPTED)
Answer = TypeVar("Answer")


class Inquiry:
    """Asks the daemon, and the ledger where no daemon answers, HTTP is off, or it asks for a token.

    Args:
        settings: Where both are.
        token: Shown to the daemon; None: none.
    """

    def __init__(self, settings: Settings, *, token: str | None) -> None:
        self._settings = settings
        self._unanswered: Unanswered | None = None
        self._daemon: DaemonInquiry | None = None
        try:
            self._daemon = reach(settings, token=token)
        except Unanswered as unanswered:
            self._unanswered = unanswered

    def ask(self, question: Callable[[InquiryPort], Answer]) -> Answer:
        """The answer to a question; it may be asked twice, so what it does must be the same done twice.

        Raises:
            PassingTrouble: Neither the daemon nor the ledger can answer now.
            StartRefused: The ledger cannot be used as it is.
            RefundsorterError: As `InquiryPort` says.
        """
        if self._daemon is not None:
            try:
                return question(self._daemon)
            except Unanswered as unanswered:
                self._daemon, self._unanswered = None, unanswered
        from refundsorter.inquiry_ledger import LedgerInquiry  # noqa: PLC0415 - SQLAlchemy is for those it answers

        try:
            return question(LedgerInquiry(self._settings))
        except PassingTrouble as trouble:
            if self._unanswered is None:
                raise
            raise PassingTrouble(f"{trouble}; and {self._unanswered}") from trouble

    def wait(self, number: int, on_progress: Callable[[int, int], None]) -> JobReport:
        """Wait until a job is over, or nobody works at it any more; how it stands then. Raises as `ask`."""
        while True:
            found = self.ask(lambda source: source.job(number))
            on_progress(found.done, found.found)
            if found.state in OVER or not self.ask(lambda source: source.is_anybody_sorting()):
                return found
            time.sleep(LOOK_S)


def new_key() -> str:
    """A key by which nothing was asked for yet."""
    return f"command-{secrets.token_urlsafe(16)}"
