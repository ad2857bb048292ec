"""Makes `tiny.tflite`, the model that fast tests use: a convolution and a dense layer, 32 pixels, 5 labels.

It is not trained but set: each label answers to one colour, so a test can foretell every answer. It needs
TensorFlow; the result is committed, so the tests do not.

Run: python tests/data/make_tiny_model.py
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

SIDE = 32  # pixels
# One label a colour, RGB. A photo all of that colour gets its label.
COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}
SHARPNESS = 12.0  # how far the right logit lies above the others; 12 gives it nearly all the probability


def build() -> tf.keras.Model:
    """Make the network: the logit of a colour falls with the distance of the photo's mean colour from it.

    |x - c|² is |c|² - 2 x·c plus a term that all labels share, so a linear layer does it.
    """
    pixels = tf.keras.Input((SIDE, SIDE, 3))
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


def _representative() -> Iterator[list[np.ndarray]]:
    draws = np.random.default_rng(0)
    for colour in COLOURS.values():
        yield [np.full((1, SIDE, SIDE, 3), colour, np.float32)]
        yield [draws.uniform(0, 255, (1, SIDE, SIDE, 3)).astype(np.float32)]


def main() -> None:
    """Quantise the network and write it beside this file."""
    converter = tf.lite.TFLiteConverter.from_keras_model(build())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = _representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    Path(__file__).with_name("tiny.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main()
