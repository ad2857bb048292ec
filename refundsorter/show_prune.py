"""What `refundsorter prune` prints for people."""

from typing import TYPE_CHECKING

from refundsorter.core.text import printable
from refundsorter.show import OUT, counts

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.pruning import Pruned

MOST_NAMED = 20  # photos named one by one; `--json` has them all
MIB = 1 << 20


def pruned(found: "Pruned") -> None:
    """What was put away, or would be."""
    rows = {
        "files of the journal compressed": len(found.compressed),
        "files of the journal removed": len(found.removed),
        "reports removed": len(found.reports),
        "rejected photos deleted": len(found.rejected),
        "predictions off the ledger": found.predictions,
        "answers of candidates off the ledger": found.shadows,
    }
    told = [(f"  {name}", number) for name, number in rows.items() if number]
    if not told:
        OUT.print("Nothing is old enough to be put away.")
    else:
        OUT.print(
            "Nothing was changed. Now this would be put away:" if found.dry_run else "This was put away:"
        )
        counts(told)
    if found.bytes:
        OUT.print(f"\n{'It takes' if found.dry_run else 'It took'} {found.bytes / MIB:.1f} MiB off the disk.")
    for path in found.rejected[:MOST_NAMED]:
        OUT.print(f"  {printable(path)}")
    if (more := len(found.rejected) - MOST_NAMED) > 0:
        OUT.print(f"  and {more} more; --json names them all")
    if found.vacuum:
        OUT.print(f"\nUnused room of the ledger's file: {found.vacuum}.")
    for why in found.trouble:
        OUT.print(f"\nThis was kept: {printable(why)}")
