"""One run from photos to a bundle: read, decode, fit, quantise, calibrate, measure, write.

Photos of one source are never on both sides of the split. Photos to measure on are read after everything is
decided, and measured with the quantised file, because that is what is served.
"""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from refundsorter.core.bundle import DTYPE, BaseWeights, Bundle, DataSource, split_reference
from refundsorter.core.fault import BundleRefused
from refundsorter.edges.bundle import BundleStore
from refundsorter.training import calibrate, dataset, export, fit
from refundsorter.training.card import HELD_OUT, OTHER_SHOPS, UNQUANTISED, write_card
from refundsorter.training.dataset import DatasetRefused, Sample
from refundsorter.training.evaluate import Measure, measure
from refundsorter.training.progress import Progress, Report
from refundsorter.training.recipe import Lesson, Recipe
from refundsorter.training.rounding import round_weights
from refundsorter.training.served import served_logits

# For quantisation. Of 100, 300 and 1,000 the last kept the probabilities nearest to those of the float model.
REPRESENTATIVE_PHOTOS = 1000


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
    recipe: Recipe = field(default_factory=Recipe)  # every figure that changes the result
    seed: int = 1  # of draws, augmentation and split
    precision: float = 0.90  # the promise that thresholds keep on held-out photos
    measure_on: Path | None = None  # photos of other sources, as `dataset.read` takes them: never trained on
    keep: Path | None = None  # where the float Keras model is kept (.keras), if at all
    notes: tuple[str, ...] = ()  # what is known to be weak about the data, sentences for the card
    workers: int = 2  # photos decoded at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Photos:
    """Decoded photos and what they are known to be."""

    samples: tuple[Sample, ...]
    pixels: NDArray[np.uint8]  # [N, size, size, 3], RGB, 0..255
    held: NDArray[np.bool_]  # [N], which are held out until the thresholds are found


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """How logits become probabilities of categories, and from where on these are trusted."""

    categories: tuple[str, ...]  # sorted
    columns: NDArray[np.int64]  # the category's index of each label, [labels]
    temperature: float  # logits are divided by it
    thresholds: Mapping[str, float]  # category -> probability

    def measure(self, logits: NDArray[np.float32], samples: Sequence[Sample]) -> Measure:
        """Compare logits, float32 [N, labels], with what the photos are."""
        odds = calibrate.category_probabilities(logits, self.temperature, self.columns, len(self.categories))
        return measure(odds, _truth(samples, self.categories), self.categories, self.thresholds)


def train(options: TrainOptions, report: Report) -> str:
    """Train, and add the bundle to the models' folder; it is not made active.

    Args:
        options: What, with what, where to.
        report: Told of every stage's progress.

    Returns:
        The reference of the bundle written, "name/version".

    Raises:
        DatasetRefused: The data cannot be trained on.
        BaseRefused: The weights to begin with cannot be used.
        BundleRefused: The version exists already, or its name is no name.
        ExportFailed: The quantised model is not what serving expects.
    """
    reference = f"{options.name}/{options.version}"
    split_reference(reference)
    if (options.out / reference).exists():
        raise BundleRefused(f"{options.out / reference}: exists already; choose another version")
    fit.seed_everything(options.seed)
    samples, pixels = dataset.decode(dataset.read(options.data), options.recipe.size, options.workers, report)
    held = dataset.split(samples, options.recipe.held, options.seed)
    if held.all() or not held.any():
        raise DatasetRefused(f"{options.data}: too few photos to hold some out for calibration")
    photos = Photos(samples=samples, pixels=pixels, held=held)
    trunk = tuned_trunk(photos, options, report)
    values = fit.features(trunk, pixels, np.arange(len(pixels)), report)
    return finish(trunk, values, photos, options, report)


def tuned_trunk(photos: Photos, options: TrainOptions, report: Report) -> keras.Model:
    """Build the trunk and train every layer of it on the photos that are not held out."""
    taught = np.flatnonzero(~photos.held)
    _, lesson = _lesson([photos.samples[index] for index in taught])
    recipe, seed = options.recipe, options.seed
    trunk = fit.build_trunk(options.base, recipe)
    small = fit.resized(trunk, recipe, recipe.tune_size)
    values = fit.features(small, photos.pixels, taught, report)
    head = fit.fit_head(values, lesson, recipe, seed, report)
    fit.tune(
        small,
        head,
        photos.pixels,
        lesson,
        rows=taught,
        values=values,
        recipe=recipe,
        seed=seed,
        report=report,
    )
    trunk.set_weights(small.get_weights())
    return trunk


def finish(
    trunk: keras.Model,
    values: NDArray[np.float32],
    photos: Photos,
    options: TrainOptions,
    report: Report,
) -> str:
    """Calibrate, fit the last head, quantise, measure and write.

    Temperature and thresholds are found with a head that has not seen the held-out photos. The head that is
    shipped has: it knows more shops, and the thresholds err on the careful side.

    Args:
        trunk: The trained trunk.
        values: Its features of all photos, float32 [N, F].
        photos: All photos.
        options: As for `train`.
        report: Told of every stage's progress.

    Returns:
        The reference of the bundle written.
    """
    judge, held_out = _calibrated(values, photos, options, report)
    labels, lesson = _lesson(photos.samples)
    head = fit.fit_head(values, lesson, options.recipe, options.seed, report)
    if options.keep is not None:
        fit.assemble(trunk, head).save(options.keep)
    judge = replace(judge, columns=_columns(labels, photos.samples, judge.categories))
    chosen = np.random.default_rng(options.seed).choice(
        len(values), min(REPRESENTATIVE_PHOTOS, len(values)), replace=False, p=lesson.weights
    )
    report(Progress(stage="export", done=0, total=1))
    representative = photos.pixels[np.sort(chosen)]
    rounded = fit.resized(
        trunk, options.recipe, options.recipe.size
    )  # a copy: the float one is measured beside it
    round_weights(rounded, representative)
    weights = export.to_int8(fit.assemble(rounded, head), representative)
    report(Progress(stage="export", done=1, total=1, note=f"{len(weights)} bytes"))
    measures = {HELD_OUT: held_out}
    if options.measure_on is not None:
        samples, pixels = dataset.decode(
            dataset.read(options.measure_on), options.recipe.size, options.workers, report
        )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.tflite"
            file.write_bytes(weights)
            measures[OTHER_SHOPS] = judge.measure(served_logits(file, len(labels), pixels), samples)
        exact = fit.logits_of(head, fit.features(trunk, pixels, np.arange(len(pixels)), report))
        measures[UNQUANTISED] = judge.measure(exact, samples)
    for name, found in measures.items():
        note = f"{name}: " + "\n".join(found.lines())
        report(Progress(stage="measure", done=1, total=1, figures=found.figures(name), note=note))
    return _write(weights, labels, judge, measures, photos=photos, options=options)


def _calibrated(
    values: NDArray[np.float32], photos: Photos, options: TrainOptions, report: Report
) -> tuple[Judge, Measure]:
    """Find temperature and thresholds on the held-out photos, with a head that has not seen them."""
    taught = [sample for sample, held in zip(photos.samples, photos.held, strict=True) if not held]
    tested = [sample for sample, held in zip(photos.samples, photos.held, strict=True) if held]
    labels, lesson = _lesson(taught)
    head = fit.fit_head(values[~photos.held], lesson, options.recipe, options.seed, report)
    categories = tuple(sorted({sample.category for sample in taught}))
    columns = _columns(labels, taught, categories)
    logits, truth = fit.logits_of(head, values[photos.held]), _truth(tested, categories)
    temperature = round(calibrate.fit_temperature(logits, truth, columns), 4)
    odds = calibrate.category_probabilities(logits, temperature, columns, len(categories))
    thresholds = calibrate.find_thresholds(odds, truth, categories, options.precision)
    judge = Judge(categories=categories, columns=columns, temperature=temperature, thresholds=thresholds)
    return judge, judge.measure(logits, tested)


def _lesson(samples: Sequence[Sample]) -> tuple[tuple[str, ...], Lesson]:
    """Return the labels, sorted, and what each photo is among them."""
    labels = tuple(sorted({sample.label for sample in samples}))
    place = {label: index for index, label in enumerate(labels)}
    return labels, Lesson(
        targets=np.array([place[sample.label] for sample in samples], dtype=np.int64),
        weights=dataset.sampling_weights(samples),
        labels=len(labels),
    )


def _columns(
    labels: Sequence[str], samples: Sequence[Sample], categories: Sequence[str]
) -> NDArray[np.int64]:
    category_of = {sample.label: sample.category for sample in samples}
    return np.array([categories.index(category_of[label]) for label in labels], dtype=np.int64)


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


def _write(
    weights: bytes,
    labels: tuple[str, ...],
    judge: Judge,
    measures: Mapping[str, Measure],
    *,
    photos: Photos,
    options: TrainOptions,
) -> str:
    bundle = Bundle(
        name=options.name,
        version=options.version,
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        input_size=options.recipe.size,
        dtype=DTYPE,
        scaling=export.SCALING,
        labels=labels,
        sha256=hashlib.sha256(weights).hexdigest(),
        temperature=judge.temperature,
        thresholds=judge.thresholds,
        metrics={key: value for name, m in measures.items() for key, value in m.figures(name).items()},
        data=_sources(photos.samples),
        base_weights=_base_weights(options),
    )
    card = write_card(
        bundle,
        measures,
        recipe=options.recipe,
        seed=options.seed,
        precision=options.precision,
        notes=options.notes,
        size=len(weights),
    )
    return BundleStore(options.out).write(bundle.to_mapping(), weights, card)
