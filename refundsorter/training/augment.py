"""Changes to photos that leave what is on them alone, and take away what betrays where they come from.

Shops differ in framing, padding, resolution, light and sharpness. A model that saw each of these at random
cannot lean on them: low resolution must not become the sign of a category whose photos happen to be small.
"""

from typing import Any

import tensorflow as tf

MIN_AREA = 0.35  # smallest share of a photo's side-product that a crop keeps
MAX_STRETCH = 1.33  # a crop's sides differ from the photo's by at most this factor
COARSEST_SIDE = 56  # pixels: what the smallest known photos have
COARSE_SHARE = 0.35  # share of batches that are brought down to a lower resolution and up again
LIGHT = 0.25  # brightness, contrast and saturation differ by up to this share


def augment(photos: Any, size: int, seed: Any) -> Any:
    """Change a batch at random.

    Args:
        photos: float32 [N, S, S, 3], RGB, 0..255.
        size: The side of the photos that come out, in pixels.
        seed: An integer tensor; the same seed makes the same change.

    Returns:
        float32 [N, size, size, 3], RGB, 0..255.
    """
    seeds = tf.random.experimental.stateless_split(tf.stack([seed, 7]), 4)
    return _light(_coarse(_crop(photos, size, seeds[0]), seeds[1]), seeds[2])


def _crop(photos: Any, size: int, seed: Any) -> Any:
    """Crop, stretch and mirror: each photo by a box of its own."""
    count = tf.shape(photos)[0]
    draw = tf.random.stateless_uniform([5, count], seed)
    area = MIN_AREA + (1.0 - MIN_AREA) * draw[0]
    stretch = tf.exp(tf.math.log(MAX_STRETCH) * (2.0 * draw[1] - 1.0) * 0.5)
    height = tf.minimum(tf.sqrt(area) * stretch, 1.0)
    width = tf.minimum(tf.sqrt(area) / stretch, 1.0)
    top, left = draw[2] * (1.0 - height), draw[3] * (1.0 - width)
    right = left + width
    mirrored = draw[4] < 0.5  # noqa: PLR2004 - one half
    boxes = tf.stack(
        [top, tf.where(mirrored, right, left), top + height, tf.where(mirrored, left, right)], axis=1
    )
    return tf.image.crop_and_resize(photos, boxes, tf.range(count), (size, size))


def _coarse(photos: Any, seed: Any) -> Any:
    """Bring a share of batches down to a lower resolution and up again, as a small photo would come."""
    side = tf.shape(photos)[1]
    draw = tf.random.stateless_uniform([2], seed)
    lowest = tf.minimum(tf.cast(COARSEST_SIDE, tf.float32), tf.cast(side, tf.float32) / 2.0)
    low = tf.cast(lowest + draw[1] * lowest, tf.int32)

    def coarser() -> Any:
        return tf.image.resize(
            tf.image.resize(photos, tf.stack([low, low]), antialias=True), tf.stack([side, side])
        )

    return tf.cond(draw[0] < COARSE_SHARE, coarser, lambda: photos)


def _light(photos: Any, seed: Any) -> Any:
    """Change brightness, contrast, saturation and the colour of the light, each photo by itself."""
    count = tf.shape(photos)[0]
    draw = 1.0 + LIGHT * (2.0 * tf.random.stateless_uniform([3, count, 1, 1, 1], seed) - 1.0)
    tint = 1.0 + 0.1 * (2.0 * tf.random.stateless_uniform([count, 1, 1, 3], seed + 1) - 1.0)
    grey = tf.reduce_mean(photos, axis=3, keepdims=True)
    mean = tf.reduce_mean(photos, axis=[1, 2, 3], keepdims=True)
    changed = grey + (photos - grey) * draw[0]
    changed = mean + (changed - mean) * draw[1]
    return tf.clip_by_value(changed * draw[2] * tint, 0.0, 255.0)
