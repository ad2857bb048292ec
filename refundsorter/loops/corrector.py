"""What commands have asked for, to put photos right or back: written down, moved, confirmed, journalled.

The order is that of the filer: the intent is in the ledger before the photo is touched, the move is durable
before the ledger says so, and the line follows. `recover` makes good what was cut short in between.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from refundsorter.core import placement
from refundsorter.core.correction import (
    NOWHERE,
    Home,
    Relocation,
    Request,
    Shelved,
    claimed_on_shelf,
    shelf_folder,
)
from refundsorter.core.fault import NameTaken, PassingTrouble, Vanished
from refundsorter.core.port import Clock, Log, ShelfPort
from refundsorter.core.port_corrections import CorrectionsPort, Look
from refundsorter.core.recovery import Found, Repair
from refundsorter.core.stability import FileIdentity
from refundsorter.loops.filer import Filer
from refundsorter.loops.repairs import repair_of

LOOK_S = 1.0  # how often it is looked whether something is asked for
GROUP = 100  # requests that are moved with one commit


class Corrector:
    """Puts photos where people say they belong. Used by the filer's thread.

    Args:
        root: The shelf.
        inboxes: Where photos may be put back.
        corrections: What is asked for.
        shelf: Moves photos.
        look: Says what file lies at a path.
        filer: Writes the lines, and keeps free what this holds.
        clock: The time.
        log: The operational log.
    """

    def __init__(
        self,
        *,
        root: str,
        inboxes: Sequence[str],
        corrections: CorrectionsPort,
        shelf: ShelfPort,
        look: Look,
        filer: Filer,
        clock: Clock,
        log: Log,
    ) -> None:
        self._root = root
        self._inboxes = frozenset(inboxes)
        self._corrections = corrections
        self._shelf = shelf
        self._look = look
        self._filer = filer
        self._clock = clock
        self._log = log
        self._next_look = clock.monotonic()
        self._troubles = 0  # looks in a row in which something was held back
        self._after = 0  # up to which request this look has come
        self._settled = 0  # requests that are over, in this look
        self._held_back = False  # whether trouble has held a request back in it
        self._there: set[str] = set()  # inboxes that were found to be there, in this step

    def turn(self) -> float:
        """Take up what is asked for, if it is time to look; seconds until the next look.

        Raises:
            PassingTrouble: Something was cut short; call `recover` before anything else.
        """
        now = self._clock.monotonic()
        if now >= self._next_look:
            self._next_look = now + (0.0 if self.step() else self._rest_s())
        return max(0.0, self._next_look - self._clock.monotonic())

    def take_up(self) -> None:
        """Do all that is asked for and can be done now; raises as `step`."""
        while self.step():
            pass

    def step(self) -> bool:
        """Do the next group of what is asked for; whether more can be done now.

        A look goes through all requests once, so that one which trouble holds back keeps no other waiting.

        Raises:
            PassingTrouble: Something was cut short; call `recover` before anything else.
        """
        if not self._after:
            self._settled, self._held_back = 0, False
        requests = self._corrections.requests(GROUP, after=self._after)
        if not requests:
            self._after = 0
            return self._settled > 0  # another request for one of these photos may have waited for this one
        self._after = requests[-1].id
        self._there.clear()
        reserved = set(self._filer.held | self._filer.barred)
        begun = [one for request in requests if (one := self._begin(request, reserved)) is not None]
        self._relocate(begun)
        return True

    def _rest_s(self) -> float:
        """Seconds until the next look."""
        self._troubles = self._troubles + 1 if self._held_back else 0
        return max(LOOK_S, self._filer.retry.delay_s(self._troubles) if self._troubles else 0.0)

    def recover(self) -> int:
        """Make good what was cut short; how many moves cannot be told yet.

        Raises:
            PassingTrouble: Nothing can be moved before this has been called again.
        """
        pending = self._corrections.pending(root=self._root)
        if pending and not self._shelf.is_reachable():
            raise PassingTrouble("corrections cannot be checked: the shelf has no journal folder")
        held = [one for one in pending if not self._resolve(one)]
        self._filer.barred = {placement.alike(one.destination) for one in held}
        self._filer.write_lines()
        return len(held)

    def _begin(self, request: Request, reserved: set[str]) -> Relocation | None:
        """Say where a photo is to go; None where it is refused or cannot be looked at now."""
        try:
            found = self._refusal(request) or self._relocation(request, reserved)
        except PassingTrouble as trouble:
            self._give_back(request.id, request.image, str(trouble))
            return None
        if isinstance(found, Relocation):
            return found
        self._refuse(request.id, request.image, found)
        return None

    def _refusal(self, request: Request) -> str:
        """Why a request cannot be done; nothing where it can."""
        photo, home = request.photo, request.home
        if photo is None or home is None:
            return f"no photo {request.image} was filed"
        if request.is_undone:
            return "it was put back into the inbox" + (", and is sorted no more" if request.category else "")
        if request.category == NOWHERE:
            if home.root not in self._inboxes:
                return f"it came from {home.root}, which is no inbox any more"
            self._require_inbox(home.root, photo if request.is_as_filed else None)
        elif shelf_folder(self._root, photo.path) == request.category:
            return f"it lies in {request.category} already"
        match self._shelf.found(photo.path, photo.identity, photo.sha256):
            case Found.SAME:
                return ""
            case Found.UNREACHABLE:
                raise PassingTrouble(f"{photo.path!r} cannot be read now")
            case _:
                return f"it lies no longer at {photo.path}; where it was moved to is found by the next scan"

    def _require_inbox(self, root: str, photo: Shelved | None = None) -> None:
        """See to it that photos do not disappear in the empty folder that an inbox is mounted on.

        Args:
            root: The inbox.
            photo: One that came from it, if its file there is known; one that was renamed is the same still.

        Raises:
            PassingTrouble: They might.
        """
        if root in self._there:
            return
        try:
            device = self._shelf.unmounted_device(root)
        except Vanished as gone:
            raise PassingTrouble(f"the inbox is away: {gone}") from gone
        if device is not None and not (
            (photo and self._look(photo.path) == replace(photo.identity, device=device))
            or self._corrections.came_from(root, device)
        ):
            raise PassingTrouble(
                f"{root} seems to be the empty folder that the inbox is mounted on: no photo came from that "
                "disk. Is it mounted? If it is the inbox itself, put a photo there, and try again"
            )
        self._there.add(root)

    def _relocation(self, request: Request, reserved: set[str]) -> Relocation | str:
        photo, home = request.photo, request.home
        assert photo is not None, "a photo that is not there is refused"
        assert home is not None, "it came from somewhere"
        identity = self._look(photo.path)
        if identity is None:
            return f"{photo.path} was taken away"
        return self._to(request.id, request.category, photo, home, identity=identity, reserved=reserved)

    def _to(
        self,
        number: int,
        category: str,
        photo: Shelved,
        home: Home,
        *,
        identity: FileIdentity,
        reserved: set[str],
    ) -> Relocation:
        """A relocation to the first free name, in a category or where the photo lay in the inbox."""
        goal = PurePath(home.path) if category == NOWHERE else PurePath(category, PurePath(photo.path).name)
        return Relocation(
            id=number,
            claimed=claimed_on_shelf(photo, root=self._root, identity=identity),
            sha256=photo.sha256,
            origin=shelf_folder(self._root, photo.path),
            category=category,
            destination=self._shelf.place(goal.parent, goal.name, reserved),
            model=photo.model,
            home=home,
        )

    def _relocate(self, relocations: Sequence[Relocation]) -> None:
        """Move photos, and write their lines."""
        while relocations:
            self._corrections.intend(relocations)
            renamed: list[Relocation] = []
            done: list[tuple[Relocation, FileIdentity]] = []
            reserved = set(self._filer.held | self._filer.barred)
            for one, outcome in zip(relocations, self._shelf.move(relocations), strict=True):
                match outcome:
                    case NameTaken():
                        renamed.append(self._renamed(one, reserved))
                    case PassingTrouble():
                        self._give_back(one.id, one.claimed.id, str(outcome))
                    case Vanished():
                        self._refuse(one.id, one.claimed.id, str(outcome))
                    case _:
                        done.append((one, self._look(one.destination) or one.claimed.identity))
            self._finish(done)
            relocations = renamed
        self._filer.write_lines()

    def _renamed(self, one: Relocation, reserved: set[str]) -> Relocation:
        photo = Shelved(
            image=one.claimed.id,
            path=one.claimed.path,
            identity=one.claimed.identity,
            sha256=one.sha256,
            model=one.model,
        )
        return self._to(
            one.id, one.category, photo, one.home, identity=one.claimed.identity, reserved=reserved
        )

    def _resolve(self, one: Relocation) -> bool:
        """Resolve a move that was written down and not confirmed; False when it cannot be told yet."""
        try:
            todo = repair_of(self._shelf, one)
            self._repair(one, todo)
        except PassingTrouble as trouble:
            self._log.warning("correction.held", id=one.claimed.id, correction=one.id, trouble=str(trouble))
            self._corrections.hold(one.id, str(trouble))
            return False
        self._log.info("correction.recovered", id=one.claimed.id, correction=one.id, repair=todo.name)
        return True

    def _repair(self, one: Relocation, todo: Repair) -> None:
        claimed = one.claimed
        match todo:
            case Repair.HOLD:
                raise PassingTrouble("it cannot be told whether it was moved: its photo is out of reach")
            case Repair.FORGET:
                if one.is_undoing:
                    self._require_inbox(one.home.root)
                self._refuse(one.id, claimed.id, f"{claimed.path} was taken away")
            case Repair.RELEASE:
                self._corrections.give_back(one.id, None)
            case Repair.FINISH | Repair.DROP_SOURCE:
                self._shelf.drop_source(claimed.path, claimed.identity, one.sha256, one.destination)
                self._finish([(one, self._look(one.destination) or claimed.identity)])

    def _finish(self, done: Sequence[tuple[Relocation, FileIdentity]]) -> None:
        if not done:
            return
        self._corrections.finish(done, now=self._clock.now())
        self._settled += len(done)
        for one, _ in done:
            if one.is_undoing:
                self._log.info("photo.undone", id=one.claimed.id, origin=one.origin)
            else:
                self._log.info("photo.corrected", id=one.claimed.id, origin=one.origin, category=one.category)

    def _give_back(self, number: int, image: int, trouble: str) -> None:
        self._held_back = True
        self._corrections.give_back(number, trouble)
        self._log.warning("correction.held_back", id=image, correction=number, trouble=trouble)

    def _refuse(self, number: int, image: int, why: str) -> None:
        self._corrections.refuse(number, why)
        self._settled += 1
        self._log.info("correction.refused", id=image, correction=number, why=why)
