"""From somebody's Keras network to the file that is served: bytes in, logits out, nothing else changed.

The softmax at the network's end is taken off, for serving applies its own: what went into it are the logits,
and the same probabilities come out. The scaling of the input becomes part of the model.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from refundsorter.core.decision import softmax
from refundsorter.training.preprocessing import held_by, prepare
from refundsorter.training.refused import ImportRefused

BATCH = 32  # photos that the original is asked about at a time
SMALLEST, LARGEST = 32, 1024  # sides of an input that a bundle may state
LEAST = 1e-30  # a probability of 0 has no logarithm


class Network:
    """A network that was rebuilt, with what is known of its two ends.

    Args:
        model: From float32 [N, S, S, 3] to float32 [N, labels].
        size: The side to use where the model takes photos of any; None where it says one.

    Raises:
        ImportRefused: Its input is no square RGB photo, or its output is not one row of answers a photo.
    """

    def __init__(self, model: keras.Model, size: int | None) -> None:
        self.model = model
        self.size = side_of(model.input_shape, size)
        self.labels = _columns(model)
        self.held = held_by(model)
        self._end = _last(model)
        named = getattr(getattr(self._end, "activation", None), "__name__", "linear")
        if named not in ("softmax", "linear"):
            raise ImportRefused(
                f"its last layer ends in {named}, so that each answer stands alone; serving needs one choice "
                "among labels: train it with a softmax over at least two"
            )
        self._is_softmax = named == "softmax"

    def probabilities(self, pixels: NDArray[np.uint8], kind: str) -> NDArray[np.float32]:
        """What the network itself says of photos: the reference that an export is held against.

        Args:
            pixels: uint8 [N, S, S, 3], RGB, 0..255.
            kind: How to prepare them, one of `preprocessing.KINDS`.

        Returns:
            float32 [N, labels], each row summing to 1.

        Raises:
            ImportRefused: It gives something that is no number, or no probability.
        """
        starts = range(0, len(pixels), BATCH)
        parts = [prepare(pixels[start : start + BATCH].astype(np.float32), kind) for start in starts]
        given = np.concatenate([np.asarray(self.model(part, training=False), np.float32) for part in parts])
        if not np.isfinite(given).all():
            raise ImportRefused(
                "it answers with what is no number; its weights were damaged or never trained"
            )
        if not self._is_softmax and sums_to_one(given):
            raise ImportRefused(
                "its answers are probabilities, but its last layer is no softmax; put the softmax last"
            )
        return given if self._is_softmax else softmax(given)

    def to_float(self, kind: str) -> bytes:
        """Export with the weights as they are: uint8 [1, S, S, 3] to logits float32 [1, labels]."""
        return self._convert(kind, "uint8", lambda _: None)

    def to_int8(self, kind: str, representative: NDArray[np.uint8]) -> bytes:
        """Export in int8: weights by channel, activations by what `representative` makes of them.

        Args:
            kind: How pixels are prepared.
            representative: Photos like those to be served, uint8 [N, S, S, 3].
        """

        def photos() -> Iterator[list[NDArray[np.float32]]]:
            ends = representative[:1].copy()
            ends[:, 0], ends[:, -1] = 0, 255  # both ends of the range fix that a byte means itself
            for photo in (ends, *np.split(representative, len(representative))):
                yield [photo.astype(np.float32)]

        def quantised(converter: Any) -> None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = photos
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.uint8
            converter.inference_output_type = tf.float32

        return self._convert(kind, "float32", quantised)

    def _convert(self, kind: str, taken: str, settle: Callable[[Any], None]) -> bytes:
        kept = getattr(self._end, "activation", None)
        if self._is_softmax:
            self._end.activation = keras.activations.linear
        try:
            photo = keras.Input((self.size, self.size, 3), batch_size=1, dtype=taken)
            served = keras.Model(photo, self.model(prepare(keras.ops.cast(photo, "float32"), kind)))
            # From a Keras model: from a function of one, TensorFlow 2.21 converts large weights to rubbish.
            converter = tf.lite.TFLiteConverter.from_keras_model(served)
            settle(converter)
            with warnings.catch_warnings():
                # TensorFlow's converter misses statistics that only quantisation-aware training would have.
                warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
                weights: bytes = converter.convert()
        except (ValueError, TypeError, RuntimeError, tf.errors.OpError) as error:
            said = str(error).strip().split("\n", maxsplit=1)[0][:300]
            raise ImportRefused(f"it cannot be converted to LiteRT: {said}") from error
        finally:
            if self._is_softmax:
                self._end.activation = kept
        return weights


def side_of(shape: Any, size: int | None) -> int:
    """The side of an input in pixels.

    Args:
        shape: Of the input, None where it may be any; a list where there are several inputs.
        size: What to use where the input may be of any.

    Raises:
        ImportRefused: It is no square RGB photo, too small or too large.
    """
    if isinstance(shape, list) or len(shape) != 4 or shape[3] not in (3, None):  # noqa: PLR2004 - batch, rows, columns, colours
        raise ImportRefused(f"its input is {shape}; expected one square RGB photo: (any, S, S, 3)")
    if shape[1] is None and shape[2] is None:
        if size is None:
            raise ImportRefused("it takes photos of any size; say which it was trained on, with --size 224")
        side = size
    elif shape[1] != shape[2]:
        raise ImportRefused(f"its input is {shape[1]}x{shape[2]}; only squares are served")
    else:
        side = int(shape[1])
        if size not in (None, side):
            raise ImportRefused(f"its input is {side} pixels wide; --size {size} cannot be had")
    if not SMALLEST <= side <= LARGEST:
        raise ImportRefused(f"its input is {side} pixels wide; from {SMALLEST} to {LARGEST} are served")
    return side


def _columns(model: keras.Model) -> int:
    shape = model.output_shape
    if isinstance(shape, (list, dict)) or len(shape) != 2 or not shape[1]:  # noqa: PLR2004 - batch, labels
        raise ImportRefused(f"its output is {shape}; expected one row of answers a photo: (any, labels)")
    if shape[1] < 2:  # noqa: PLR2004 - one label leaves nothing to tell apart
        raise ImportRefused("it has one output; expected one for each of at least two labels, with a softmax")
    return int(shape[1])


def _last(model: keras.Model) -> Any:
    """The layer whose answers are the network's, also where that is in a network inside of it."""
    last = model.layers[-1]
    return _last(last) if isinstance(last, keras.Model) else last


def sums_to_one(given: NDArray[np.float32]) -> bool:
    """Whether answers, float32 [N, labels], are probabilities."""
    return bool((given >= 0).all() and np.allclose(given.sum(axis=1), 1.0, atol=1e-3))
