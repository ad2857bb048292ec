"""Round a trunk's weights to int8's grid before it is converted, and take back what that does on average.

The converter rounds each kernel by itself, channel by channel to multiples of a step: the largest magnitude
divided by 127. An error E of a kernel whose inputs have the mean m moves its output by E m on average, and a
depthwise kernel has too few weights for that to cancel out. So it is done here, where the error is known:

- Each depthwise kernel is rounded so that its sum stays, to within half a step: what it sees comes out of a
  ReLU, and is about even over its few pixels.
- What E m is left is added to the mean that the batch normalisation behind the kernel subtracts: the bias
  correction of Nagel et al. 2019 (arXiv:1906.04721), with m measured on photos.

Both survive conversion: the kernels lie on the converter's own grid already, and batch normalisation, when
it is folded in, scales a channel and its grid alike.
"""

import keras
import numpy as np
from numpy.typing import NDArray

from refundsorter.training.trunk import HALF_RANGE

LARGEST = 127  # int8 kernels are symmetric: -127..127
MEAN_PHOTOS = 64  # means of inputs are taken over these many photos, at most
MEAN_BATCH = 8  # photos at a time: what every layer sees of them is held at once


def round_weights(trunk: keras.Model, photos: NDArray[np.uint8]) -> None:
    """Round the kernels of a trunk to int8's grid, in place, and correct its batch normalisations.

    Args:
        trunk: As `fit.build_trunk` makes it.
        photos: Photos like those to be served, uint8 [N, S, S, 3], S being the trunk's size; some of
            them, evenly spread, are looked at.
    """
    means = mean_inputs(trunk, photos)
    for layer in _kernels(trunk):
        kernel = layer.get_weights()[0]
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        rounded = round_depthwise(kernel) if depthwise else round_kernel(kernel)
        layer.set_weights([rounded])
        error, mean = (
            (rounded - kernel).sum(axis=(0, 1)),
            means[layer.name],
        )  # [inputs, outputs] or [channels, 1]
        shift = error[:, 0] * mean if depthwise else mean @ error
        normalisation = trunk.get_layer(_normalisation(layer.name))
        gamma, beta, moving_mean, moving_variance = normalisation.get_weights()
        normalisation.set_weights([gamma, beta, moving_mean + shift, moving_variance])


def mean_inputs(trunk: keras.Model, photos: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Measure what each kernel of a trunk sees on average.

    Returns:
        The name of the layer -> the mean of each of its input's channels, over pixels and photos.
    """
    chosen = np.unique(np.linspace(0, len(photos) - 1, min(MEAN_PHOTOS, len(photos))).astype(np.int64))
    seen = {layer.name: keras.ops.mean(layer.input, axis=(1, 2)) for layer in _kernels(trunk)}
    probe = keras.Model(trunk.input, seen)
    sums: dict[str, NDArray[np.float32]] = {name: np.zeros((), np.float32) for name in seen}
    for start in range(0, len(chosen), MEAN_BATCH):
        scaled = photos[chosen[start : start + MEAN_BATCH]].astype(np.float32) / np.float32(HALF_RANGE) - 1
        found = probe(scaled, training=False)
        sums = {name: total + found[name].numpy().sum(axis=0) for name, total in sums.items()}
    count = np.float32(len(chosen))
    return {name: (total / count).astype(np.float32) for name, total in sums.items()}


def round_kernel(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round a kernel, float32 [height, width, inputs, outputs], to the grid of each of its outputs."""
    step = _step(np.abs(kernel).max(axis=(0, 1, 2), keepdims=True))
    rounded: NDArray[np.float32] = (np.round(kernel / step) * step).astype(np.float32)
    return rounded


def round_depthwise(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round a kernel, float32 [height, width, channels, 1], so that each channel's sum stays.

    Weights are rounded to the nearest; then those that lost most by it are moved one step the other way, as
    many as it takes. One that holds the channel's largest magnitude is never moved: the grid hangs on it.
    """
    flat = kernel.reshape(-1, kernel.shape[2])
    step = _step(np.abs(flat).max(axis=0, keepdims=True))
    nearest = np.round(flat / step)
    lost = flat / step - nearest
    missing = np.round(lost.sum(axis=0))
    gain = np.where(np.abs(nearest) == LARGEST, -np.inf, lost * np.sign(missing))
    rank = np.argsort(np.argsort(-gain, axis=0, kind="stable"), axis=0)
    moved = nearest + np.sign(missing) * ((rank < np.abs(missing)) & np.isfinite(gain))
    rounded: NDArray[np.float32] = (moved * step).reshape(kernel.shape).astype(np.float32)
    return rounded


def _step(largest: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the grid's step for each channel; that of a channel of zeros is of no matter, but not zero."""
    step: NDArray[np.float32] = (np.maximum(largest, 1e-9) / LARGEST).astype(np.float32)
    return step


def _kernels(trunk: keras.Model) -> list[keras.layers.Layer]:
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    return [layer for layer in trunk.layers if isinstance(layer, kinds)]


def _normalisation(kernel: str) -> str:
    """Return the name of the batch normalisation behind a kernel, as Keras names them in MobileNetV2."""
    return {"Conv1": "bn_Conv1", "Conv_1": "Conv_1_bn"}.get(kernel, f"{kernel}_BN")
