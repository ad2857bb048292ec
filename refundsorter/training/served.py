"""What the quantised file says of many photos, asked through the class that serving uses."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from refundsorter.edges.classifier import Classifier

BATCH = 16  # photos at a time; more saves nothing


def served_logits(weights: Path, labels: int, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Run a model as serving does.

    Args:
        weights: The `.tflite` file.
        labels: How many it has.
        pixels: uint8 [N, S, S, 3], RGB, 0..255.

    Returns:
        float32 [N, labels].

    Raises:
        BundleRefused: The file is no model of this shape.
    """
    classifier = Classifier(weights, labels=labels, input_size=pixels.shape[1])
    starts = range(0, len(pixels), BATCH)
    return np.concatenate([classifier.logits(pixels[start : start + BATCH]).copy() for start in starts])
