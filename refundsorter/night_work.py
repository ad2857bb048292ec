"""What the steps of a night do: each asks one part of the program, and says what came of it.

Every step imports what it needs when it is due: the daemon's start waits for none of that.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from refundsorter.core.check import Verdict
from refundsorter.core.night_steps import CutShort, Outcome, Step, Told, Tonight
from refundsorter.core.placement import REVIEW
from refundsorter.core.port import Log
from refundsorter.core.schedule import day_of_key
from refundsorter.core.undoing import Selection
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.ledger_jobs_report import JobsReport
from refundsorter.edges.ledger_schema import FILE
from refundsorter.edges.night_book import NightBook
from refundsorter.loops.night_steps import Work
from refundsorter.settings import Settings

if TYPE_CHECKING:
    from refundsorter.core.drift import Shift
    from refundsorter.quality import Quality

DAY_S = 86_400.0
POOR_SHARE = 0.05  # of all photos: small and rejected ones together, beyond which somebody should look


def work(settings: Settings, log: Log) -> Mapping[Step, Work]:
    """How each step is done."""
    again: dict[Step, Work] = {
        Step.REVIEW: lambda _tonight, is_stopping: review(settings, log, is_stopping),
    }
    return {
        Step.HEALTH: lambda _tonight, _is_stopping: health(settings),
        Step.SWEEP: lambda _tonight, _is_stopping: sweep(settings),
        **(again if settings.sweep.review else {}),
        Step.QUALITY: lambda tonight, is_stopping: quality(settings, tonight, is_stopping),
        Step.DRIFT: lambda _tonight, _is_stopping: drift(settings),
        Step.REPORT: lambda _tonight, _is_stopping: report(settings),
        Step.RETENTION: lambda _tonight, is_stopping: retention(settings, log, is_stopping),
    }


def tonight(settings: Settings) -> Tonight | None:
    """The night that was asked for last; None before the first one.

    Raises:
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged.
    """
    with closing(JobsReport(str(settings.state_dir / FILE))) as ledger:
        found = ledger.last_night()
    if found is None:
        return None
    key, job, _ = found
    return Tonight(date=day_of_key(key).isoformat(), job=job.id, is_swept=job.ended_at is not None)


def health(settings: Settings) -> Told:
    """Is everything as the daemon needs it?"""
    from refundsorter import doctor  # noqa: PLC0415 - see above

    checks = list(doctor.examine(settings))
    bad = [one for one in checks if one.verdict is not Verdict.OK]
    sentence = "; ".join(f"{one.name}: {one.found}" for one in bad) or f"{len(checks)} checks, all well"
    return Told(
        outcome=Outcome.FOUND if bad else Outcome.DONE,
        sentence=sentence,
        details={"checks": len(checks), "bad": [asdict(one) for one in bad]},
    )


def sweep(settings: Settings) -> Told:
    """What the night's job came to."""
    from refundsorter import nights  # noqa: PLC0415 - see above

    last = nights.read(None, str(settings.state_dir / FILE), now=time.time()).last
    if last is None:
        return Told(outcome=Outcome.FAILED, sentence="the ledger does not know the night any more")
    left = f"{last.left} left" if last.left else "none left"
    why = f": {last.trouble}" if last.trouble else ""
    return Told(
        outcome=Outcome.DONE if last.flaw is None else Outcome.FOUND,
        sentence=f"{_photos(last.found)}, {left}; {last.state}{why}",
        details={"found": last.found, "left": last.left, "state": last.state},
    )


def review(settings: Settings, log: Log, is_stopping: Callable[[], bool]) -> Told:
    """What does a bundle that has not looked at them make of the photos that wait for a person?"""
    from refundsorter import reclassify  # noqa: PLC0415 - see above
    from refundsorter.edges.bundle import BundleStore  # noqa: PLC0415

    def on_progress(_done: int, _photos: int) -> None:
        if is_stopping():
            raise CutShort("the daemon stops")

    model = BundleStore(settings.models).active().manifest.reference
    if _reviewed_by(settings) == model:
        said = f"{model} has looked at what lay there before"
        return Told(outcome=Outcome.DONE, sentence=said, details={"model": model})
    chosen, put_right = reclassify.choose(settings, Selection(folder=REVIEW))
    found = reclassify.reclassify(
        settings, chosen, put_right, model=None, dry_run=False, log=log, on_progress=on_progress
    )
    filed = sum(one.done for one in found.changes)
    return Told(
        outcome=Outcome.DONE if found.is_complete else Outcome.FOUND,
        sentence=f"{found.model} has looked at {_photos(found.photos)} in review and filed {filed}",
        details={"model": found.model, "photos": found.photos, "filed": filed},
    )


def _reviewed_by(settings: Settings) -> str | None:
    """The bundle that looked at review last."""
    steps = (one.of(Step.REVIEW) for one in reversed(NightBook(settings.state_dir).nights()))
    return next((one.told.details.get("model") for one in steps if one and one.told), None)


def quality(settings: Settings, tonight: Tonight, is_stopping: Callable[[], bool]) -> Told:
    """Of what quality were the photos since the night before?"""
    from refundsorter.quality import measure  # noqa: PLC0415 - see above

    until = time.time()
    found = measure(
        settings, since=_last_looked(settings, tonight, until), until=until, is_stopping=is_stopping
    )
    return Told(
        outcome=Outcome.FOUND if found.alike or _is_poor(found) else Outcome.DONE,
        sentence=_said(found),
        details=asdict(found) | {"until_s": until},
    )


def _is_poor(found: "Quality") -> bool:
    """Whether more photos than usual are of little use: somebody's camera or upload is broken."""
    return found.small + sum(found.rejected.values()) > POOR_SHARE * found.filed


def _last_looked(settings: Settings, tonight: Tonight, until: float) -> float:
    """Up to when the night before has looked, unix seconds; a day ago where none has."""
    before = [one.of(Step.QUALITY) for one in NightBook(settings.state_dir).nights() if one.job < tonight.job]
    ends = [one.told.details.get("until_s") for one in before if one is not None and one.told is not None]
    known = [float(one) for one in ends if one is not None and one <= until]
    return max(known, default=until - DAY_S)


def _said(found: "Quality") -> str:
    parts = [f"{_photos(found.filed)} since {found.since[:16]}Z"]
    if found.rejected:
        why = ", ".join(f"{name} {number}" for name, number in sorted(found.rejected.items()))
        parts.append(f"{sum(found.rejected.values())} rejected ({why})")
    if found.small:
        parts.append(f"{found.small} smaller than {found.small_side} pixels")
    if found.copies:
        parts.append(f"{found.copies} exact copies")
    pairs = len(found.alike)
    parts.append(
        f"{pairs} {'pair looks' if pairs == 1 else 'pairs look'} alike of {found.looked_at} compared"
    )
    if found.stopped:
        parts.append(f"{found.of - found.looked_at} not looked at: {found.stopped}")
    return ", ".join(parts)


def drift(settings: Settings) -> Told:
    """Do photos come that the model was not made for?"""
    from refundsorter.drift import measure  # noqa: PLC0415 - see above

    found = measure(settings, now=time.time())
    psi = {
        "categories": {"before": _psi(found.categories)},
        "confidence": {"before": _psi(found.confidence), "making": _psi(found.confidence_at_making)},
    }
    shifted = ", ".join(found.shifted)
    return Told(
        outcome=Outcome.FOUND if shifted else Outcome.DONE,
        sentence=f"shifted: {shifted}"
        if shifted
        else f"nothing has shifted; {found.categories.photos} photos",
        details={"model": found.model, "shifted": list(found.shifted), "psi": psi},
    )


def _psi(shift: "Shift | None") -> float | None:
    return None if shift is None or shift.psi is None else shift.psi.value


def report(settings: Settings) -> Told:
    """Make the account of the last day that is over."""
    from refundsorter import report as reports  # noqa: PLC0415 - see above

    now = time.time()
    found = reports.make(settings, reports.yesterday(settings, now=now), now=now)
    adds_up = "" if found.account.adds_up else "its account does not add up: "
    return Told(
        outcome=Outcome.FOUND if adds_up else Outcome.DONE,
        sentence=f"{adds_up}{found.html}",
        details=asdict(found),
    )


def retention(settings: Settings, log: Log, is_stopping: Callable[[], bool]) -> Told:
    """Put away what is old; a daemon that stops does not wait for it, and a kill there loses nothing."""
    from refundsorter.pruning import prune  # noqa: PLC0415 - see above

    def before(_operation: str, _path: str) -> None:
        if is_stopping():
            raise CutShort("the daemon stops")

    found = prune(settings, dry_run=False, now=time.time(), log=log, files=FileSystem(before))
    files: dict[str, Any] = {
        "compressed": len(found.compressed),
        "removed": len(found.removed),
        "reports": len(found.reports),
        "rejected photos": len(found.rejected),
        "predictions": found.predictions,
        "answers of candidates": found.shadows,
    }
    said = ", ".join(f"{name} {number}" for name, number in files.items() if number)
    trouble = f"; kept: {'; '.join(found.trouble)}" if found.trouble else ""
    return Told(
        outcome=Outcome.FOUND if found.trouble else Outcome.DONE,
        sentence=f"{said or 'nothing was old enough'}{trouble}",
        details=asdict(found),
    )


def _photos(number: int) -> str:
    return "1 photo" if number == 1 else f"{number} photos"
