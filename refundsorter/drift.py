"""Do photos come that the model was not made for? The last days against the weeks before."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from refundsorter.core.bundle import Bundle
from refundsorter.core.drift import (
    CONFIDENCE_BINS,
    Counts,
    Limits,
    Shift,
    Verdict,
    compare,
    compare_shares,
    confidence_class,
)
from refundsorter.core.fault import RefundsorterError
from refundsorter.core.record import rfc3339
from refundsorter.core.share import Share
from refundsorter.edges.bundle import BundleStore
from refundsorter.edges.ledger_drift import LedgerDrift
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.ledger_schema import FILE
from refundsorter.settings import Settings

DAY_S = 86_400.0
MIN_JUDGED = 30  # photos that people looked at, below which accuracy tells nothing


class NothingSorted(RefundsorterError):
    """There is no ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How often people agreed with the model on photos that they looked at."""

    now: Share  # in the window
    usual: Share  # in the weeks before
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What has changed."""

    model: str  # the bundle whose answers are looked at, NAME/VERSION
    reference_since: str  # the beginning of the weeks before, RFC 3339
    since: str  # of the window
    until: str  # likewise
    categories: Shift  # the mix of best categories, against the weeks before
    confidence: Shift  # the distribution of confidence, likewise
    confidence_at_making: (
        Shift | None
    )  # against what was measured when the bundle was made; None: it does not say
    accuracy: Accuracy

    @property
    def shifted(self) -> tuple[str, ...]:
        """What has changed, by the names of the fields."""
        verdicts: Mapping[str, Verdict | None] = {
            "categories": self.categories.verdict,
            "confidence": self.confidence.verdict,
            "confidence_at_making": self.confidence_at_making.verdict if self.confidence_at_making else None,
            "accuracy": self.accuracy.verdict,
        }
        return tuple(name for name, verdict in verdicts.items() if verdict is Verdict.SHIFTED)


def measure(settings: Settings, *, now: float) -> Drift:
    """Look at what the active bundle has decided up to `now`, in unix seconds.

    Raises:
        NothingSorted: There is no ledger.
        BundleRefused: There is no active bundle.
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged.
    """
    path = str(settings.state_dir / FILE)
    if not os.path.exists(path):
        raise NothingSorted(f"{path}: there is no ledger, so no photo was ever sorted; is `state_dir` right?")
    bundle = BundleStore(settings.models).active().manifest
    limits = Limits(psi=settings.drift.psi, min_photos=settings.drift.min_photos)
    since = now - settings.drift.window_days * DAY_S
    before = since - settings.drift.reference_days * DAY_S
    reader = Reader(path)
    try:
        ledger = LedgerDrift(reader)
        usual, seen = (ledger.answered(bundle.reference, *span) for span in ((before, since), (since, now)))
        agreed, agree = (ledger.judged(bundle.reference, *span) for span in ((before, since), (since, now)))
    finally:
        reader.close()
    made = at_making(bundle)
    return Drift(
        model=bundle.reference,
        reference_since=rfc3339(before),
        since=rfc3339(since),
        until=rfc3339(now),
        categories=compare(usual[0], seen[0], limits),
        confidence=compare(usual[1], seen[1], limits),
        confidence_at_making=compare(made, seen[1], limits) if made else None,
        accuracy=Accuracy(
            now=agree, usual=agreed, verdict=compare_shares(agreed, agree, min_photos=MIN_JUDGED)
        ),
    )


def at_making(bundle: Bundle) -> Counts | None:
    """The distribution of confidence on photos of sources that the bundle had not seen, by its manifest."""
    names = {confidence_class(index): f"held_out_confidence_{index}" for index in range(CONFIDENCE_BINS)}
    if not any(name in bundle.metrics for name in names.values()):
        return None
    return {bin_name: int(bundle.metrics.get(name, 0)) for bin_name, name in names.items()}
