"""Divide a data set into train, val and check, so that nothing learned is measured on.

Photos of one source, or of one case, stay together, and so do photos that look alike; copies are left out.
Each label is divided by the shares as nearly as that allows.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from refundsorter.training.dataset import DatasetRefused, Sample, Split
from refundsorter.training.survey import Survey, joined

CASE_PATTERN = r"[-_ .]\d+$"  # RMA4711-2 is a photo of the case RMA4711


class By(StrEnum):
    """What must stay together."""

    SOURCE = "source"  # what the data names as a photo's source or repository
    CASE = "case"  # the part of the file's name before a pattern
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A data set that was divided, and what was left out of it."""

    samples: tuple[Sample, ...]  # each with its split, and what it stays together with as its group
    copies: tuple[Sample, ...]  # of photos that are in it
    contradictory: tuple[Sample, ...]  # the same photo under several labels: nobody knows which is right
    broken: tuple[Sample, ...]  # cannot be read

    def counts(self) -> dict[str, dict[str, int]]:
        """Photos of each category in each part: category -> part -> photos."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for sample in self.samples:
            found[sample.category][str(sample.split)] += 1
        return {category: dict(found[category]) for category in sorted(found)}


def divide(
    seen: Survey, shares: Mapping[Split, float], *, by: By, seed: int, case_pattern: str = CASE_PATTERN
) -> Partition:
    """Divide what was looked at.

    Args:
        seen: The photos.
        shares: The share of each part, summing to 1.
        by: What stays together.
        seed: Of the order in which photos are taken.
        case_pattern: A case is what a file's name has before this, its suffix not counted.

    Raises:
        DatasetRefused: The shares or the pattern are none, or a part would be empty.
    """
    if min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-6 or not shares["train"]:  # noqa: PLR2004 - rounding
        raise DatasetRefused(
            "the shares must add up to 1, with some for training: found "
            + ", ".join(f"{part} {share:g}" for part, share in shares.items())
        )
    copies, contradictory = _left_out(seen)
    kept = [index for index in range(len(seen.samples)) if index not in copies | contradictory]
    groups = _groups(seen, kept, by, case_pattern)
    part_of = _dealt(seen, groups, shares, seed)
    samples = tuple(replace(seen.samples[i], split=part_of[i][0], group=part_of[i][1]) for i in kept)
    empty = [part for part, share in shares.items() if share and not any(s.split == part for s in samples)]
    if empty:
        raise DatasetRefused(
            f"{' and '.join(empty)} would get no photo: {len(samples)} photos in {len(groups)} groups that "
            "stay together are too few; use --by none, or other shares"
        )
    return Partition(
        samples=samples,
        copies=tuple(seen.samples[index] for index in sorted(copies)),
        contradictory=tuple(seen.samples[index] for index in sorted(contradictory)),
        broken=tuple(sample for sample, _ in seen.broken),
    )


def _left_out(seen: Survey) -> tuple[set[int], set[int]]:
    """Copies beyond the first, and every photo that lies under several labels."""
    copies: set[int] = set()
    contradictory: set[int] = set()
    for group in seen.copies():
        if len({(seen.samples[index].category, seen.samples[index].label) for index in group}) > 1:
            contradictory.update(group)
        else:
            copies.update(group[1:])
    return copies, contradictory


def _groups(seen: Survey, kept: Sequence[int], by: By, case_pattern: str) -> list[list[int]]:
    """Photos that stay together: of one key, or alike, directly or through others."""
    keys = list(_keys(seen, by, case_pattern))
    first: dict[Hashable, int] = {}
    same_key = [(first.setdefault(key, index), index) for index, key in enumerate(keys)]
    roots = joined(len(keys), [*same_key, *seen.lookalikes()])
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index in kept:
        groups[roots[index]].append(index)
    return list(groups.values())


def _keys(seen: Survey, by: By, case_pattern: str) -> Iterator[Hashable]:
    try:
        ends = re.compile(case_pattern)
    except re.error as error:
        raise DatasetRefused(f"--case-pattern {case_pattern!r} is no regular expression: {error}") from error
    for index, sample in enumerate(seen.samples):
        match by:
            case By.SOURCE:
                yield sample.group
            case By.CASE:
                found = ends.search(sample.path.stem)
                yield sample.path.stem[: found.start()] if found else sample.path.stem
            case By.NONE:
                yield index


def _dealt(
    seen: Survey, groups: Sequence[Sequence[int]], shares: Mapping[Split, float], seed: int
) -> dict[int, tuple[Split, str]]:
    """Give each group to the part that lacks most of its labels and categories, large groups first.

    A label of one photo would always be learned from; that its category lacks photos elsewhere weighs more.
    """
    total = _kinds(seen, [index for group in groups for index in group])
    lacking = {part: {kind: share * count for kind, count in total.items()} for part, share in shares.items()}
    order = np.random.default_rng(seed).permutation(len(groups))
    dealt: dict[int, tuple[Split, str]] = {}
    for place in sorted(order, key=lambda place: -len(groups[place])):
        group = groups[place]
        counts = _kinds(seen, group)
        need = {
            part: sum(min(wants[kind], count) for kind, count in counts.items())
            for part, wants in lacking.items()
            if shares[part]
        }
        part = max(need, key=need.__getitem__)
        for kind, count in counts.items():
            lacking[part][kind] -= count
        name = _name(seen.samples[group[0]])
        dealt.update(dict.fromkeys(group, (part, name)))
    return dealt


def _kinds(seen: Survey, group: Sequence[int]) -> Counter[tuple[str, str]]:
    """How many photos a group has of each label and of each category."""
    samples = [seen.samples[index] for index in group]
    labels = Counter(("label", sample.label) for sample in samples)
    return labels + Counter(("category", sample.category) for sample in samples)


def _name(sample: Sample) -> str:
    """What a group is called: its source, or the name of its first photo."""
    alone = sample.group == str(sample.path)
    return f"{sample.category}/{sample.label}/{sample.path.name}" if alone else sample.group
