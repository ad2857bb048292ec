"""What `refundsorter correct` prints for people."""

from typing import TYPE_CHECKING

from rich.text import Text

from refundsorter.core.text import printable
from refundsorter.show import OUT

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.correct import Account


def corrected(found: "Account") -> None:
    """What became of each photo."""
    for one in found.photos:
        if one.done:
            OUT.print(f"{one.id}  {printable(one.source or '')} → {printable(one.destination or '')}")
        else:
            OUT.print(Text(f"{one.id}  left where it is: {printable(one.reason or '')}", style="yellow"))
    done = sum(one.done for one in found.photos)
    category = printable(found.category)
    if found.dry_run:
        OUT.print(f"\nNothing was moved. Would be put into {category}: {done} of {len(found.photos)}.")
    else:
        OUT.print(f"\nPut into {category}: {done} of {len(found.photos)}.")
