"""What the commands on nights print for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from refundsorter.core.night_steps import Outcome, Step
from refundsorter.core.record import rfc3339
from refundsorter.core.text import printable
from refundsorter.show import OUT, duration, local

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.core.night_steps import NightRecord, StepRecord

MOST_NAMED = 10  # pairs named one by one; `--json` has them all
STYLES = {Outcome.DONE: "green", Outcome.FOUND: "yellow", Outcome.FAILED: "red"}
UNFINISHED = "not over"


def listed(nights: Sequence["NightRecord"]) -> None:
    """Nights, the newest first."""
    if not nights:
        OUT.print("No night was kept yet.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("night", "job", "began", "steps", ""):
        table.add_column(heading, justify="right" if heading == "job" else "left")
    for one in nights:
        began = min((step.began for step in one.steps), default=None)
        table.add_row(
            one.date,
            str(one.job),
            local(rfc3339(began)) if began is not None else "",
            str(len(one.steps)),
            _summary(one),
        )
    OUT.print(table)


def shown(night: "NightRecord") -> None:
    """A night's steps, and what they found."""
    OUT.print(f"The night of {night.date} (job {night.job}):\n")
    for one in night.steps:
        OUT.print(
            Text.assemble(
                (f"{one.told.outcome.value if one.told else UNFINISHED:<9}", _style(one)),
                f"{one.step.value:<10}{local(rfc3339(one.began))}  {_took(one)}",
            )
        )
        if one.told:
            OUT.print(f"         {printable(one.told.sentence)}")
    quality = night.of(Step.QUALITY)
    if quality is not None and quality.told is not None:
        _alike(quality.told.details.get("alike") or [])


def _alike(pairs: Sequence[Any]) -> None:
    if not pairs:
        return
    OUT.print("\nThese look alike, and are no copies; `refundsorter images show ID` says where they lie:")
    for one, other in pairs[:MOST_NAMED]:
        OUT.print(f"  {one} and {other}")
    if (more := len(pairs) - MOST_NAMED) > 0:
        OUT.print(f"  and {more} more; --json names them")


def _summary(night: "NightRecord") -> Text:
    unwell = [one for one in night.steps if one.told is None or one.told.outcome is not Outcome.DONE]
    if not unwell:
        return Text("all well", style="green")
    said = (f"{one.step.value} {one.told.outcome.value if one.told else UNFINISHED}" for one in unwell)
    return Text(", ".join(said), style="yellow")


def _style(one: "StepRecord") -> str:
    return STYLES[one.told.outcome] if one.told else ""


def _took(one: "StepRecord") -> str:
    return "" if one.ended is None else duration(one.ended - one.began)
