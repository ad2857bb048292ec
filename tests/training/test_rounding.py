"""Rounding beforehand: the grid and the sums are kept, and what is left of the error does not add up."""

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from refundsorter.training import export, rounding
from refundsorter.training import trunk as trunks
from refundsorter.training.progress import Progress
from refundsorter.training.recipe import Recipe
from refundsorter.training.served import served_logits

# Keras 3 hands its variables to NumPy 2 in a way that NumPy finds old.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RECIPE = Recipe(size=64, alpha=0.35)


def quiet(_: Progress) -> None:
    """Tell nobody."""


def photos(count: int, seed: int) -> NDArray[np.uint8]:
    """Soft patches of colour: uint8 [count, 64, 64, 3]."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3))
    return coarse.repeat(16, axis=1).repeat(16, axis=2).astype(np.uint8)


def trunk() -> keras.Model:
    """A tiny random trunk with what a trained one has and rounding hurts; the same one each time.

    What its layers see differs less from photo to photo than it is large, so that errors add up.
    """
    trunks.seed_everything(0)
    made = trunks.build_trunk("random", RECIPE)
    for layer in made.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, *statistics = layer.get_weights()
            layer.set_weights([gamma * 0.5, beta + 1, *statistics])
            layer.momentum = 0.0  # the statistics become those of the next photos
    made(photos(60, 0).astype(np.float32) / np.float32(127.5) - 1, training=True)
    return made


def plainly_rounded() -> keras.Model:
    """The same trunk, each weight rounded to the nearest and nothing corrected."""
    made = trunk()
    for layer in made.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            kernel = layer.get_weights()[0]
            axes = (0, 1, 3) if isinstance(layer, keras.layers.DepthwiseConv2D) else (0, 1, 2)
            step = np.abs(kernel).max(axis=axes, keepdims=True) / 127
            layer.set_weights([np.round(kernel / step) * step])
    return made


def error(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """How far features are off, relative to how far they differ from photo to photo."""
    return float(np.sqrt(((found - wanted) ** 2).mean() / wanted.var(axis=0).mean()))


def features(model: keras.Model, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What a trunk says of photos."""
    return trunks.features(model, pixels, quiet)


def steps(kernel: NDArray[np.float32], rounded: NDArray[np.float32]) -> NDArray[np.float64]:
    """A depthwise kernel in steps of its channels' grids, float64 [pixels, channels]."""
    largest = np.abs(kernel).max(axis=(0, 1, 3), keepdims=True).astype(np.float64)
    found: NDArray[np.float64] = (rounded / (largest / 127)).reshape(-1, kernel.shape[2])
    return found


@pytest.fixture
def kernel() -> NDArray[np.float32]:
    """A depthwise kernel of 200 channels."""
    return np.random.default_rng(1).normal(size=(3, 3, 200, 1)).astype(np.float32)


def test_a_depthwise_kernel_keeps_its_sums(kernel: NDArray[np.float32]) -> None:
    """Each channel's sum is kept to half a step, which plain rounding misses for many."""
    wanted = steps(kernel, kernel).sum(axis=0)
    kept = steps(kernel, rounding.round_depthwise(kernel)).sum(axis=0)
    plain = np.round(steps(kernel, kernel)).sum(axis=0)
    assert np.abs(kept - wanted).max() <= 0.501
    assert (np.abs(plain - wanted) > 0.6).mean() > 0.2


def test_a_rounded_kernel_lies_on_the_grid_that_it_had(kernel: NDArray[np.float32]) -> None:
    """Whole steps, none moved by more than one, and the largest magnitude as it was."""
    found = steps(kernel, rounding.round_depthwise(kernel))
    assert np.abs(found - np.round(found)).max() < 1e-3
    assert np.abs(found - steps(kernel, kernel)).max() <= 1.001
    assert np.abs(found).max(axis=0) == pytest.approx(np.full(200, 127.0), abs=1e-3)


def test_a_channel_of_zeros_stays_one() -> None:
    """Nothing is divided by zero."""
    assert not rounding.round_depthwise(np.zeros((3, 3, 2, 1), np.float32)).any()
    assert not rounding.round_kernel(np.zeros((1, 1, 2, 3), np.float32)).any()


def test_means_are_those_of_what_each_kernel_sees() -> None:
    """The first kernel sees the photos themselves, scaled to -1..1."""
    pixels = photos(20, 3)
    means = rounding.mean_inputs(trunk(), pixels)
    assert means["Conv1"] == pytest.approx(pixels.mean(axis=(0, 1, 2)) / 127.5 - 1, abs=1e-3)
    assert means["block_3_depthwise"].min() >= 0


def test_features_are_nearer_than_with_plain_rounding() -> None:
    """On photos not seen before, the error is less than half of what plain rounding makes."""
    pixels = photos(40, 2)
    wanted = features(trunk(), pixels)
    corrected = trunk()
    rounding.round_weights(corrected, photos(60, 1))
    plain, mine = (
        error(features(plainly_rounded(), pixels), wanted),
        error(features(corrected, pixels), wanted),
    )
    assert mine < plain / 2


def test_the_converted_file_is_nearer_to_float(tmp_path: Path) -> None:
    """What is served says more nearly what the float model says."""
    pixels, seen = photos(40, 2), photos(60, 1)
    wanted, errors = features(trunk(), pixels), []
    for corrected in (False, True):
        model = trunk()
        if corrected:
            rounding.round_weights(model, seen)
        file = tmp_path / f"{corrected}.tflite"
        file.write_bytes(export.to_int8(model, seen))
        errors.append(error(served_logits(file, wanted.shape[1], pixels), wanted))
    assert errors[1] < errors[0] * 0.8
