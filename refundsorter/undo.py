"""Putting photos back into the inbox where they came from; `asking` says by whom."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from refundsorter.asking import carry_out, require_ledger, why_left
from refundsorter.core.correction import Stage, shelf_folder
from refundsorter.core.port import Log
from refundsorter.core.undoing import Chosen, Selection
from refundsorter.edges.ledger_choosing import ChoosingReport
from refundsorter.edges.scan import stat_file
from refundsorter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What became of one photo."""

    id: int  # the photo's number
    correction: int | None  # the number of the journal's line; None where this command has made none
    done: bool  # whether it lies in the inbox again; in a rehearsal, whether it would
    source: str | None  # where it lay on the shelf, if it was found
    destination: str | None  # where it lies now; in a rehearsal, where it came from
    reason: str | None  # why it is not done


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What became of a command: photos = undone + left."""

    by: str | None  # whose word it is
    dry_run: bool  # whether nothing was moved
    undone: int  # photos that lie in the inbox again; in a rehearsal, that would
    left: int  # photos that are left where they are
    categories: Mapping[str, int]  # photos that fitted, by the folder of the shelf they lay in
    photos: tuple[Undone, ...]  # each of them, by its number

    @property
    def is_complete(self) -> bool:
        """Whether every photo lies in the inbox again."""
        return not self.left


def choose(settings: Settings, selection: Selection) -> list[Chosen]:
    """The photos that fit, by their numbers.

    Raises:
        NothingFiled: There is no ledger.
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged, or of a newer version.
    """
    with closing(ChoosingReport(require_ledger(settings))) as report:
        return report.chosen(selection, shelf=str(settings.sorted))


def rehearse(
    settings: Settings, selection: Selection, chosen: Sequence[Chosen], *, by: str | None
) -> Account:
    """Say what `undo` would do; nothing is changed.

    Raises:
        PassingTrouble: A photo cannot be looked at now.
    """
    photos = [_foreseen(one) for one in chosen]
    return _account(settings, selection, chosen, photos, by=by, dry_run=True)


def undo(
    settings: Settings,
    selection: Selection,
    chosen: Sequence[Chosen],
    *,
    by: str | None,
    log: Log,
    on_progress: Callable[[int, int], None],
) -> Account:
    """Put photos back, by the process that sorts or by this one.

    Args:
        settings: For ledger, shelf and journal.
        selection: What was asked for.
        chosen: The photos that fit.
        by: Who says so.
        log: The operational log.
        on_progress: Told how many photos are done, and how many there are.

    Raises:
        AlreadyRunning: Another process uses the shelf or an inbox, or runs and is older than this one.
        PassingTrouble: The disk does not allow it now.
        StartRefused: What lies in a lock's place is no lock, or the ledger is damaged or of a newer version.
    """
    ids = [one.id for one in chosen]
    asked = carry_out(
        settings,
        lambda requests: requests.ask_back(ids, by=by, now=time.time()),
        log=log,
        on_progress=on_progress,
    )
    photos: list[Undone] = []
    for one in chosen:
        if one.id not in asked:
            photos.append(_back(one))
            continue
        number, verdict = asked[one.id]
        is_done = verdict.stage is Stage.DONE
        photos.append(
            Undone(
                id=one.id,
                correction=number if is_done else None,
                done=is_done,
                source=verdict.source or one.path,
                destination=verdict.destination if is_done else None,
                reason=why_left(verdict),
            )
        )
    return _account(settings, selection, chosen, photos, by=by, dry_run=False)


def _foreseen(one: Chosen) -> Undone:
    if one.is_undone:
        return _back(one)
    is_there = stat_file(one.path) is not None
    return Undone(
        id=one.id,
        correction=None,
        done=is_there,
        source=one.path,
        destination=one.home if is_there else None,
        reason=None if is_there else f"it lies no longer at {one.path}",
    )


def _back(one: Chosen) -> Undone:
    """Of a photo that was put back already."""
    return Undone(
        id=one.id,
        correction=None,
        done=True,
        source=None,
        destination=one.path if one.is_undone else one.home,
        reason=None,
    )


def _account(
    settings: Settings,
    selection: Selection,
    chosen: Sequence[Chosen],
    photos: Sequence[Undone],
    *,
    by: str | None,
    dry_run: bool,
) -> Account:
    fits = "" if selection == Selection(ids=selection.ids) else " that fits"
    missing = set(selection.ids or ()) - {one.id for one in chosen}
    photos = sorted([*photos, *(_missing(one, fits) for one in missing)], key=lambda one: one.id)
    done = sum(one.done for one in photos)
    folders = Counter(shelf_folder(str(settings.sorted), one.path) for one in chosen if not one.is_undone)
    return Account(
        by=by,
        dry_run=dry_run,
        undone=done,
        left=len(photos) - done,
        categories=dict(sorted(folders.items())),
        photos=tuple(photos),
    )


def _missing(number: int, fits: str) -> Undone:
    return Undone(
        id=number,
        correction=None,
        done=False,
        source=None,
        destination=None,
        reason=f"no photo {number} was filed{fits}",
    )
