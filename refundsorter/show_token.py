"""What the commands on tokens print for people."""

from collections.abc import Sequence

from rich.table import Table

from refundsorter.core.text import printable
from refundsorter.core.token import Token
from refundsorter.show import OUT


def listed(found: Sequence[Token]) -> None:
    """Tokens, a line each."""
    if not found:
        OUT.print("There are no tokens: whoever has an account on this machine may use HTTP.")
        return
    table = Table("name", "role", "created", box=None, pad_edge=False)
    for one in found:
        table.add_row(printable(one.name), one.role, printable(one.created))
    OUT.print(table)
