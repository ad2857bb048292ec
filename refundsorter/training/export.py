"""From a Keras model to the file that is served: int8 weights, uint8 pixels in, float32 logits out.

Scaling is part of the model: its input is quantised so that the byte 0 means -1 and 255 means 1, which is
what the trunk was trained on. So nobody can scale twice, or wrongly. What was exported is checked at once.
"""

import warnings
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from refundsorter.core.fault import RefundsorterError

SCALING = "inside the model: a byte b of the input stands for b / 127.5 - 1"
HALF_RANGE = 127.5


class ExportFailed(RefundsorterError):
    """What the converter made is not what serving expects."""


def to_int8(model: keras.Model, representative: NDArray[np.uint8]) -> bytes:
    """Quantise after training: weights per channel, activations by what `representative` makes of them.

    Args:
        model: From float32 [N, S, S, 3], -1..1, to logits float32 [N, labels].
        representative: Photos like those to be served, uint8 [M, S, S, 3]; a few hundred are enough.

    Returns:
        The bytes of a `.tflite` file: uint8 [N, S, S, 3], RGB, 0..255, to logits float32 [N, labels], N free.

    Raises:
        ExportFailed: The converter gave another type, shape or input range.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _photos(representative)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    with warnings.catch_warnings():
        # TensorFlow's converter misses statistics that only quantisation-aware training would have.
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
        weights: bytes = converter.convert()
    _check(weights, representative.shape[1], model.output_shape[1])
    return weights


def _photos(representative: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    """Photos one by one, the first made to hold both ends of the range, which fixes what a byte means."""
    first = representative[:1].copy()
    first[:, 0], first[:, -1] = 0, 255
    for photo in (first, *np.split(representative, len(representative))):
        yield [photo.astype(np.float32) / np.float32(HALF_RANGE) - np.float32(1.0)]


def _check(weights: bytes, size: int, labels: int) -> None:
    interpreter = Interpreter(model_content=weights)
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = given["quantization"]
    found = (
        np.dtype(given["dtype"]).name,
        tuple(given["shape_signature"].tolist()),
        np.dtype(made["dtype"]).name,
        made["shape_signature"].tolist()[-1],
    )
    wanted = ("uint8", (-1, size, size, 3), "float32", labels)
    if found != wanted:
        raise ExportFailed(f"the exported model takes and gives {found}, expected {wanted}")
    if abs(scale * HALF_RANGE - 1.0) > 1e-3 or zero not in (127, 128):  # noqa: PLR2004 - 127.5, rounded either way
        raise ExportFailed(
            f"the exported model scales bytes by {scale} around {zero}, expected 1/127.5 around 127"
        )
