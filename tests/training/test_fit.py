from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from refundsorter.training import fit
from refundsorter.training.augment import augment
from refundsorter.training.progress import Progress
from refundsorter.training.recipe import Lesson, Recipe

RECIPE = Recipe(size=48, alpha=0.35, head_steps=60, tune_size=32, tune_steps=2, tune_batch=4)


def quiet(_: Progress) -> None:
    """Tell nobody."""


def lesson(targets: NDArray[np.int64]) -> Lesson:
    """Photos drawn evenly."""
    count = len(targets)
    return Lesson(targets=targets, weights=np.full(count, 1 / count), labels=int(targets.max()) + 1)


def clouds() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features of three labels that lie apart: float32 [90, 8] and int64 [90]."""
    targets = np.repeat(np.arange(3), 30)
    values = np.eye(8)[targets] * 3 + np.random.default_rng(0).random((90, 8))
    return values.astype(np.float32), targets


def lively_trunk() -> keras.Model:
    """A tiny random trunk whose features differ from photo to photo.

    Keras' random kernels let signals fade from layer to layer; half as large again, they do not.
    """
    fit.seed_everything(0)
    trunk = fit.build_trunk("random", RECIPE)
    trunk.set_weights([weight * 1.6 if weight.ndim == 4 else weight for weight in trunk.get_weights()])
    return trunk


def photos(count: int) -> NDArray[np.uint8]:
    """Noise: uint8 [count, 48, 48, 3]."""
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48, 3)).astype(np.uint8)


def test_the_head_learns_what_lies_apart() -> None:
    """Three separate clouds of features: each is told from the others."""
    values, targets = clouds()
    head = fit.fit_head(values, lesson(targets), RECIPE, 1, quiet)
    assert (fit.logits_of(head, values).argmax(axis=1) == targets).all()


def test_the_same_seed_gives_the_same_head() -> None:
    """Two fits with one seed agree."""
    values, targets = clouds()
    first, second = (fit.fit_head(values, lesson(targets), RECIPE, 1, quiet) for _ in range(2))
    assert np.allclose(first.kernel, second.kernel, atol=1e-5)


def test_weights_are_mixed_between_both_ends() -> None:
    """A quarter of the way from 0 to 8 is 2."""
    mixed = fit.interpolate([np.zeros(3, np.float32)], [np.full(3, 8, np.float32)], 0.25)
    assert mixed[0] == pytest.approx(np.full(3, 2.0))


def test_augmentation_keeps_shape_and_range_and_repeats_itself() -> None:
    """Photos come out in the size asked for, within 0..255, and the same for the same seed."""
    given = tf.constant(photos(6), tf.float32)
    first, again, other = (augment(given, 32, tf.constant(seed)).numpy() for seed in (1, 1, 2))
    assert first.shape == (6, 32, 32, 3)
    assert first.min() >= 0
    assert first.max() <= 255
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_joined_model_says_what_head_and_trunk_say() -> None:
    """The one model that is exported agrees with features and head taken one after the other."""
    trunk, pixels = lively_trunk(), photos(5)
    values = fit.features(trunk, pixels, np.arange(5), quiet)
    head = fit.fit_head(values, lesson(np.arange(5)), RECIPE, 1, quiet)
    scaled = pixels.astype(np.float32) / np.float32(127.5) - 1
    found = fit.assemble(trunk, head)(scaled, training=False).numpy()
    assert found == pytest.approx(fit.logits_of(head, values), abs=0.05)


def test_features_are_those_of_the_rows_asked_for() -> None:
    """Rows 3 and 1 of the photos give their features, in that order."""
    trunk, pixels = lively_trunk(), photos(4)
    every = fit.features(trunk, pixels, np.arange(4), quiet)
    assert fit.features(trunk, pixels, np.array([3, 1]), quiet) == pytest.approx(every[[3, 1]], abs=1e-4)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    """A file that is missing or holds something else: the message names it."""
    (tmp_path / "other.weights.h5").write_bytes(b"no weights")
    for name in ("missing.weights.h5", "other.weights.h5"):
        with pytest.raises(fit.BaseRefused, match=name):
            fit.build_trunk(str(tmp_path / name), RECIPE)
