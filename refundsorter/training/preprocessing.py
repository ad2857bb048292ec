"""What a network expects its pixels to be: found where it holds the scaling itself, and asked for otherwise.

A network gives answers whatever it is fed, sharp ones too, so the scaling is never guessed from its answers.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

AUTO = "auto"
MEAN_BGR = (103.939, 116.779, 123.68)  # of ImageNet's photos, as Caffe's models subtract it
# What is done to a byte b before the network, by name.
KINDS: Mapping[str, str] = {
    "0..1": "b / 255",
    "-1..1": "b / 127.5 - 1",
    "caffe": "b less ImageNet's mean, blue first",
    "0..255": "b as it is",
}
# By whom, for whoever has to choose.
USERS: Mapping[str, str] = {
    "0..1": "ImageDataGenerator(rescale=1/255) and many a tutorial",
    "-1..1": "Keras' MobileNet, MobileNetV2, Inception and Xception",
    "caffe": "Keras' ResNet50 and VGG",
    "0..255": "Keras' EfficientNet and MobileNetV3, which scale it themselves",
}

_SCALING = ("Rescaling", "Normalization")
# What may stand before the first layer that learns and leaves values as they are when nothing is learned.
_PASSING = {
    "InputLayer", "Resizing", "CenterCrop", "ZeroPadding2D", "Identity", "Dropout", "GaussianNoise",
    "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
    "RandomCrop",
}  # fmt: skip
# How wide a range networks are fed: 1, 2, or some 5 where a standard deviation was divided by.
_NARROW, _WIDE = 0.4, 10.0


def prepare(pixels: Any, kind: str) -> Any:
    """Scale pixels for a network.

    Args:
        pixels: float32 [N, S, S, 3], RGB, 0..255: of NumPy or of TensorFlow.
        kind: One of `KINDS`.

    Returns:
        float32 of the same shape.
    """
    match kind:
        case "0..1":
            return pixels / np.float32(255)
        case "-1..1":
            return pixels / np.float32(127.5) - np.float32(1)
        case "caffe":
            return pixels[..., ::-1] - np.array(MEAN_BGR, np.float32)
        case _:
            return pixels


def held_by(network: keras.Model) -> str | None:
    """Find what the network expects by the scaling that it begins with.

    Returns:
        "0..255" where it brings bytes to a small range itself, "0..1" where it does so with such numbers;
        None where it begins with no scaling, or with one that fits neither.
    """
    values = np.array([0, 1, 255], np.float32).reshape(3, 1, 1, 1) * np.ones((1, 1, 1, 3), np.float32)
    scaled, _ = _through_front(network, values)
    black, one, white = (float(np.mean(row)) for row in scaled)
    if np.allclose(scaled, values):
        return None
    if _NARROW <= abs(white - black) <= _WIDE or black < -_WIDE:  # or bytes less their mean
        return "0..255"
    if _NARROW <= abs(one - black) <= _WIDE and abs(black) <= _WIDE:
        return "0..1"
    return None


def _through_front(network: keras.Model, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], bool]:
    """Put values through the layers before the first that changes more than their scale.

    Returns:
        The values there, and whether such a layer was met.
    """
    for layer in network.layers:
        kind = type(layer).__name__
        if isinstance(layer, keras.Model):
            values, met = _through_front(layer, values)
            if met:
                return values, True
        elif kind in _SCALING:
            values = np.asarray(layer(values), np.float32)
        elif kind not in _PASSING:
            return values, True
    return values, False
