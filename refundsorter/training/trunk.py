"""MobileNetV2 up to its averaged features: built, run over photos, mixed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from refundsorter.core.fault import RefundsorterError
from refundsorter.training.progress import Progress, Report
from refundsorter.training.recipe import Recipe

# Keras' own scaling of MobileNetV2's input: x / 127.5 - 1.
HALF_RANGE = 127.5

FEATURE_BATCH = 64  # photos at a time where nothing is learned


class BaseRefused(RefundsorterError):
    """The weights to begin with are missing, or not of this network."""


def seed_everything(seed: int) -> None:
    """Make a run repeatable: Python's, NumPy's and TensorFlow's random numbers all start from `seed`."""
    keras.utils.set_random_seed(seed)


def build_trunk(base: str, recipe: Recipe) -> keras.Model:
    """Build MobileNetV2 up to its averaged features.

    Args:
        base: `imagenet` (Keras downloads them), `random`, or a weights file without the classifier.
        recipe: For size and width.

    Returns:
        A model from float32 [N, size, size, 3], -1..1, to features float32 [N, F], 0..6.

    Raises:
        BaseRefused: The weights cannot be read, or are of another architecture.
    """
    weights = {"imagenet": "imagenet", "random": None}.get(base, base)
    try:
        return keras.applications.MobileNetV2(
            input_shape=(recipe.size, recipe.size, 3),
            alpha=recipe.alpha,
            include_top=False,
            weights=weights,
            pooling="avg",
        )
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise BaseRefused(
            f"{base}: no weights of MobileNetV2, width {recipe.alpha:g}, without its classifier: {error}"
        ) from error


def resized(trunk: keras.Model, recipe: Recipe, size: int) -> keras.Model:
    """Build a trunk with the same weights for photos of another size; `recipe` is the one of `trunk`."""
    other = build_trunk("random", replace(recipe, size=size))
    other.set_weights(trunk.get_weights())
    return other


def scaled(photos: Any) -> Any:
    """Bring bytes 0..255 to -1..1, as the trunk takes them."""
    return tf.cast(photos, tf.float32) / HALF_RANGE - 1.0


def features(trunk: keras.Model, pixels: NDArray[np.uint8], report: Report) -> NDArray[np.float32]:
    """Run the trunk over photos.

    Args:
        trunk: As `build_trunk` makes it.
        pixels: uint8 [N, S, S, 3], RGB, 0..255, of the trunk's size.
        report: Told every ten batches.

    Returns:
        float32 [N, F].
    """
    batch = tf.TensorSpec((None, *pixels.shape[1:]), tf.uint8)  # traced once, whatever the last batch holds
    run = tf.function(lambda photos: trunk(scaled(photos), training=False), input_signature=[batch])
    parts = []
    for start in range(0, len(pixels), FEATURE_BATCH):
        parts.append(run(tf.constant(pixels[start : start + FEATURE_BATCH])).numpy())
        done = start + len(parts[-1])
        if start // FEATURE_BATCH % 10 == 0 or done == len(pixels):
            report(Progress(stage="features", done=done, total=len(pixels)))
    return np.concatenate(parts)


def interpolate(
    start: Sequence[NDArray[np.float32]], end: Sequence[NDArray[np.float32]], mix: float
) -> list[NDArray[np.float32]]:
    """Return the weights that lie `mix` of the way from `start` to `end`."""
    return [(1.0 - mix) * a + mix * b for a, b in zip(start, end, strict=True)]
