"""What the commands on the ledger print for people."""

from typing import TYPE_CHECKING

from refundsorter.core.text import printable
from refundsorter.show import OUT, counts

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.rebuild import Rebuilt

MOST_NAMED = 20  # photos named one by one; `--json` has them all


def rebuilt(found: "Rebuilt") -> None:
    """A rebuild's account."""
    OUT.print(
        "Nothing was changed. A rebuild now would do this:"
        if found.dry_run
        else "The ledger was made anew from the journal."
    )
    if found.kept_as:
        OUT.print(f"The old one is kept as {printable(found.kept_as)}.")
    flaws = {
        "corrected": found.corrected,
        "predicted": found.predicted,
        "repeated": found.repeated,
        "clashing": found.clashing,
        "foreign": found.foreign,
        "damaged": found.damaged,
        "torn": found.torn,
    }
    counts(
        [
            ("  sorted", found.sorted),
            ("  review", found.review),
            ("  rejected", found.rejected),
            *((f"  {name}", count) for name, count in flaws.items() if count),
            ("  lines", found.lines),
        ]
    )
    counts(
        [
            ("  where their line says", found.with_line),
            ("  elsewhere", found.moved),
            ("  without a line", len(found.without_line)),
            ("  on the shelf", found.on_shelf),
        ]
    )
    for why in found.unreadable:
        OUT.print(f"\nThis could not be looked at: {printable(why)}")
    if found.without_line:
        OUT.print("\nNo line tells of these. Move them into the inbox, and they are sorted with one:")
        for path in found.without_line[:MOST_NAMED]:
            OUT.print(f"  {printable(path)}")
        if (more := len(found.without_line) - MOST_NAMED) > 0:
            OUT.print(f"  and {more} more; --json names them all")
