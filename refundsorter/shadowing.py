"""A candidate's record: how it answered the photos that the active bundle decided."""

from dataclasses import dataclass

from refundsorter.assembly import LEDGER_FILE
from refundsorter.core.fault import BundleRefused
from refundsorter.core.shadow import Comparison
from refundsorter.edges.choice import ChoiceFile
from refundsorter.edges.ledger_report import LedgerReport, read_overview
from refundsorter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRecord:
    """What `refundsorter models shadow` tells."""

    model: str  # the candidate, NAME/VERSION
    share: float  # of live photos that it is asked about; 0 when it is not tried any more
    beside: str | None  # the bundle that decided; None without a photo
    left_out: int  # photos that it answered too, but beside other bundles
    comparison: Comparison


def read(settings: Settings, reference: str | None) -> ShadowRecord:
    """The record of a candidate, or of the one that is tried now, beside the bundle that decided last.

    Raises:
        BundleRefused: None is named, and none is tried.
        PassingTrouble: The ledger cannot be read now.
        LedgerUnusable: It cannot be used as it is.
    """
    choice = ChoiceFile(settings.models).read()
    model = reference or choice.shadow
    if model is None:
        raise BundleRefused(
            "no candidate is tried; begin with `refundsorter models shadow NAME/VERSION --share 0.2`"
        )
    path = str(settings.state_dir / LEDGER_FILE)
    beside: dict[str, int] = {}
    pairings = []
    if read_overview(path) is not None:
        report = LedgerReport(path)
        try:
            beside = report.stood_beside(model)
            pairings = report.pairings(model, next(iter(beside), ""))
        finally:
            report.close()
    return ShadowRecord(
        model=model,
        share=choice.share if model == choice.shadow else 0.0,
        beside=next(iter(beside), None),
        left_out=sum(list(beside.values())[1:]),
        comparison=Comparison.of(pairings),
    )
