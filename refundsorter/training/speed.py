"""How long a model takes for a photo, on one core of the processor at hand."""

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from refundsorter.edges.classifier import Classifier

RUNS = (
    60  # of which the shortest is taken, in processor time: what else the machine does only makes them longer
)
PROCESSORS = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """A measured figure, and on what it was measured."""

    inference_ms: float  # a photo, on one core, decoding not counted
    processor: str  # as the kernel names it

    def figures(self) -> dict[str, float]:
        """The figure for a manifest, which holds numbers only."""
        return {"inference_ms": round(self.inference_ms, 3)}


def speed_of(weights: bytes, labels: int, input_size: int) -> Speed:
    """Measure a model as serving runs it: one photo at a time, one thread.

    Args:
        weights: The content of model.tflite.
        labels: How many it has.
        input_size: The side of its input in pixels.

    Raises:
        BundleRefused: It is no model of this shape.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.tflite")
        file.write_bytes(weights)
        classifier = Classifier(file, labels=labels, input_size=input_size)  # warmed up
        photo = np.random.default_rng(1).integers(0, 256, (1, input_size, input_size, 3), np.uint8)
        took = []
        for _ in range(RUNS):
            begun = time.thread_time()
            classifier.logits(photo)
            took.append(time.thread_time() - begun)
    return Speed(inference_ms=min(took) * 1000, processor=_processor())


def _processor() -> str:
    """The first processor's name, or the kind of machine where the kernel does not tell."""
    try:
        lines = PROCESSORS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named and named[0] else os.uname().machine
