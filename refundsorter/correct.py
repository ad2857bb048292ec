"""Putting photos where a person says they belong; `asking` says by whom."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from refundsorter.asking import carry_out, require_ledger, why_left
from refundsorter.core.correction import CategoryRefused, Shelved, Stage, Verdict, shelf_folder
from refundsorter.core.placement import alike
from refundsorter.core.port import Log
from refundsorter.core.taxonomy import folder_problem
from refundsorter.edges.ledger_report import LedgerReport
from refundsorter.edges.ledger_requests import RequestRows
from refundsorter.edges.scan import stat_file
from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What became of one photo."""

    id: int  # the photo's number
    correction: int | None  # the correction's; None where there is none
    done: bool  # whether the photo lies there; in a rehearsal, whether it would
    source: str | None  # where it lay, if it was found
    destination: str | None  # where it lies now; its folder, in a rehearsal
    reason: str | None  # why it is not done


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What became of a command."""

    category: str
    by: str | None  # whose word it is
    dry_run: bool  # whether nothing was moved
    photos: tuple[Corrected, ...]  # in the order they were named

    @property
    def is_complete(self) -> bool:
        """Whether every photo lies where it belongs."""
        return all(one.done for one in self.photos)


def require_category(settings: Settings, category: str, *, is_new: bool) -> None:
    """Refuse what is no category.

    Args:
        settings: For the taxonomy.
        category: The folder's name.
        is_new: Whether one that the taxonomy does not know is meant.

    Raises:
        CategoryRefused: It is none, or its name cannot be one's.
        ConfigurationInvalid: The taxonomy is wrong.
    """
    known = read_taxonomy(settings.taxonomy).categories
    if category in known:
        return
    if not is_new:
        raise CategoryRefused(
            f"the taxonomy has no category {category!r}, only {', '.join(known)}; "
            "--new-category, over HTTP `new_category`, makes one"
        )
    if problem := folder_problem(category):
        raise CategoryRefused(f"{category!r} cannot be a category: it {problem}")
    if same := [one for one in known if alike(one) == alike(category)]:
        raise CategoryRefused(f"{category!r} differs from {same[0]!r} only by case or accents' encoding")


def rehearse(settings: Settings, ids: Sequence[int], category: str, *, by: str | None) -> Account:
    """Say what `correct` would do; nothing is changed.

    Raises:
        NothingFiled: There is no ledger.
        PassingTrouble: The ledger, or a photo, cannot be looked at now.
        LedgerRefused: The ledger is damaged, or of a newer version.
    """
    with closing(LedgerReport(require_ledger(settings))) as report:
        known = report.shelved(ids)
    photos = tuple(_foreseen(settings, one, known.get(one), category) for one in dict.fromkeys(ids))
    return Account(category=category, by=by, dry_run=True, photos=photos)


def correct(
    settings: Settings,
    ids: Sequence[int],
    category: str,
    *,
    by: str | None,
    log: Log,
    on_progress: Callable[[int, int], None],
) -> Account:
    """Put photos into a category, by the process that sorts or by this one.

    Args:
        settings: For ledger, shelf and journal.
        ids: The photos' numbers.
        category: Where they belong.
        by: Who says so.
        log: The operational log.
        on_progress: Told how many photos are done, and how many there are.

    Raises:
        NothingFiled: There is no ledger.
        AlreadyRunning: Another process uses the shelf or an inbox, or runs that knows no corrections.
        PassingTrouble: The disk does not allow it now.
        StartRefused: What lies in a lock's place is no lock, or the ledger is damaged or of a newer version.
    """
    wanted = list(dict.fromkeys(ids))

    def ask(requests: RequestRows) -> dict[int, int]:
        numbers = requests.ask(wanted, category, by=by, now=time.time())
        return dict(zip(wanted, numbers, strict=True))

    asked = carry_out(settings, ask, log=log, on_progress=on_progress)
    photos = tuple(_outcome(image, *asked[image]) for image in wanted)
    return Account(category=category, by=by, dry_run=False, photos=photos)


def _outcome(image: int, number: int, verdict: Verdict) -> Corrected:
    is_done = verdict.stage is Stage.DONE
    return Corrected(
        id=image,
        correction=number if is_done else None,
        done=is_done,
        source=verdict.source,
        destination=verdict.destination if is_done else None,
        reason=why_left(verdict),
    )


def _foreseen(settings: Settings, image: int, photo: Shelved | None, category: str) -> Corrected:
    reason = None
    if photo is None:
        reason = f"no photo {image} was filed"
    elif shelf_folder(str(settings.sorted), photo.path) == category:
        reason = f"it lies in {category} already"
    elif stat_file(photo.path) is None:
        reason = f"it lies no longer at {photo.path}; where it was moved to is found by the next scan"
    return Corrected(
        id=image,
        correction=None,
        done=reason is None,
        source=photo.path if photo else None,
        destination=os.path.join(settings.sorted, category) if reason is None else None,
        reason=reason,
    )
