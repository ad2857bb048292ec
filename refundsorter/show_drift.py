"""What `refundsorter drift` prints for people."""

from typing import TYPE_CHECKING

from rich.table import Table

from refundsorter.core.drift import Shift, Verdict
from refundsorter.core.text import printable
from refundsorter.show import OUT

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.drift import Drift

SAID = {Verdict.STEADY: "steady", Verdict.SHIFTED: "shifted", Verdict.TOO_FEW: "too few photos to tell"}


def drifted(found: "Drift") -> None:
    """What has changed."""
    OUT.print(f"{printable(found.model)}, from {found.since[:16]}Z to {found.until[:16]}Z, against")
    OUT.print(f"the time before, from {found.reference_since[:16]}Z.\n")
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "photos", "before", "PSI (95 % interval)", "by chance", "distance", ""):
        table.add_column(heading, justify="left" if heading in ("what", "") else "right")
    _row(table, "categories", found.categories)
    _row(table, "confidence", found.confidence)
    if found.confidence_at_making:
        _row(table, "confidence, when it was made", found.confidence_at_making)
    OUT.print(table)
    accuracy = found.accuracy
    OUT.print(f"\nPeople agreed with the model on {accuracy.now}.")
    OUT.print(f"Before: {accuracy.usual}. {SAID[accuracy.verdict].capitalize()}.")
    for name, shift in (("categories", found.categories), ("confidence", found.confidence)):
        if shift.moved:
            told = ", ".join(printable(one or "none") for one in shift.moved)
            OUT.print(f"\nOf {name} these changed most: {told}.")
    if not found.confidence_at_making:
        OUT.print("\nThe bundle does not tell how sure it was when it was made.")
    if found.shifted:
        OUT.print("\nLook at some of the last photos, and correct them: what is corrected can be taught.")


def _row(table: Table, what: str, shift: Shift) -> None:
    psi = f"{shift.psi.value:.3f} ({shift.psi.low:.3f} to {shift.psi.high:.3f})" if shift.psi else ""
    table.add_row(
        what,
        str(shift.photos),
        str(shift.reference),
        psi,
        f"{shift.chance:.3f}" if shift.chance is not None else "",
        f"{shift.distance.value:.3f}" if shift.distance else "",
        SAID[shift.verdict],
    )
