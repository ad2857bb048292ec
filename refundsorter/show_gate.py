"""What `refundsorter models gate` prints for people."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from refundsorter.core.text import printable
from refundsorter.show import OUT

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.core.share import Share
    from refundsorter.training.gate import Comparison, Outcome


LEAST_P = 0.001  # a smaller one is told to be so


def compared(found: "Comparison", outcome: "Outcome") -> None:
    """Both bundles' shares, the photos on which they differ, and the verdict."""
    if not found.photos:
        OUT.print("Not passed: nobody has corrected a photo yet. Name photos to compare on with --data.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column(f"{found.photos} photos")
    for name in (found.candidate, found.against):
        table.add_column(printable(name), no_wrap=True)
    for name in ("only it", "only the other", "p"):
        table.add_column(name, justify="right")
    for name, pair in (("right category", found.right), ("filed right", found.filed_right)):
        table.add_row(
            name,
            _share(pair.candidate),
            _share(pair.against),
            str(pair.only_candidate),
            str(pair.only_against),
            "<0.001" if pair.p_value < LEAST_P else f"{pair.p_value:.3f}",
        )
    table.add_row("right, of those filed", *(_share(one) for one in found.precision), "", "", "")
    OUT.print(table)
    OUT.print()
    OUT.print(Text(_sentence(found, outcome), style="green" if outcome == "passed" else "yellow"))


def _share(share: "Share") -> str:
    low, high = share.interval
    return f"{share.value:.1%} ({share.hits} of {share.of}; {low:.0%} to {high:.0%})"


def _sentence(found: "Comparison", outcome: "Outcome") -> str:
    match outcome.value:
        case "passed":
            return f"Passed: nothing says that {found.candidate} is worse than {found.against}."
        case "worse":
            return "Refused: " + "; ".join(found.reasons) + "."
        case _:
            return (
                f"Not passed: {found.photos} photos are too few to tell; a clear loss might not show. "
                "Name more with --data, or say --allow-few."
            )
