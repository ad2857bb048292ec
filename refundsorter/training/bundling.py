"""From what a run found to a bundle's manifest, card and files."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.bundle import DTYPE, BaseWeights, Bundle, DataSource
from refundsorter.core.share import Share
from refundsorter.edges import plain_yaml
from refundsorter.edges.bundle import BundleStore
from refundsorter.training import calibrate, charts, export
from refundsorter.training.card import HELD_OUT, shown, write_card
from refundsorter.training.dataset import Sample
from refundsorter.training.evaluate import Measure, measure
from refundsorter.training.options import TrainOptions
from refundsorter.training.recipe import Recipe
from refundsorter.training.reliability import spread
from refundsorter.training.speed import speed_of

TAXONOMY = "taxonomy.yaml"  # beside the weights: which category each label was trained as


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a bundle was made of."""

    data: tuple[DataSource, ...]  # the photos
    base: BaseWeights  # the weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """How logits become probabilities of categories, and from where on these are trusted."""

    categories: tuple[str, ...]  # sorted
    columns: NDArray[np.int64]  # the category's index of each label, [labels]; -1: it has none
    thresholds: Mapping[str, float]  # category -> probability

    def odds(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of categories, float64 [N, categories], from logits float32 [N, labels]."""
        return calibrate.category_probabilities(logits, 1.0, self.columns, len(self.categories))

    def measure(self, logits: NDArray[np.float32], samples: Sequence[Sample]) -> Measure:
        """Compare logits, float32 [N, labels], with what photos of known categories are."""
        truth = np.array([self.categories.index(sample.category) for sample in samples], dtype=np.int64)
        return self.measure_odds(self.odds(logits), truth)

    def measure_odds(self, odds: NDArray[np.float64], truth: NDArray[np.int64]) -> Measure:
        """Compare probabilities, float64 [N, categories], with the category's index of each photo."""
        return measure(odds, truth, self.categories, self.thresholds)

    def unfiled(self, logits: NDArray[np.float32]) -> Share:
        """How many photos would not be filed, of logits float32 [N, labels]."""
        odds = self.odds(logits)
        least = np.array([self.thresholds[name] for name in self.categories])[odds.argmax(axis=1)]
        return Share(hits=int((odds.max(axis=1) < least).sum()), of=len(odds))


def write_bundle(
    weights: bytes,
    labels: tuple[str, ...],
    judge: Judge,
    measures: Mapping[str, Measure],
    *,
    unfiled: Share,
    origin: Origin,
    recipe: Recipe | None,
    options: TrainOptions,
) -> str:
    """Write a bundle, with its card, its plots, and the taxonomy that it was trained by.

    Args:
        weights: The content of model.tflite.
        labels: In its output order.
        judge: What its answers are judged by.
        measures: What was measured, as for `card.write_card`.
        unfiled: Of pictures that show no product, how many were not filed.
        origin: What it was made of.
        recipe: By which the network was trained; None where it was not.
        options: What was asked for.

    Returns:
        Its reference.
    """
    speed = speed_of(weights, len(labels), options.recipe.size)
    figures = {key: value for name, m in measures.items() for key, value in m.figures(name).items()}
    bundle = Bundle(
        name=options.name,
        version=options.version,
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        input_size=options.recipe.size,
        dtype=DTYPE,
        scaling=export.SCALING,
        labels=labels,
        sha256=hashlib.sha256(weights).hexdigest(),
        temperature=1.0,
        thresholds=judge.thresholds,
        metrics={
            **figures,
            **(spread(measures[HELD_OUT].reliability, HELD_OUT) if HELD_OUT in measures else {}),
            **speed.figures(),
            "no_product_pictures": float(unfiled.of),
            "no_product_unfiled": round(unfiled.value, 4),
        },
        data=origin.data,
        base_weights=origin.base,
    )
    card = write_card(
        bundle,
        measures,
        recipe=recipe,
        seed=options.seed,
        precision=options.precision,
        notes=options.notes,
        size=len(weights),
        command=options.command,
        speed=speed,
        held_back=unfiled,
    )
    extras = {**charts.files(shown(measures)), TAXONOMY: _taxonomy(labels, judge).encode()}
    return BundleStore(options.out).write(bundle.to_mapping(), weights, card, extras)


def base_weights(options: TrainOptions) -> BaseWeights:
    """What a run begins with, for the manifest."""
    made = options.base == "random"
    source = {"imagenet": "Keras Applications, trained on ImageNet", "random": "random numbers"}
    return BaseWeights(
        name=f"MobileNetV2, alpha {options.recipe.alpha:g}, {options.recipe.size} px",
        licence="none needed" if made else options.base_licence,
        source=options.base_source or source.get(options.base, Path(options.base).name),
    )


def sources(samples: Sequence[Sample]) -> tuple[DataSource, ...]:
    """Where photos come from, for the manifest; the largest source first."""
    counts = Counter((sample.source, sample.licence) for sample in samples)
    return tuple(
        DataSource(name=source, photos=count, licence=licence)
        for (source, licence), count in counts.most_common()
    )


def _taxonomy(labels: Sequence[str], judge: Judge) -> str:
    """The taxonomy that a bundle was trained by, as `config/taxonomy.yaml` is written."""
    of = [None if column < 0 else judge.categories[column] for column in judge.columns.tolist()]
    listed: dict[str | None, list[str]] = {name: [] for name in (*judge.categories, None)}
    for label, category in zip(labels, of, strict=True):
        listed[category].append(label)
    document = {
        "categories": {name: {"labels": sorted(listed[name])} for name in judge.categories if listed[name]},
        "no_category": sorted(listed[None]),
    }
    return plain_yaml.dump(document)
