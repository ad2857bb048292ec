"""A bundle put to the test on photos whose category is known, read and judged as serving would."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from refundsorter.core.decision import Rules
from refundsorter.core.placement import REVIEW
from refundsorter.core.share import Share
from refundsorter.edges.bundle import StoredBundle
from refundsorter.training.dataset import DatasetRefused, Sample
from refundsorter.training.evaluate import Measure, measure
from refundsorter.training.reading import Verdict, category_odds, label_odds, verdicts
from refundsorter.training.served import ask

SCHEMA = 1  # of an evaluation as JSON
WORST = 48  # mistakes that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A photo that was left out."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A photo whose likeliest category is not the true one, or that should not have been filed at all."""

    path: str
    category: str  # the true one; `_review` where it belongs to none
    category_confidence: float  # the probability that the model gave to it, 0..1
    predicted: str  # the likeliest one
    label: str  # the likeliest of that category's labels
    confidence: float  # the probability of `predicted`, 0..1
    filed: bool  # whether that reaches the threshold: nobody would have looked


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceScore:
    """What the model did on the photos of one source."""

    right: Share  # of all its photos
    filed: Share  # of all its photos
    filed_right: Share  # of those filed


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a bundle did on a set of photos."""

    model: str  # NAME/VERSION
    photos: int  # that were read and belong to a category
    unreadable: tuple[Unread, ...]  # that were left out
    thresholds: Mapping[str, float]  # in force, by category
    measure: Measure  # on the photos that belong to a category
    held_back: Share  # photos that were not filed, of those that belong to no category
    sources: Mapping[str, SourceScore]  # by source; empty where there is only one
    mistakes: tuple[Mistake, ...]  # the most confident first, not more than `WORST`


def evaluate(
    stored: StoredBundle,
    rules: Rules,
    samples: Sequence[Sample],
    *,
    categories: Sequence[str],
    precision: float,
    workers: int,
    on_progress: Callable[[int, int], None],
) -> Evaluation:
    """Ask a bundle about photos, and compare with the truth.

    Photos of the category `_review` belong to none: a document, a face, a room. They are to be looked at by a
    person, and count apart.

    Args:
        stored: The model.
        rules: How its answers are judged.
        samples: The photos.
        categories: Every category of the taxonomy.
        precision: The promise for which the lowest single threshold is looked for, 0..1.
        workers: Photos in work at a time.
        on_progress: Told the photos done and all photos, after each.

    Raises:
        DatasetRefused: A photo's category is unknown, or not one photo could be read.
        BundleRefused: The model does not load.
    """
    _refuse(samples, rules, categories)
    answers = ask([stored], [sample.path for sample in samples], workers, on_progress)
    told = [(s, answer[0]) for s, answer in zip(samples, answers, strict=True) if not isinstance(answer, str)]
    unreadable = tuple(
        Unread(path=str(s.path), why=why)
        for s, why in zip(samples, answers, strict=True)
        if isinstance(why, str)
    )
    if not told:
        first = unreadable[0]
        raise DatasetRefused(f"not one photo could be read; the first: {first.path}: {first.why}")
    probabilities = label_odds(np.stack([logits for _, logits in told]), rules)
    odds = category_odds(probabilities, rules.interpretation, categories)
    judged = [
        _Judged(sample=sample, verdict=verdict, odds=dict(zip(categories, row, strict=True)))
        for (sample, _), verdict, row in zip(told, verdicts(probabilities, rules), odds.tolist(), strict=True)
    ]
    products = [one for one in judged if one.sample.category != REVIEW]
    strangers = [one for one in judged if one.sample.category == REVIEW]
    if not products:
        raise DatasetRefused(f"every photo that could be read is of {REVIEW}; add photos of categories")
    thresholds = {name: rules.thresholds.of(name) for name in categories}
    return Evaluation(
        model=stored.manifest.reference,
        photos=len(products),
        unreadable=unreadable,
        thresholds=thresholds,
        measure=measure(
            np.array([list(one.odds.values()) for one in products]),
            np.array([categories.index(one.sample.category) for one in products]),
            categories,
            thresholds,
            precision,
        ),
        held_back=Share(hits=sum(not one.verdict.filed for one in strangers), of=len(strangers)),
        sources=_by_source(products),
        mistakes=_mistakes([one for one in judged if one.is_mistake]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A photo that was read, and what was said of it."""

    sample: Sample
    verdict: Verdict
    odds: Mapping[str, float]  # probability by category

    @property
    def is_mistake(self) -> bool:
        """Whether another category was named; where it belongs to none, whether it was filed."""
        if self.sample.category == REVIEW:
            return self.verdict.filed
        return self.sample.category != self.verdict.category


def _refuse(samples: Sequence[Sample], rules: Rules, categories: Sequence[str]) -> None:
    """Tell what cannot be compared before anything is read."""
    if not rules.interpretation.categories:
        raise DatasetRefused(f"the taxonomy has a category for no label of {rules.model}")
    unknown = sorted({sample.category for sample in samples} - {*categories, REVIEW})
    if unknown:
        first = next(sample.path for sample in samples if sample.category == unknown[0])
        raise DatasetRefused(
            f"the taxonomy has no category {', '.join(unknown)} (the first such photo: {first}). It has "
            f"{', '.join(categories)}: rename the folders, or add what is missing to the taxonomy"
        )


def _by_source(judged: Sequence[_Judged]) -> dict[str, SourceScore]:
    """Score each source; nothing where there are not at least two to compare."""
    groups: dict[str, list[_Judged]] = {}
    for one in judged:
        groups.setdefault(one.sample.source, []).append(one)
    if len(groups) == 1:
        return {}
    return {source: _source_score(groups[source]) for source in sorted(groups)}


def _source_score(judged: Sequence[_Judged]) -> SourceScore:
    filed = [one for one in judged if one.verdict.filed]
    return SourceScore(
        right=Share(hits=sum(not one.is_mistake for one in judged), of=len(judged)),
        filed=Share(hits=len(filed), of=len(judged)),
        filed_right=Share(hits=sum(not one.is_mistake for one in filed), of=len(filed)),
    )


def _mistakes(wrong: Sequence[_Judged]) -> tuple[Mistake, ...]:
    found = [
        Mistake(
            path=str(one.sample.path),
            category=one.sample.category,
            category_confidence=one.odds.get(one.sample.category, 0.0),
            predicted=one.verdict.category,
            label=one.verdict.label,
            confidence=one.verdict.confidence,
            filed=one.verdict.filed,
        )
        for one in wrong
    ]
    return tuple(sorted(found, key=lambda mistake: -mistake.confidence)[:WORST])
