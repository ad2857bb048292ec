"""One run from photos to a bundle: read, decode, fit, quantise, calibrate, measure, write.

Calibration and figures are taken from the quantised model, because that is what is served. Photos of one
source are never on both sides of the split; photos to measure on are read after everything is decided.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from refundsorter.core.bundle import BaseWeights, Bundle, DataSource
from refundsorter.edges.bundle import BundleStore
from refundsorter.training import calibrate, dataset, export, fit
from refundsorter.training.card import write_card
from refundsorter.training.dataset import DatasetRefused, Sample
from refundsorter.training.evaluate import measure
from refundsorter.training.lite import run_int8
from refundsorter.training.progress import Progress, Report

REPRESENTATIVE_PHOTOS = 300  # for quantisation; more change the ranges no further


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """What to train on, with what, and where to."""

    data: Path  # as `dataset.read` takes it
    out: Path  # the models' folder, in which NAME/VERSION is made
    name: str  # the bundle's name
    version: str  # the bundle's version
    base: str = "imagenet"  # or "random", or a weights file
    base_licence: str = "Apache-2.0"  # of a weights file; of Keras' own weights as it stands here
    base_source: str = ""  # where a weights file is to be had, for the manifest; its name when empty
    recipe: fit.Recipe = field(default_factory=fit.Recipe)  # every figure that changes the result
    seed: int = 1  # of draws, augmentation and split
    precision: float = 0.90  # the promise that thresholds keep on held-out photos
    measure_on: Path | None = None  # photos of other sources, as `dataset.read` takes them: never trained on
    keep: Path | None = None  # where the float Keras model is kept (.keras), if at all
    workers: int = 2  # photos decoded at a time, and threads of the interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class Photos:
    """Decoded photos and what they are known to be."""

    samples: tuple[Sample, ...]
    pixels: NDArray[np.uint8]  # [N, size, size, 3], RGB, 0..255


def train(options: TrainOptions, report: Report) -> str:
    """Train, and add the bundle to the models' folder; it is not made active.

    Args:
        options: What, with what, where to.
        report: Told of every stage's progress.

    Returns:
        The reference of the bundle written, "name/version".

    Raises:
        DatasetRefused: The data cannot be trained on.
        BundleRefused: The version exists already, or its name is no name.
        ExportFailed: The quantised model is not what serving expects.
    """
    fit.seed_everything(options.seed)
    samples = dataset.read(options.data)
    taught, held = dataset.split(samples, options.recipe.held, options.seed)
    if not taught or not held:
        raise DatasetRefused(f"{options.data}: too few photos to hold some out for calibration")
    train_set = _decoded(dataset.fold_rare(taught, options.recipe.rare), options, report)
    held_set = _decoded(held, options, report)
    labels = tuple(sorted({sample.label for sample in train_set.samples}))
    model = _fit(train_set, labels, options, report)
    if options.keep is not None:
        model.save(options.keep)
    return finish(model, labels, train_set, held_set, options=options, report=report)


def _decoded(samples: Sequence[Sample], options: TrainOptions, report: Report) -> Photos:
    kept, pixels = dataset.decode(samples, options.recipe.size, options.workers, report)
    return Photos(samples=kept, pixels=pixels)


def _fit(photos: Photos, labels: Sequence[str], options: TrainOptions, report: Report) -> keras.Model:
    """Head, every layer, head again."""
    recipe, seed = options.recipe, options.seed
    place = {label: index for index, label in enumerate(labels)}
    targets = np.array([place[sample.label] for sample in photos.samples], dtype=np.int64)
    weights = dataset.sampling_weights(photos.samples)
    trunk = fit.build_trunk(options.base, recipe)

    def head(values: NDArray[np.float32]) -> fit.Head:
        return fit.fit_head(
            values=values,
            targets=targets,
            weights=weights,
            labels=len(labels),
            recipe=recipe,
            seed=seed,
            report=report,
        )

    values = fit.features(trunk, photos.pixels, report)
    first = head(values)
    fit.tune(
        trunk=trunk,
        head=first,
        pixels=photos.pixels,
        values=values,
        targets=targets,
        weights=weights,
        recipe=recipe,
        seed=seed,
        report=report,
    )
    return fit.assemble(trunk, head(fit.features(trunk, photos.pixels, report)))


def finish(
    model: keras.Model,
    labels: Sequence[str],
    train_set: Photos,
    held_set: Photos,
    *,
    options: TrainOptions,
    report: Report,
) -> str:
    """Quantise, calibrate, measure and write; returns the reference."""
    draws = np.random.default_rng(options.seed)
    chosen = draws.choice(
        len(train_set.pixels), REPRESENTATIVE_PHOTOS, p=dataset.sampling_weights(train_set.samples)
    )
    report(Progress(stage="export", done=0, total=1))
    weights = export.to_int8(model, train_set.pixels[np.sort(chosen)])
    report(Progress(stage="export", done=1, total=1, note=f"{len(weights)} bytes"))
    category_of = {sample.label: sample.category for sample in train_set.samples}
    categories = tuple(sorted(set(category_of.values())))
    columns = np.array([categories.index(category_of[label]) for label in labels])
    held_logits = run_int8(weights, held_set.pixels, threads=options.workers)
    truth = _truth(held_set.samples, categories)
    temperature = calibrate.fit_temperature(held_logits, truth, columns)
    odds = calibrate.category_probabilities(held_logits, temperature, columns, len(categories))
    thresholds = calibrate.find_thresholds(odds, truth, categories, options.precision)
    measures = {"held_out": measure(odds, truth, categories, thresholds)}
    if options.measure_on is not None:
        others = _decoded(dataset.read(options.measure_on), options, report)
        logits = run_int8(weights, others.pixels, threads=options.workers)
        odds = calibrate.category_probabilities(logits, temperature, columns, len(categories))
        measures["other_shops"] = measure(odds, _truth(others.samples, categories), categories, thresholds)
    for name, found in measures.items():
        report(Progress(stage="measure", done=1, total=1, figures=found.figures(name)))
    bundle = Bundle(
        name=options.name,
        version=options.version,
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        input_size=options.recipe.size,
        dtype="uint8",
        scaling=export.SCALING,
        labels=tuple(labels),
        sha256=hashlib.sha256(weights).hexdigest(),
        temperature=round(temperature, 4),
        thresholds=thresholds,
        metrics={key: value for name, m in measures.items() for key, value in m.figures(name).items()},
        data=_sources((*train_set.samples, *held_set.samples)),
        base_weights=_base_weights(options),
    )
    card = write_card(
        bundle,
        measures,
        recipe=options.recipe,
        seed=options.seed,
        precision=options.precision,
        size=len(weights),
    )
    return BundleStore(options.out).write(bundle.to_mapping(), weights, card)


def _truth(samples: Sequence[Sample], categories: Sequence[str]) -> NDArray[np.int64]:
    unknown = sorted({sample.category for sample in samples} - set(categories))
    if unknown:
        raise DatasetRefused(f"{', '.join(unknown)}: measured on, but not trained on; remove those photos")
    return np.array([categories.index(sample.category) for sample in samples], dtype=np.int64)


def _base_weights(options: TrainOptions) -> BaseWeights:
    made = options.base == "random"
    source = {"imagenet": "Keras Applications, trained on ImageNet", "random": "random numbers"}
    return BaseWeights(
        name=f"MobileNetV2, alpha {options.recipe.alpha:g}, {options.recipe.size} px",
        licence="none needed" if made else options.base_licence,
        source=options.base_source or source.get(options.base, Path(options.base).name),
    )


def _sources(samples: Sequence[Sample]) -> tuple[DataSource, ...]:
    counts = Counter((sample.source, sample.licence) for sample in samples)
    return tuple(
        DataSource(name=source, photos=count, licence=licence)
        for (source, licence), count in counts.most_common()
    )
