"""Makes the models that fast tests use, each of a few kilobytes.

`tiny.tflite` is a convolution and a dense layer, 32 pixels, 5 labels; `tiny48.tflite` is the same with 48
pixels. They are not trained but set: each label answers to one colour, so a test can foretell every answer.
`brittle.tflite` has the same ends as the first, and fails at every photo whose first pixel has any red.
They need TensorFlow; the results are committed, so the tests do not.

Run: python tests/data/make_tiny_model.py
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

SIDE, LARGER_SIDE = 32, 48  # pixels
# One label a colour, RGB. A photo all of that colour gets its label.
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}
SHARPNESS = 12.0  # how far the right logit lies above the others; 12 gives it nearly all the probability


def build(side: int) -> tf.keras.Model:
    """Make the network: the logit of a colour falls with the distance of the photo's mean colour from it.

    |x - c|² is |c|² - 2 x·c plus a term that all labels share, so a linear layer does it.
    """
    pixels = tf.keras.Input((side, side, 3))
    scaled = tf.keras.layers.Rescaling(1 / 255)(pixels)
    reduced = tf.keras.layers.Conv2D(
        3, 4, strides=4, use_bias=False, kernel_initializer=_mean_of_each_channel
    )(scaled)
    mean = tf.keras.layers.GlobalAveragePooling2D()(reduced)
    head = tf.keras.layers.Dense(len(COLOURS))
    model = tf.keras.Model(pixels, head(mean))
    colours = np.array(list(COLOURS.values()), np.float32) / 255
    head.set_weights([SHARPNESS * 2 * colours.T, -SHARPNESS * (colours**2).sum(axis=1)])
    return model


def _mean_of_each_channel(shape: tuple[int, ...], dtype: str | None = None) -> tf.Tensor:
    height, width, channels, _ = shape
    kernel = np.broadcast_to(np.eye(channels) / (height * width), shape)
    return tf.constant(kernel, dtype)


def _representative(side: int) -> Iterator[list[np.ndarray]]:
    draws = np.random.default_rng(0)
    for colour in COLOURS.values():
        yield [np.full((1, side, side, 3), colour, np.float32)]
        yield [draws.uniform(0, 255, (1, side, side, 3)).astype(np.float32)]


def quantised(side: int) -> bytes:
    """The network in int8, for photos of that side."""
    converter = tf.lite.TFLiteConverter.from_keras_model(build(side))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _representative(side)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    return bytes(converter.convert())


def brittle() -> bytes:
    """A model that looks up a row of a table by a pixel's red; the table has one row."""

    def look_up(pixels: tf.Tensor) -> tf.Tensor:
        row = tf.cast(pixels[0, 0, 0, 0], tf.int32)
        return tf.gather(tf.zeros((1, len(COLOURS))), [row])

    pixels = tf.TensorSpec((1, SIDE, SIDE, 3), tf.uint8)
    graph = tf.function(look_up).get_concrete_function(pixels)
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([graph]).convert())


def main() -> None:
    """Write each beside this file."""
    here = Path(__file__).parent
    (here / "tiny.tflite").write_bytes(quantised(SIDE))
    (here / "tiny48.tflite").write_bytes(quantised(LARGER_SIDE))
    (here / "brittle.tflite").write_bytes(brittle())


if __name__ == "__main__":
    main()
