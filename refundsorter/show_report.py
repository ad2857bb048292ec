"""What `refundsorter report` prints for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from refundsorter.core.text import printable
from refundsorter.show import OUT

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.report import Made


def made(days: Sequence["Made"]) -> None:
    """Each day's account, and where its page lies."""
    if not days:
        OUT.print("There is nothing to tell of yet: no photo was filed on a day that is over.")
    for one in days:
        account, so_far = one.account, "" if one.is_over else " so far"
        OUT.print(
            f"{one.date}{so_far}: {account.came_in} came in = {account.sorted} sorted + "
            f"{account.review} review + {account.rejected} rejected + {account.waiting} waiting"
        )
        if not account.adds_up:
            OUT.print(Text("  The account does not add up: see `refundsorter doctor`.", style="red"))
        OUT.print(Text(f"  {printable(one.html)}"))
