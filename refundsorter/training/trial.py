"""A bundle put to the test on photos whose category is known, read and judged as serving would."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from refundsorter.core.decision import Rules
from refundsorter.edges.bundle import StoredBundle
from refundsorter.training.dataset import DatasetRefused, Sample
from refundsorter.training.evaluate import Measure, measure
from refundsorter.training.reading import Verdict, category_odds, label_odds, verdicts
from refundsorter.training.served import ask
from refundsorter.training.share import Share

SCHEMA = 1  # of an evaluation as JSON
WORST = 48  # mistakes that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A photo that was left out."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A photo whose likeliest category is not the true one."""

    path: str
    category: str  # the true one
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
    photos: int  # that were read
    unreadable: tuple[Unread, ...]  # that were left out
    thresholds: Mapping[str, float]  # in force, by category
    measure: Measure
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
    readable = [sample for sample, _ in told]
    probabilities = label_odds(np.stack([logits for _, logits in told]), rules)
    odds = category_odds(probabilities, rules.interpretation, categories)
    truth = np.array([categories.index(sample.category) for sample in readable])
    thresholds = {name: rules.thresholds.of(name) for name in categories}
    judged = list(zip(readable, verdicts(probabilities, rules), odds[range(len(odds)), truth], strict=True))
    return Evaluation(
        model=stored.manifest.reference,
        photos=len(readable),
        unreadable=unreadable,
        thresholds=thresholds,
        measure=measure(odds, truth, categories, thresholds, precision),
        sources=_by_source([(sample, verdict) for sample, verdict, _ in judged]),
        mistakes=_mistakes([one for one in judged if one[0].category != one[1].category]),
    )


def _refuse(samples: Sequence[Sample], rules: Rules, categories: Sequence[str]) -> None:
    """Tell what cannot be compared before anything is read."""
    if not rules.interpretation.categories:
        raise DatasetRefused(f"the taxonomy has a category for no label of {rules.model}")
    unknown = sorted({sample.category for sample in samples} - set(categories))
    if unknown:
        first = next(sample.path for sample in samples if sample.category == unknown[0])
        raise DatasetRefused(
            f"the taxonomy has no category {', '.join(unknown)} (the first such photo: {first}). It has "
            f"{', '.join(categories)}: rename the folders, or add what is missing to the taxonomy"
        )


def _by_source(judged: Sequence[tuple[Sample, Verdict]]) -> dict[str, SourceScore]:
    """Score each source; nothing where there are not at least two to compare."""
    groups: dict[str, list[tuple[Sample, Verdict]]] = {}
    for sample, verdict in judged:
        groups.setdefault(sample.source, []).append((sample, verdict))
    if len(groups) == 1:
        return {}
    return {source: _source_score(groups[source]) for source in sorted(groups)}


def _source_score(judged: Sequence[tuple[Sample, Verdict]]) -> SourceScore:
    right = [sample.category == verdict.category for sample, verdict in judged]
    of_filed = [good for good, (_, verdict) in zip(right, judged, strict=True) if verdict.filed]
    return SourceScore(
        right=Share(hits=sum(right), of=len(right)),
        filed=Share(hits=len(of_filed), of=len(right)),
        filed_right=Share(hits=sum(of_filed), of=len(of_filed)),
    )


def _mistakes(wrong: Sequence[tuple[Sample, Verdict, float]]) -> tuple[Mistake, ...]:
    found = [
        Mistake(
            path=str(sample.path),
            category=sample.category,
            category_confidence=float(odds),
            predicted=verdict.category,
            label=verdict.label,
            confidence=verdict.confidence,
            filed=verdict.filed,
        )
        for sample, verdict, odds in wrong
    ]
    return tuple(sorted(found, key=lambda mistake: -mistake.confidence)[:WORST])
