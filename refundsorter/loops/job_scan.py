"""The search for a job's photos: one intake an inbox, each on a thread of its own.

A share that hangs keeps only itself waiting; the job goes on with it as soon as it answers.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from refundsorter.core.job import Scope
from refundsorter.core.port import FoundPort, ScannerPort
from refundsorter.loops.intake import Intake

SILENCE_S = 15.0  # an inbox that gives no sign of life for longer hangs; a busy ledger answers before that


@dataclass(frozen=True, slots=True)
class ScopedScanner:
    """A scanner that finds only what a job is about."""

    scanner: ScannerPort
    scope: Scope
    root: str  # the inbox

    def scan(self, tree: str | None = None) -> Iterator[FoundPort]:
        """Every regular file of the inbox that the job is about, one at a time.

        Raises:
            PassingTrouble: The inbox is missing or cannot be read; raised from the iterator.
        """
        for found in self.scanner.scan(tree):
            if self.scope.covers(found.path, root=self.root):
                yield found


class _Taker(threading.Thread):
    """One intake at work."""

    def __init__(self, intake: Intake) -> None:
        super().__init__(name=f"job {intake.root.path}", daemon=True)
        self.intake = intake
        self.left = 0  # files that were left out
        self.error: BaseException | None = None

    def run(self) -> None:
        """Take in what lies there; remember what it died of."""
        try:
            self.left = self.intake.run_once()
        except BaseException as error:  # noqa: BLE001 - whatever it is, whoever waits must learn of it
            self.error = error


class JobScan:
    """One look through some inboxes."""

    def __init__(self, intakes: Sequence[Intake]) -> None:
        self._takers = [_Taker(intake) for intake in intakes]
        for taker in self._takers:
            taker.start()

    def stop(self, timeout_s: float) -> None:
        """End it, waiting so long for each inbox; one that hangs ends when it answers."""
        for taker in self._takers:
            taker.intake.stop()
        self.join(timeout_s)

    def join(self, timeout_s: float) -> None:
        """Wait until it is over, so long for each inbox."""
        for taker in self._takers:
            taker.join(timeout_s)

    def is_alive(self) -> bool:
        """Whether it goes on.

        Raises:
            BaseException: What an intake died of.
        """
        for taker in self._takers:
            if taker.error is not None:
                raise taker.error
        return any(taker.is_alive() for taker in self._takers)

    def silent(self) -> list[str]:
        """The inboxes that do not answer."""
        return [
            taker.intake.root.path
            for taker in self._takers
            if taker.is_alive() and taker.intake.beat.age_s() > SILENCE_S
        ]

    def missed(self) -> list[str]:
        """The inboxes that could not be looked through, once it is over."""
        return [
            taker.intake.root.path
            for taker in self._takers
            if not taker.intake.root.is_reachable or taker.intake.has_given_up()
        ]

    def left(self) -> int:
        """How many files are left out of those that were looked through: they were still being written."""
        missed = self.missed()
        return sum(taker.left for taker in self._takers if taker.intake.root.path not in missed)
