"""From corrections alone to a bundle: the one at hand is reopened, its head taught, and written anew."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.bundle import split_reference
from refundsorter.core.fault import BundleRefused
from refundsorter.training import dataset
from refundsorter.training.bundling import Judge, Origin, sources, write_bundle
from refundsorter.training.card import CORRECTIONS
from refundsorter.training.dataset import DatasetRefused, Sample
from refundsorter.training.evaluate import measure
from refundsorter.training.extend import extend
from refundsorter.training.finishing import quantised, tell, unfiled
from refundsorter.training.nothing import pictures
from refundsorter.training.options import TrainOptions
from refundsorter.training.progress import Report
from refundsorter.training.reopen import places, reopen
from refundsorter.training.trunk import features, seed_everything

RANGE_PICTURES = 4  # of each kind of no product, among the photos that nobody corrected


def teach(options: TrainOptions, shelf: Sequence[Path], report: Report) -> str:
    """Teach the bundle `options.go_on` the photos of `options.data`; add the new one, not made active.

    Args:
        options: What, with what, where to. Size and width are the bundle's.
        shelf: Photos like those to be served. What a new category may not take, and which ranges the numbers
            within the network have, is found by those that nobody corrected.
        report: Told of every stage's progress.

    Returns:
        The reference of the bundle written, "name/version".

    Raises:
        DatasetRefused: There is nothing to teach.
        BaseRefused: The bundle cannot be taught on.
        BundleRefused: The version exists already, or its name is no name.
    """
    reference, before = f"{options.name}/{options.version}", options.go_on
    assert before is not None, "there is a bundle to go on from"
    split_reference(reference)
    if (options.out / reference).exists():
        raise BundleRefused(f"{options.out / reference}: exists already; choose another version")
    if not options.data:
        raise DatasetRefused("nobody has corrected a photo yet: there is nothing to learn from")
    seed_everything(options.seed)
    manifest = before.manifest
    of = options.category_of
    known = tuple(sorted({of[label] for label in manifest.labels if label in of}))
    trunk, head = reopen(before, places(manifest.labels, of, known))
    samples, pixels = dataset.decode(options.data, manifest.input_size, options.workers, report)
    others = _others(options, shelf, report)
    found = extend(
        head,
        known,
        manifest.thresholds,
        features(trunk, pixels, report),
        samples,
        others=features(trunk, others, report),
        precision=options.precision,
    )
    judge = Judge(categories=found.categories, columns=found.head.categories, thresholds=found.thresholds)
    weights = quantised(trunk, found.head, np.concatenate([pixels, others]), report)
    truth = np.array([found.categories.index(sample.category) for sample in samples], dtype=np.int64)
    measures = {CORRECTIONS: measure(found.unseen, truth, found.categories, found.thresholds)}
    tell(measures, report)
    return write_bundle(
        weights,
        found.head.labels,
        judge,
        measures,
        unfiled=unfiled(weights, found.head, judge, options),
        origin=Origin(data=(*manifest.data, *sources(samples)), base=manifest.base_weights),
        recipe=None,
        options=options,
    )


def _others(options: TrainOptions, shelf: Sequence[Path], report: Report) -> NDArray[np.uint8]:
    """Return photos that nobody corrected, and drawn pictures: uint8 [M, S, S, 3]."""
    assert options.go_on is not None, "there is a bundle to go on from"
    size = options.go_on.manifest.input_size
    found = [pictures(RANGE_PICTURES, size, options.seed)[0]]
    corrected = {sample.path for sample in options.data}
    others = [
        Sample(path=path, label="", category="", source="", group="", licence="")
        for path in shelf
        if path not in corrected
    ]
    if others:
        found.append(dataset.decode(others, size, options.workers, report)[1])
    return np.concatenate(found)
