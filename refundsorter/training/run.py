"""One run from photos to a bundle: read, decode, tune, fit, find how sure to be, quantise, measure, write.

How sure the model may be is found on answers about sources that the head had not seen. Photos to measure on
are read after everything is decided, and measured with the quantised file, because that is what is served.
"""

from collections import Counter
from dataclasses import dataclass, replace

import keras
import numpy as np
from numpy.typing import NDArray

from refundsorter.core.bundle import split_reference
from refundsorter.core.fault import BundleRefused
from refundsorter.training import calibrate, dataset
from refundsorter.training.across import folds, groups_of, judged_rows, strange_cosines
from refundsorter.training.bundling import Judge, Origin, base_weights, sources, write_bundle
from refundsorter.training.card import CHECK, HELD_OUT, OTHER_SHOPS, UNQUANTISED
from refundsorter.training.checkpoints import Checkpoints
from refundsorter.training.dataset import DatasetRefused, Sample
from refundsorter.training.evaluate import Measure
from refundsorter.training.finishing import logits_of, quantised, tell, unfiled
from refundsorter.training.head import NOTHING, Columns, Head, directions, fit_columns, joined, unit
from refundsorter.training.mixture import fit_mixture
from refundsorter.training.nothing import KINDS, pictures
from refundsorter.training.options import TrainOptions
from refundsorter.training.prior import prior_columns, read_prior, unique
from refundsorter.training.progress import Report
from refundsorter.training.recipe import Lesson
from refundsorter.training.reopen import places, reopen
from refundsorter.training.rounding import round_weights
from refundsorter.training.trunk import build_trunk, features, resized, seed_everything
from refundsorter.training.tune import Start, tune
from refundsorter.training.unseen import unseen

# For quantisation. Of 100, 300 and 1,000 the last kept the probabilities nearest to those of the float model.
REPRESENTATIVE_PHOTOS = 1000

TOO_FEW = "too few sources: of two categories at least, photos of two sources each are needed"

NOTHINGS_TAUGHT = 20  # pictures of each kind of no product


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """Decoded photos and what they are."""

    samples: tuple[Sample, ...]
    pixels: NDArray[np.uint8]  # [N, size, size, 3], RGB, 0..255
    labels: tuple[str, ...]  # sorted
    categories: tuple[str, ...]  # sorted
    columns: NDArray[np.int64]  # the category's index of each label, [labels]
    lesson: Lesson  # the label of each photo

    @property
    def truth(self) -> NDArray[np.int64]:
        """The category's index of each photo, int64 [N]."""
        found: NDArray[np.int64] = self.columns[self.lesson.targets]
        return found


def train(options: TrainOptions, report: Report) -> str:
    """Train, and add the bundle to the models' folder; it is not made active.

    A run that was cut short is gone on with by the same call: what is done stands in a hidden folder of the
    models' folder, which goes when the bundle is written.

    Args:
        options: What, with what, where to.
        report: Told of every stage's progress.

    Returns:
        The reference of the bundle written, "name/version".

    Raises:
        DatasetRefused: The data cannot be trained on.
        BaseRefused, PriorRefused: The weights to begin with cannot be used.
        BundleRefused: The version exists already, or its name is no name.
        ExportFailed: The quantised model is not what serving expects.
    """
    reference = f"{options.name}/{options.version}"
    split_reference(reference)
    if (options.out / reference).exists():
        raise BundleRefused(f"{options.out / reference}: exists already; choose another version")
    seed_everything(options.seed)
    options = replace(
        options,
        check=unseen(options.check, options.data, report),
        measure_on=unseen(options.measure_on, options.data, report),
    )
    lessons = read_lessons(options, report)
    measured = {sample.category for sample in (*options.check, *options.measure_on)}
    if unknown := sorted(measured - set(lessons.categories)):
        raise DatasetRefused(f"{', '.join(unknown)}: measured on, but not trained on; remove those photos")
    with Checkpoints(options.out / f".training-{options.name}-{options.version}", options, report) as kept:
        _teach(lessons, kept, options, report)
    return reference


def _teach(lessons: Lessons, kept: Checkpoints, options: TrainOptions, report: Report) -> None:
    """From photos to the written bundle."""
    trunk, prior = _begin(options, lessons)
    start = Start(
        trunk=trunk,
        values=kept.array("start", lambda: features(trunk, lessons.pixels, report)),
        columns=lessons.columns,
        prior=prior,
    )
    prior = tune(
        start,
        lessons.pixels,
        lessons.lesson,
        recipe=options.recipe,
        seed=options.seed,
        checkpoint=kept.folder / "tuning.npz",
        report=report,
    )
    values = kept.array("features", lambda: features(trunk, lessons.pixels, report))
    head, judge, strange = fit(trunk, values, prior, lessons=lessons, options=options, report=report)
    finish(trunk, head, judge, strange, lessons=lessons, options=options, report=report)


def _begin(options: TrainOptions, lessons: Lessons) -> tuple[keras.Model, Columns | None]:
    """Return the trunk to begin with, and the columns that came with it."""
    if options.go_on is None:
        trunk, found = build_trunk(options.base, options.recipe), None
        if options.prior is not None:
            found = prior_columns(read_prior(options.prior), lessons.categories, lessons.labels)
        return trunk, found
    columns = places(options.go_on.manifest.labels, options.category_of, lessons.categories)
    trunk, head = reopen(options.go_on, columns)
    if head.prior is None:
        return trunk, None
    return trunk, replace(head.prior, labels=unique(head.prior.labels, lessons.labels))


def read_lessons(options: TrainOptions, report: Report) -> Lessons:
    """Decode the photos and number their labels.

    Raises:
        DatasetRefused: One category alone, a label that stands under two, or too few sources to judge by.
    """
    samples, pixels = dataset.decode(options.data, options.recipe.size, options.workers, report)
    category_of: dict[str, str] = {}
    for sample in samples:
        other = category_of.setdefault(sample.label, sample.category)
        if other != sample.category:
            raise DatasetRefused(
                f"{sample.path}: the label {sample.label!r} is one of {sample.category} and of {other}; "
                "it can belong to one only, so rename one of them"
            )
    labels, categories = tuple(sorted(category_of)), tuple(sorted(set(category_of.values())))
    if len(categories) < 2:  # noqa: PLR2004 - one leaves nothing to tell apart
        raise DatasetRefused(f"every photo that can be read is of {categories[0]}; at least two are needed")
    groups = groups_of(samples)
    met = {(sample.category, group) for sample, group in zip(samples, groups.tolist(), strict=True)}
    if sum(count > 1 for count in Counter(category for category, _ in met).values()) < 2:  # noqa: PLR2004 - likewise
        raise DatasetRefused(TOO_FEW)
    place = {label: index for index, label in enumerate(labels)}
    return Lessons(
        samples=samples,
        pixels=pixels,
        labels=labels,
        categories=categories,
        columns=np.array([categories.index(category_of[label]) for label in labels], dtype=np.int64),
        lesson=Lesson(
            targets=np.array([place[sample.label] for sample in samples], dtype=np.int64),
            groups=groups,
            weights=dataset.sampling_weights(samples),
            labels=len(labels),
        ),
    )


def fit(
    trunk: keras.Model,
    values: NDArray[np.float32],
    prior: Columns | None,
    *,
    lessons: Lessons,
    options: TrainOptions,
    report: Report,
) -> tuple[Head, Judge, Measure]:
    """Make the head, and find how sure it may be.

    Args:
        trunk: The tuned trunk.
        values: Its features of all photos, float32 [N, F].
        prior: The earlier classifier's columns.
        lessons: The photos.
        options: As for `train`.
        report: Told of every stage's progress.

    Returns:
        The head, how its answers are judged, and what it did on sources that it had not seen.

    Raises:
        DatasetRefused: Too few sources are left without those of near twins.
    """
    recipe, lesson, count = options.recipe, lessons.lesson, len(lessons.categories)
    mean, kernel, bias = fit_columns(values, lesson, recipe, options.seed, report)
    rows = judged_rows(directions(values, mean), lessons.truth, lesson.groups, options.seed)
    fold = folds(lesson.groups, lessons.truth)
    strange = strange_cosines(values, lesson, rows, fold, recipe=recipe, seed=options.seed, report=report)
    of_own = np.where(lessons.columns == lessons.truth[rows][:, None], strange, -np.inf)
    known = np.isfinite(of_own).any(axis=1)  # its category is known from other sources, too
    rows, strange = rows[known], strange[known]
    truth = lessons.truth[rows]
    if len(set(truth.tolist())) < 2:  # noqa: PLR2004 - what cannot be told apart cannot be judged
        raise DatasetRefused(TOO_FEW)
    blank = _nothing_columns(trunk, mean, lessons, prior, options)
    cosines = np.concatenate([strange, blank.logits(directions(values[rows], mean))], axis=1)
    columns = np.concatenate([lessons.columns, blank.categories])
    mixture = fit_mixture(
        cosines,
        columns,
        None if prior is None else prior.logits(values[rows]),
        np.zeros(0, np.int64) if prior is None else prior.categories,
        truth=truth,
        categories=count,
    )
    ours = Columns(labels=lessons.labels, categories=lessons.columns, kernel=kernel, bias=bias)
    head = Head(
        mean=mean,
        ours=mixture.ours(joined([ours, blank])),
        prior=None if prior is None else mixture.prior(prior),
    )
    logits = [mixture.logits(cosines, columns)] + ([head.prior.logits(values[rows])] if head.prior else [])
    odds = calibrate.category_probabilities(np.concatenate(logits, axis=1), 1.0, head.categories, count)
    judge = Judge(
        categories=lessons.categories,
        columns=head.categories,
        thresholds=calibrate.find_thresholds(odds, truth, lessons.categories, options.precision),
    )
    return head, judge, judge.measure_odds(odds, truth)


def _nothing_columns(
    trunk: keras.Model,
    mean: NDArray[np.float32],
    lessons: Lessons,
    prior: Columns | None,
    options: TrainOptions,
) -> Columns:
    """Return a column for each kind of picture that shows no product."""
    drawn, kinds = pictures(NOTHINGS_TAUGHT, options.recipe.size, options.seed)
    units = directions(features(trunk, drawn, lambda _: None), mean)
    means = np.stack([units[kinds == kind].mean(axis=0) for kind in range(len(KINDS))])
    taken = (*lessons.labels, *(prior.labels if prior else ()))
    return Columns(
        labels=unique([f"no product: {kind}" for kind in KINDS], taken),
        categories=np.full(len(KINDS), NOTHING, np.int64),
        kernel=unit(means).T,
        bias=np.zeros(len(KINDS), np.float32),
    )


def finish(
    trunk: keras.Model,
    head: Head,
    judge: Judge,
    strange: Measure,
    *,
    lessons: Lessons,
    options: TrainOptions,
    report: Report,
) -> None:
    """Quantise, measure and write."""
    count = min(REPRESENTATIVE_PHOTOS, len(lessons.samples))
    draws = np.random.default_rng(options.seed)
    chosen = np.sort(draws.choice(len(lessons.samples), count, replace=False, p=lessons.lesson.weights))
    representative = lessons.pixels[chosen]
    # A copy is rounded: the float one is measured beside it.
    rounded = resized(trunk, options.recipe, options.recipe.size)
    round_weights(rounded, representative)
    weights = quantised(rounded, head, representative, report)
    measures = {HELD_OUT: strange}
    for name, photos in ((CHECK, options.check), (OTHER_SHOPS, options.measure_on)):
        if photos:
            samples, pixels = dataset.decode(photos, options.recipe.size, options.workers, report)
            measures[name] = judge.measure(logits_of(weights, head, pixels), samples)
            if name == OTHER_SHOPS:
                measures[UNQUANTISED] = judge.measure(head.logits(features(trunk, pixels, report)), samples)
    tell(measures, report)
    write_bundle(
        weights,
        head.labels,
        judge,
        measures,
        unfiled=unfiled(weights, head, judge, options),
        origin=Origin(data=sources(lessons.samples), base=base_weights(options)),
        recipe=options.recipe,
        options=options,
    )
