"""Asking for photos to be put right, or back: of the process that sorts, or of this one where none does.

The request stands in the ledger, which two processes may write to. The one that has the state directory's
lock takes it up, moves the photos and writes the lines; whoever asked waits for the outcome in the ledger.
Where nobody has the lock, this process takes it and does the same.
"""

import os
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing

from refundsorter.core.correction import Stage, Verdict
from refundsorter.core.fault import AlreadyRunning, StartRefused
from refundsorter.core.port import Log
from refundsorter.edges import mounts
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.ledger import Ledger
from refundsorter.edges.ledger_report import LedgerReport
from refundsorter.edges.ledger_requests import RequestRows
from refundsorter.edges.ledger_schema import FILE
from refundsorter.edges.lock import holder
from refundsorter.edges.patience import Share
from refundsorter.filing import Filing, SystemClock
from refundsorter.settings import Settings

LOOK_S = 0.05  # how often the outcome is looked for
PATIENCE_S = 30.0  # how long the other process has for the next photo
NOT_TAKEN_UP = "the process that sorts has not taken it up; it was withdrawn"
IN_HAND = "it is being moved; `refundsorter status` says what holds moves"

Ask = Callable[[RequestRows], Mapping[int, int]]  # asks, and gives the numbers of the requests by the photos'
OnProgress = Callable[[int, int], None]  # told how many photos are done, and how many there are


class NothingFiled(StartRefused):
    """There is no ledger, so no photo can be corrected."""


def carry_out(
    settings: Settings, ask: Ask, *, log: Log, on_progress: OnProgress
) -> dict[int, tuple[int, Verdict]]:
    """Have something done with photos; the number of the request for each, and what became of it.

    Args:
        settings: For ledger, shelf and journal.
        ask: What is asked for.
        log: The operational log.
        on_progress: Told how far it is.

    Raises:
        NothingFiled: There is no ledger.
        AlreadyRunning: Another process uses the shelf or an inbox, or runs and is older than this one.
        PassingTrouble: The disk does not allow it now.
        StartRefused: What lies in a lock's place is no lock, or the ledger is damaged or of a newer version.
    """
    path = require_ledger(settings)
    roots = (*settings.inbox, settings.sorted)
    shares = [Share(str(root)) for root in roots if mounts.why_polling(root) is not None]
    try:
        filing = Filing(settings, log, files=FileSystem(shares=shares), clock=SystemClock())
    except AlreadyRunning:
        if holder(str(settings.state_dir)) is None:
            raise  # it uses another ledger: nobody would take this up
        _require_version(path)
        with closing(Ledger(path, longest_wait_s=settings.retry.max_s)) as ledger:
            asked = ask(ledger.corrections)
            verdicts = _await(settings, ledger.corrections, asked.values(), on_progress)
    else:
        with closing(filing):
            filing.recover()
            asked = ask(filing.ledger.corrections)
            verdicts = _do(filing, asked.values(), on_progress)
    return {image: (number, verdicts[number]) for image, number in asked.items()}


def why_left(verdict: Verdict) -> str | None:
    """Why what was asked for is not done; None where it is."""
    if verdict.stage is Stage.DONE:
        return None
    return verdict.trouble or (NOT_TAKEN_UP if verdict.stage is Stage.ASKED else IN_HAND)


def require_ledger(settings: Settings) -> str:
    """The ledger's path.

    Raises:
        NothingFiled: There is none.
    """
    path = str(settings.state_dir / FILE)
    if not os.path.exists(path):
        raise NothingFiled(f"{path}: there is no ledger, so no photo was ever sorted; is `state_dir` right?")
    return path


def _do(filing: Filing, numbers: Collection[int], on_progress: OnProgress) -> dict[int, Verdict]:
    """Do it in this process, which has the lock."""
    requests = filing.ledger.corrections
    try:
        while filing.corrector.step():
            on_progress(len(numbers) - requests.open_ones(numbers), len(numbers))
    finally:
        withdrawn = requests.withdraw(numbers)
    return withdrawn | requests.verdicts(set(numbers) - withdrawn.keys())


def _await(
    settings: Settings, requests: RequestRows, numbers: Collection[int], on_progress: OnProgress
) -> dict[int, Verdict]:
    """Wait until all is done or refused, or nothing more is done for a while; then withdraw what is left."""
    done, deadline = 0, time.monotonic() + PATIENCE_S
    try:
        while time.monotonic() < deadline and holder(str(settings.state_dir)) is not None:
            over = len(numbers) - requests.open_ones(numbers)
            on_progress(over, len(numbers))
            if over == len(numbers):
                break
            if over > done:
                done, deadline = over, time.monotonic() + PATIENCE_S
            time.sleep(LOOK_S)
    finally:
        withdrawn = requests.withdraw(numbers)
    return withdrawn | requests.verdicts(set(numbers) - withdrawn.keys())


def _require_version(path: str) -> None:
    """Leave the ledger of an older process alone: to write to it, it would have to be migrated."""
    with closing(LedgerReport(path)) as report:
        if not report.is_current:
            raise AlreadyRunning("the refundsorter that runs is older than this one; restart it first")
