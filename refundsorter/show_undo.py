"""What `refundsorter undo` prints for people."""

from typing import TYPE_CHECKING

from rich.text import Text

from refundsorter.core.text import printable
from refundsorter.show import OUT, counts

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.undo import Account, Undone

MOST_TOLD = 10  # photos that are told one by one


def undone(found: "Account") -> None:
    """What became of the photos: the first of them, and each that is left where it is."""
    if not found.photos:
        OUT.print("No filed photo fits.")
        return
    done = [one for one in found.photos if one.done]
    for one in done[:MOST_TOLD]:
        OUT.print(_moved(one))
    if len(done) > MOST_TOLD:
        OUT.print(f"… and {len(done) - MOST_TOLD} more")
    for one in found.photos:
        if not one.done:
            OUT.print(Text(f"{one.id}  left where it is: {printable(one.reason or '')}", style="yellow"))
    if len(found.categories) > 1:
        counts([(f"  {folder}", photos) for folder, photos in found.categories.items()])
    if found.dry_run:
        OUT.print(f"\nNothing was moved. Would be put back: {found.undone} of {len(found.photos)}.")
    else:
        OUT.print(f"\nPut back into the inbox: {found.undone} of {len(found.photos)}.")


def _moved(one: "Undone") -> Text:
    place = printable(one.destination or "")
    if one.source is None:
        return Text(f"{one.id}  was put back before: {place}")
    return Text(f"{one.id}  {printable(one.source)} → {place}")
