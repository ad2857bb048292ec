"""What the commands on jobs print for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from refundsorter.core.text import printable
from refundsorter.show import OUT, counts, duration, local

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.core.job import JobReport

STYLES = {"done": "green", "running": "cyan", "queued": "cyan"}  # of the states; the others are yellow


def listed(found: "Sequence[JobReport]") -> None:
    """Jobs, a line each."""
    if not found:
        OUT.print("No job was started yet.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "state", "asked", "by"):
        table.add_column(heading)
    for heading in ("found", "done", "left"):
        table.add_column(heading, justify="right")
    for one in found:
        table.add_row(
            str(one.id),
            Text(one.state, style=STYLES.get(one.state, "yellow")),
            local(one.asked),
            printable(one.by or ""),
            str(one.found),
            str(one.done),
            str(one.left),
        )
    OUT.print(table)


def job(found: "JobReport") -> None:
    """All that is known of one."""
    OUT.print(f"Job {found.id} is {found.state}{_percent(found)}.")
    OUT.print(f"Asked for at {local(found.asked)}{_by(found)}.")
    if found.started:
        ended = f", ended at {local(found.ended)}" if found.ended else ""
        OUT.print(f"Started at {local(found.started)}{ended}{_pace(found)}.")
    for name, some in (("classes", found.classes), ("paths", found.paths), ("pattern", (found.glob or "",))):
        if any(some):
            OUT.print(f"Only {name}: {printable(', '.join(some))}")
    if found.trouble:
        OUT.print(Text(f"Held up: {printable(found.trouble)}", style="yellow"))
    rows = [("  sorted", found.sorted), *((f"    {name}", part) for name, part in found.categories.items())]
    rows += [("  review", found.review), ("  rejected", found.rejected)]
    rows += [(f"    {name}", part) for name, part in found.failures.items()]
    rows += [("  undone", found.undone)] if found.undone else []
    counts([*rows, ("  kept", found.kept), ("  left", found.left), ("  found", found.found)])


def started(found: "JobReport", *, somebody_sorts: bool) -> None:
    """That one is asked for."""
    OUT.print(f"Job {found.id} is {found.state}; `refundsorter jobs show {found.id}` says how it stands.")
    if not somebody_sorts:
        OUT.print("Nobody is sorting now; it is begun as soon as `refundsorter run` starts the daemon.")


def cancelled(found: "JobReport") -> None:
    """That the end of one is asked for."""
    if found.ended:
        OUT.print(f"Job {found.id} is cancelled.")
    else:
        OUT.print(f"Job {found.id} is {found.state}: what is in hand is finished first.")


def _percent(found: "JobReport") -> str:
    if found.percent is None or found.state == "queued":
        return ""
    return f": {found.percent:g} % of its photos are done"


def _by(found: "JobReport") -> str:
    return f" by {printable(found.by)}" if found.by else ""


def _pace(found: "JobReport") -> str:
    rate = f", {found.rate:.3g} a second" if found.rate else ""
    left = f", {duration(found.time_left_s)} to go" if found.time_left_s is not None else ""
    return rate + left
