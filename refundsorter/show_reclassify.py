"""What `refundsorter reclassify` prints for people."""

from typing import TYPE_CHECKING

from rich.text import Text

from refundsorter.core.text import printable
from refundsorter.show import OUT, counts

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.reclassify import Reclassified

MOST_TOLD = 20  # photos that are told one by one


def reclassified(found: "Reclassified") -> None:
    """What a model says of photos that are filed already."""
    for one in found.changes[:MOST_TOLD]:
        said = f"{one.id}  {printable(one.before)} → {printable(one.category)} {one.confidence:.0%}"
        OUT.print(Text(said if one.done else f"{said}  left: {printable(one.reason or '')}"))
    if len(found.changes) > MOST_TOLD:
        OUT.print(f"… and {len(found.changes) - MOST_TOLD} more; --json has all")
    OUT.print(f"\n{printable(found.model)}, on {found.photos} photos:")
    counts(
        [
            *((f"  {printable(move)}", photos) for move, photos in found.moves.items()),
            ("  where they lie", found.same),
            ("  not sure", found.doubted),
            ("  not to be read now", found.unread),
        ]
    )
    if found.put_right:
        OUT.print(f"\nBeside these people have put {found.put_right} where they are; those stay.")
    moved = sum(one.done for one in found.changes)
    if found.dry_run:
        OUT.print(f"\nNothing was moved. Would be moved: {moved}.")
    else:
        OUT.print(f"\nMoved: {moved} of {len(found.changes)}.")
