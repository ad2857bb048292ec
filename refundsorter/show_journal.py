"""What the commands on the journal print for people."""

from typing import TYPE_CHECKING

from refundsorter.core.text import printable
from refundsorter.show import OUT

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.tracing import Trace

MOST_NAMED = 20  # flaws named one by one; `--json` has them all


def traced(found: "Trace") -> None:
    """What following the chain came to."""
    files = "1 file" if found.files == 1 else f"{found.files} files"
    lines = "1 line" if found.lines == 1 else f"{found.lines} lines"
    if found.is_whole:
        OUT.print(f"Whole: {lines} in {files}, each as it was written.")
    else:
        OUT.print(f"Not whole: of {lines} in {files} these are not as they were written.\n")
    for flaw in found.flaws[:MOST_NAMED]:
        OUT.print(f"  {printable(flaw.file)}:{flaw.line}\n    {flaw.found}")
    if (more := len(found.flaws) - MOST_NAMED) > 0:
        OUT.print(f"  and {more} more; --json names them all")
    if found.removed:
        OUT.print(f"\nThe chain goes on behind {found.removed} files that retention has removed.")
    if found.unchained:
        OUT.print(f"\n{found.unchained} are from before lines were chained; the first that was covers them.")
    if found.torn:
        OUT.print("\nThe last line is just being written, or a crash has torn it: the next start mends that.")
    if not found.ledger:
        OUT.print("\nThere is no ledger to tell whether lines are missing at the end.")
