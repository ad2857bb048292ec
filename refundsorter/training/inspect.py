"""What is wrong with a data set, before a model learns it: each finding says what to do."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from refundsorter.core.taxonomy import Taxonomy
from refundsorter.training.dataset import Sample
from refundsorter.training.survey import Survey

SMALL_SIDE = 64  # pixels: below it little is to be seen
FEW = 5  # photos: of a label that has fewer, little is learned
MAX_RATIO = 10  # of the largest category to the smallest


class Verdict(StrEnum):
    """How bad a finding is, in the doctor's words."""

    OK = "ok"
    WARNING = "warning"  # a person should know
    FAILED = "failed"  # to be mended before training


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    found: str  # a sentence
    todo: str = ""  # what to do, where something is to be done
    photos: tuple[tuple[str, ...], ...] = ()  # the paths it is about, those that belong together in one


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a data set holds, and what is wrong with it."""

    photos: int  # that were listed
    categories: Mapping[str, int]  # category -> photos
    labels: int
    splits: Mapping[str, int]  # train, val, check -> photos; empty where the data states none
    findings: tuple[Finding, ...]

    @property
    def is_fit(self) -> bool:
        """Whether nothing must be mended before training."""
        return all(finding.verdict is not Verdict.FAILED for finding in self.findings)


def inspect(samples: Sequence[Sample], seen: Survey, taxonomy: Taxonomy) -> Inspection:
    """Judge a data set.

    Args:
        samples: All that are listed.
        seen: What came of opening them.
        taxonomy: Which category each label belongs to.
    """
    findings = [
        _broken(seen),
        _small(seen),
        _classes(samples),
        _balance(samples),
        _few(samples),
        *_copies(seen),
        *_lookalikes(seen),
        *_splits(samples),
        *_taxonomy(samples, taxonomy),
    ]
    return Inspection(
        photos=len(samples),
        categories=dict(sorted(Counter(sample.category for sample in samples).items())),
        labels=len({sample.label for sample in samples}),
        splits=dict(sorted(Counter(sample.split for sample in samples if sample.split).items())),
        findings=tuple(findings),
    )


def _verdict(bad: object, verdict: Verdict) -> Verdict:
    return verdict if bad else Verdict.OK


def _broken(seen: Survey) -> Finding:
    return Finding(
        name="readable",
        verdict=_verdict(seen.broken, Verdict.FAILED),
        found=f"{len(seen.samples)} photos can be read, {len(seen.broken)} cannot",
        todo="remove or replace them; training would leave them out" if seen.broken else "",
        photos=tuple((f"{sample.path}: {why}",) for sample, why in seen.broken),
    )


def _small(seen: Survey) -> Finding:
    small = [
        f"{sample.path}" for sample, side in zip(seen.samples, seen.sides, strict=True) if side < SMALL_SIDE
    ]
    return Finding(
        name="size",
        verdict=_verdict(small, Verdict.WARNING),
        found=f"{len(small)} photos are less than {SMALL_SIDE} pixels high or wide",
        todo="replace them where there are larger ones; low resolution must not tell a category"
        if small
        else "",
        photos=tuple((path,) for path in small),
    )


def _classes(samples: Sequence[Sample]) -> Finding:
    labels = {sample.label for sample in samples}
    alone = len(labels) < 2  # noqa: PLR2004 - one label leaves nothing to tell apart
    return Finding(
        name="labels",
        verdict=_verdict(alone, Verdict.FAILED),
        found=f"{len(labels)} labels in {len({sample.category for sample in samples})} categories",
        todo="add photos of at least one other label, in a folder of its own" if alone else "",
    )


def _balance(samples: Sequence[Sample]) -> Finding:
    counts = Counter(sample.category for sample in samples).most_common()
    (largest, most), (smallest, least) = (counts[0], counts[-1]) if counts else (("", 0), ("", 0))
    lopsided = most > MAX_RATIO * least
    return Finding(
        name="balance",
        verdict=_verdict(lopsided, Verdict.WARNING),
        found=f"from {least} photos of {smallest} to {most} of {largest}",
        todo=f"add photos of {smallest}; it will be known worse than the others" if lopsided else "",
    )


def _few(samples: Sequence[Sample]) -> Finding:
    few = sorted(label for label, count in Counter(s.label for s in samples).items() if count < FEW)
    return Finding(
        name="rare labels",
        verdict=_verdict(few, Verdict.WARNING),
        found=f"{len(few)} labels have fewer than {FEW} photos" + (f": {_some(few)}" if few else ""),
        todo="add photos, or join the label to another" if few else "",
    )


def _copies(seen: Survey) -> Iterator[Finding]:
    """Photos of the same content: within a label, under several, in several parts."""
    groups = [[seen.samples[index] for index in group] for group in seen.copies()]
    labels = [group for group in groups if len({(s.category, s.label) for s in group}) > 1]
    parts = [group for group in groups if len({s.split for s in group if s.split}) > 1]
    plain = [group for group in groups if group not in labels and group not in parts]
    yield Finding(
        name="copies",
        verdict=_verdict(plain, Verdict.WARNING),
        found=f"{len(plain)} photos lie there more than once",
        todo="keep one of each; `dataset split` does" if plain else "",
        photos=_paths(plain),
    )
    yield Finding(
        name="one label",
        verdict=_verdict(labels, Verdict.FAILED),
        found=f"{len(labels)} photos lie under more than one label",
        todo="decide what they show, and remove the others" if labels else "",
        photos=_paths(labels),
    )
    yield Finding(
        name="one part",
        verdict=_verdict(parts, Verdict.FAILED),
        found=f"{len(parts)} photos are in more than one of train, val and check",
        todo="split anew with `dataset split`: what was learned cannot be measured on" if parts else "",
        photos=_paths(parts),
    )


def _lookalikes(seen: Survey) -> Iterator[Finding]:
    """Photos that look alike: in several parts, or under several labels."""
    pairs = [(seen.samples[one], seen.samples[other]) for one, other in seen.lookalikes()]
    parts = [pair for pair in pairs if len({s.split for s in pair if s.split}) > 1]
    labels = [pair for pair in pairs if pair[0].label != pair[1].label]
    yield Finding(
        name="alike, parts",
        verdict=_verdict(parts, Verdict.FAILED),
        found=f"{len(parts)} pairs look alike across train, val and check",
        todo="split anew with `dataset split`, which keeps such photos together" if parts else "",
        photos=_paths(parts),
    )
    yield Finding(
        name="alike, labels",
        verdict=_verdict(labels, Verdict.WARNING),
        found=f"{len(labels)} pairs look alike under different labels",
        todo="look at them: one of the labels may be wrong" if labels else "",
        photos=_paths(labels),
    )


def _splits(samples: Sequence[Sample]) -> Iterator[Finding]:
    """A category that a part lacks cannot be learned, or not measured."""
    parts = sorted({sample.split for sample in samples if sample.split})
    for part in parts:
        there = {sample.category for sample in samples if sample.split == part}
        if missing := sorted({sample.category for sample in samples} - there):
            yield Finding(
                name=f"part {part}",
                verdict=Verdict.FAILED if part == "train" else Verdict.WARNING,
                found=f"{part} has no photo of {_some(missing)}",
                todo="split anew with `dataset split`",
            )


def _taxonomy(samples: Sequence[Sample], taxonomy: Taxonomy) -> Iterator[Finding]:
    """Labels that the taxonomy does not have, or has elsewhere."""
    belongs = {sample.label: sample.category for sample in samples}
    unknown = sorted(label for label in belongs if label not in taxonomy.category_of)
    elsewhere = sorted(
        f"{label} ({category} here, {taxonomy.category_of[label]} there)"
        for label, category in belongs.items()
        if taxonomy.category_of.get(label, category) != category
    )
    yield Finding(
        name="taxonomy",
        verdict=_verdict(unknown, Verdict.WARNING),
        found=f"{len(unknown)} labels have no category in it" + (f": {_some(unknown)}" if unknown else ""),
        todo="add them to its categories; photos of them would go to _review/" if unknown else "",
    )
    if elsewhere:
        yield Finding(
            name="taxonomy",
            verdict=Verdict.WARNING,
            found=f"{len(elsewhere)} labels are in another category there: {_some(elsewhere)}",
            todo="move the photos, or the labels in the taxonomy",
        )


def _paths(groups: Sequence[Sequence[Sample]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(str(sample.path) for sample in group) for group in groups)


def _some(names: Sequence[str]) -> str:
    more = len(names) - FEW
    return ", ".join(names[:FEW]) + (f" and {more} more" if more > 0 else "")
