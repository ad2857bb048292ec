"""What is to be done with a move that was written down and not confirmed, by what lies where."""

from refundsorter.core.image import Move
from refundsorter.core.port import ShelfPort
from refundsorter.core.recovery import Found, Repair, repair


def repair_of(shelf: ShelfPort, move: Move) -> Repair:
    """Discard a half-made copy, put back or remove what was taken, look, and decide.

    Raises:
        PassingTrouble: That cannot be done now.
    """
    claimed, identity = move.claimed, move.claimed.identity
    shelf.discard_partial(move.destination, claimed.id)
    destination = shelf.found(move.destination, identity, move.sha256)
    if destination is not Found.UNREACHABLE:
        arrived_at = move.destination if destination is Found.SAME else None
        shelf.let_go(claimed, move.sha256, arrived_at=arrived_at)
    return repair(source=shelf.found(claimed.path, identity, move.sha256), destination=destination)
