"""Photos that are filed already, looked at by another model: what it would file elsewhere, and moving that.

What people put right stays, and so does what the other model doubts: nothing that is filed goes to review.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from refundsorter.asking import carry_out, require_ledger, why_left
from refundsorter.core.correction import How, Stage, shelf_folder
from refundsorter.core.image import State
from refundsorter.core.placement import REVIEW
from refundsorter.core.port import Log
from refundsorter.core.record import Record
from refundsorter.core.undoing import Chosen, Selection
from refundsorter.edges.ledger_choosing import ChoosingReport
from refundsorter.edges.ledger_requests import RequestRows
from refundsorter.model import load_model
from refundsorter.preview import Previewer
from refundsorter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A photo that the model files elsewhere."""

    id: int  # its number
    source: str  # where it lay
    before: str  # the folder of the shelf it lay in
    category: str  # the one that the model says
    confidence: float  # how sure it is, 0..1
    correction: int | None  # the number of the journal's line; None where there is none
    done: bool  # whether it lies there; in a rehearsal, whether it would
    destination: str | None  # where it lies now
    reason: str | None  # why it is not done


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclassified:
    """What became of a command: photos = same + doubted + unread + the changes."""

    model: str  # NAME/VERSION
    dry_run: bool  # whether nothing was moved
    photos: int  # that were looked at
    put_right: int  # beside them: photos that people put where they are, which were not looked at
    same: int  # that the model files where they lie
    doubted: int  # that it is not sure of, or cannot decode
    unread: int  # that cannot be read now
    moves: Mapping[str, int]  # the changes, as `BEFORE → CATEGORY`, the most frequent first
    changes: tuple[Change, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every change is made, and every photo could be read."""
        return not self.unread and all(one.done for one in self.changes)


def choose(settings: Settings, selection: Selection) -> tuple[list[Chosen], int]:
    """The photos that fit and lie in a category or in review; and how many more people have put there.

    Raises:
        NothingFiled: There is no ledger.
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged, or of a newer version.
    """
    with closing(ChoosingReport(require_ledger(settings))) as report:
        chosen = report.chosen(selection, shelf=str(settings.sorted))
        put_right = report.put_right()
    lie_so = [one for one in chosen if not one.is_undone and _is_looked_at(_folder(settings, one))]
    left = [one for one in lie_so if one.id not in put_right]
    return left, len(lie_so) - len(left)


def reclassify(
    settings: Settings,
    chosen: Sequence[Chosen],
    put_right: int,
    *,
    model: str | None,
    dry_run: bool,
    log: Log,
    on_progress: Callable[[int, int], None],
) -> Reclassified:
    """Look at photos by a model, and move those that it files elsewhere.

    Args:
        settings: The settings in force.
        chosen: The photos.
        put_right: How many people have put right, beside them.
        model: NAME/VERSION; None for the active one.
        dry_run: Move nothing.
        log: The operational log.
        on_progress: Told how many photos are looked at, and how many there are.

    Raises:
        BundleRefused: There is no such bundle, or it does not load.
        AlreadyRunning, PassingTrouble, StartRefused: As `asking.carry_out`.
    """
    loaded = load_model(settings, model)
    outcomes: Counter[str] = Counter()
    changes: list[Change] = []
    seen = Previewer(settings, loaded).paths([one.path for one in chosen])
    for number, (one, (_, found)) in enumerate(zip(chosen, seen, strict=True), start=1):
        folder = _folder(settings, one)
        outcomes[_outcome(found, folder)] += 1
        if isinstance(found, Record) and _outcome(found, folder) == "changed":
            changes.append(_change(one, folder, found))
        on_progress(number, len(chosen))
    if changes and not dry_run:
        changes = _made(settings, changes, by=loaded.rules.model, log=log)
    moves = Counter(f"{one.before} → {one.category}" for one in changes)
    return Reclassified(
        model=loaded.rules.model,
        dry_run=dry_run,
        photos=len(chosen),
        put_right=put_right,
        same=outcomes["same"],
        doubted=outcomes["doubted"],
        unread=outcomes["unread"],
        moves=dict(moves.most_common()),
        changes=tuple(changes),
    )


def _outcome(found: Record | str, folder: str) -> str:
    if isinstance(found, str):
        return "unread"
    if found.state != State.SORTED:
        return "doubted"
    return "same" if found.category == folder else "changed"


def _change(one: Chosen, folder: str, found: Record) -> Change:
    assert found.category is not None, "it is filed under it"
    assert found.confidence is not None, "likewise"
    return Change(
        id=one.id,
        source=one.path,
        before=folder,
        category=found.category,
        confidence=found.confidence,
        correction=None,
        done=True,
        destination=None,
        reason=None,
    )


def _made(settings: Settings, changes: Sequence[Change], *, by: str, log: Log) -> list[Change]:
    """Have the changes made."""

    def ask(requests: RequestRows) -> dict[int, int]:
        numbers: dict[int, int] = {}
        for category in sorted({one.category for one in changes}):
            images = [one.id for one in changes if one.category == category]
            asked = requests.ask(images, category, by=by, now=time.time(), how=How.RECLASSIFIED)
            numbers |= dict(zip(images, asked, strict=True))
        return numbers

    asked = carry_out(settings, ask, log=log, on_progress=lambda *_: None)
    made: list[Change] = []
    for one in changes:
        number, verdict = asked[one.id]
        is_done = verdict.stage is Stage.DONE
        made.append(
            replace(
                one,
                correction=number if is_done else None,
                done=is_done,
                destination=verdict.destination if is_done else None,
                reason=why_left(verdict),
            )
        )
    return made


def _folder(settings: Settings, one: Chosen) -> str:
    return shelf_folder(str(settings.sorted), one.path)


def _is_looked_at(folder: str) -> bool:
    return folder == REVIEW or not folder.startswith("_")
