"""Measure a bundle on photos, without TensorFlow, and print the lines that stand in a model card.

`python -m refundsorter.training.recheck MODELS REFERENCE TAXONOMY PHOTOS`, with PHOTOS as for training.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from refundsorter.core.fault import RefundsorterError
from refundsorter.core.taxonomy import Taxonomy
from refundsorter.edges.bundle import BundleStore, StoredBundle
from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.training import dataset
from refundsorter.training.calibrate import NEVER, category_probabilities
from refundsorter.training.dataset import DatasetRefused
from refundsorter.training.evaluate import Measure, measure
from refundsorter.training.progress import Progress, Report
from refundsorter.training.served import served_logits


def recheck(bundle: StoredBundle, taxonomy: Taxonomy, photos: Path, workers: int, report: Report) -> Measure:
    """Measure what a bundle would do with photos whose category is known.

    Args:
        bundle: The model.
        taxonomy: Which category each of its labels belongs to; its thresholds override the bundle's.
        photos: As `dataset.read` takes them; their categories must be the taxonomy's.
        workers: Photos decoded at a time.
        report: Told of the decoding's progress.

    Raises:
        DatasetRefused: There are no such photos, or their categories or the model's labels are unknown.
    """
    manifest, categories = bundle.manifest, taxonomy.categories
    samples, pixels = dataset.decode(dataset.read(photos), manifest.input_size, workers, report)
    unknown = {s.category for s in samples} - set(categories)
    unknown |= set(manifest.labels) - set(taxonomy.category_of)
    if unknown:
        raise DatasetRefused(f"the taxonomy knows nothing of: {', '.join(sorted(unknown))}")
    columns = np.array([categories.index(taxonomy.category_of[label]) for label in manifest.labels])
    logits = served_logits(bundle.weights, len(manifest.labels), pixels)
    odds = category_probabilities(logits, manifest.temperature, columns, len(categories))
    truth = np.array([categories.index(sample.category) for sample in samples])
    return measure(
        odds,
        truth,
        categories,
        {**dict.fromkeys(categories, NEVER), **manifest.thresholds, **taxonomy.thresholds},
    )


def _tell(progress: Progress) -> None:
    if progress.note:
        sys.stderr.write(progress.note + "\n")


def main(arguments: Sequence[str]) -> int:
    """Print what `recheck` finds; returns the process's exit status."""
    if len(arguments) != 4:  # noqa: PLR2004 - as many as the usage names
        sys.stderr.write("usage: python -m refundsorter.training.recheck MODELS REFERENCE TAXONOMY PHOTOS\n")
        return 2
    models, reference, taxonomy, photos = arguments
    try:
        found = recheck(
            BundleStore(Path(models)).load(reference),
            read_taxonomy(Path(taxonomy)),
            Path(photos),
            2,
            _tell,
        )
    except RefundsorterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(found.lines()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
