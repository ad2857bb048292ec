"""The end of every run: quantise, and measure the file that will be served."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from refundsorter.core.share import Share
from refundsorter.training import export
from refundsorter.training.bundling import Judge
from refundsorter.training.evaluate import Measure
from refundsorter.training.head import Head, assemble
from refundsorter.training.nothing import pictures
from refundsorter.training.options import TrainOptions
from refundsorter.training.progress import Progress, Report
from refundsorter.training.served import served_logits

NOTHINGS_MEASURED = 20  # pictures of each kind of no product; of other draws than those that were taught


def quantised(trunk: keras.Model, head: Head, representative: NDArray[np.uint8], report: Report) -> bytes:
    """Return the `.tflite` file of trunk and head, as `export.to_int8` makes it."""
    report(Progress(stage="export", done=0, total=1))
    weights = export.to_int8(assemble(trunk, head), representative)
    report(Progress(stage="export", done=1, total=1, note=f"{len(weights)} bytes"))
    return weights


def logits_of(weights: bytes, head: Head, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Ask a `.tflite` file as serving does: float32 [N, labels] of photos uint8 [N, S, S, 3]."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        file.write_bytes(weights)
        return served_logits(file, len(head.labels), pixels)


def unfiled(weights: bytes, head: Head, judge: Judge, options: TrainOptions) -> Share:
    """Of pictures that show no product, how many would not be filed."""
    drawn, _ = pictures(NOTHINGS_MEASURED, options.recipe.size, options.seed + 1)
    return judge.unfiled(logits_of(weights, head, drawn))


def tell(measures: Mapping[str, Measure], report: Report) -> None:
    """Report what was measured."""
    for name, found in measures.items():
        note = "\n".join([f"{name.replace('_', ' ')}:", *found.lines()])
        report(Progress(stage="measure", done=1, total=1, note=note))
