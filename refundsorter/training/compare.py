"""Where two bundles disagree about the same photos; what is on these nobody needs to know."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.decision import Rules
from refundsorter.core.fault import RefundsorterError
from refundsorter.core.share import Share
from refundsorter.edges.bundle import StoredBundle
from refundsorter.training.dataset import SUFFIXES
from refundsorter.training.reading import Verdict, label_odds, verdicts
from refundsorter.training.served import ask
from refundsorter.training.trial import Unread

SCHEMA = 1  # of a comparison as JSON


class ComparisonRefused(RefundsorterError):
    """There is nothing to compare on; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two models, and how it is judged."""

    stored: StoredBundle
    rules: Rules


class Outcome(StrEnum):
    """What choosing the second model instead of the first would change for a photo."""

    SAME = "same"  # nothing: filed under the same category, or looked at by a person
    FILED_ELSEWHERE = "filed_elsewhere"  # filed by both, under different categories
    NO_LONGER_FILED = "no_longer_filed"  # filed by the first only
    NEWLY_FILED = "newly_filed"  # filed by the second only


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Photos for which the first names one category and the second another."""

    before: str
    after: str
    photos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One photo with both answers."""

    path: str
    outcome: Outcome
    before: Verdict
    after: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two bundles say of the same photos."""

    before: str  # the first, NAME/VERSION
    after: str  # the second
    photos: int  # that were read
    unreadable: tuple[Unread, ...]  # that were left out
    same_category: Share  # both name the same one, of all photos
    filed_before: Share  # by the first, of all photos
    filed_after: Share  # by the second
    outcomes: Mapping[str, int]  # photos by `Outcome`, every one of them named
    changes: tuple[Change, ...]  # of category, filed or not, the most frequent first
    disagreements: tuple[Pair, ...]  # another category or another outcome; the gravest first


def photos_in(folder: Path) -> tuple[Path, ...]:
    """Every photo below a folder, by its name's ending, in the order of their paths.

    Raises:
        ComparisonRefused: It is no folder, or holds none.
    """
    if not folder.is_dir():
        raise ComparisonRefused(f"{folder}: is no folder")
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if photos := tuple(sorted(found)):
        return photos
    raise ComparisonRefused(
        f"{folder}: holds no photo; endings that are taken: {', '.join(sorted(SUFFIXES))}"
    )


def compare(
    first: Side,
    second: Side,
    photos: Sequence[Path],
    *,
    workers: int,
    on_progress: Callable[[int, int], None],
) -> Comparison:
    """Ask two bundles about the same photos.

    Args:
        first: One.
        second: The other.
        photos: The files, at least one.
        workers: Photos in work at a time.
        on_progress: Told the photos done and all photos, after each.

    Raises:
        ComparisonRefused: Not one photo can be read, or a model can give no category.
        BundleRefused: A model does not load.
    """
    sides = (first, second)
    for side in sides:
        if not side.rules.interpretation.categories:
            raise ComparisonRefused(f"the taxonomy has a category for no label of {side.rules.model}")
    answers = ask([side.stored for side in sides], photos, workers, on_progress)
    told = [
        (str(p), answer) for p, answer in zip(photos, answers, strict=True) if not isinstance(answer, str)
    ]
    unreadable = tuple(
        Unread(path=str(photo), why=why)
        for photo, why in zip(photos, answers, strict=True)
        if isinstance(why, str)
    )
    if not told:
        first_one = unreadable[0]
        raise ComparisonRefused(f"not one photo could be read; the first: {first_one.path}: {first_one.why}")
    before, after = (
        _judged([answer[index] for _, answer in told], side.rules) for index, side in enumerate(sides)
    )
    pairs = [
        Pair(path=path, outcome=_outcome(one, other), before=one, after=other)
        for (path, _), one, other in zip(told, before, after, strict=True)
    ]
    return _summary((first.rules.model, second.rules.model), pairs, unreadable)


def _judged(logits: Sequence[NDArray[np.float32]], rules: Rules) -> list[Verdict]:
    return verdicts(label_odds(np.stack(logits), rules), rules)


def _outcome(before: Verdict, after: Verdict) -> Outcome:
    if before.filed and after.filed:
        return Outcome.SAME if before.category == after.category else Outcome.FILED_ELSEWHERE
    if before.filed:
        return Outcome.NO_LONGER_FILED
    return Outcome.NEWLY_FILED if after.filed else Outcome.SAME


def _summary(models: tuple[str, str], pairs: Sequence[Pair], unreadable: tuple[Unread, ...]) -> Comparison:
    changed = [pair for pair in pairs if pair.before.category != pair.after.category]
    changes = Counter((pair.before.category, pair.after.category) for pair in changed)
    outcomes = Counter(pair.outcome for pair in pairs)
    apart = [
        pair
        for pair in pairs
        if pair.before.category != pair.after.category or pair.outcome is not Outcome.SAME
    ]
    gravest = [*(outcome for outcome in Outcome if outcome is not Outcome.SAME), Outcome.SAME]

    def gravity(pair: Pair) -> tuple[int, float]:
        return gravest.index(pair.outcome), -max(pair.before.confidence, pair.after.confidence)

    return Comparison(
        before=models[0],
        after=models[1],
        photos=len(pairs),
        unreadable=unreadable,
        same_category=Share(hits=len(pairs) - len(changed), of=len(pairs)),
        filed_before=Share(hits=sum(pair.before.filed for pair in pairs), of=len(pairs)),
        filed_after=Share(hits=sum(pair.after.filed for pair in pairs), of=len(pairs)),
        outcomes={outcome.value: outcomes[outcome] for outcome in Outcome},
        changes=tuple(
            Change(before=before, after=after, photos=count)
            for (before, after), count in changes.most_common()
        ),
        disagreements=tuple(sorted(apart, key=gravity)),
    )
