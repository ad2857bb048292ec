import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from refundsorter.training import trunk as trunks
from refundsorter.training.augment import augment
from refundsorter.training.head import Columns, Head, assemble, fit_columns
from refundsorter.training.progress import Progress, Report
from refundsorter.training.recipe import Lesson, Recipe
from refundsorter.training.tune import Start, tune

RECIPE = Recipe(size=48, alpha=0.35, tune_size=32, tune_steps=4, tune_batch=4, tune_rate=1e-3)


def quiet(_: Progress) -> None:
    """Tell nobody."""


def lesson(targets: NDArray[np.int64]) -> Lesson:
    """Photos drawn evenly, each a source of its own."""
    count = len(targets)
    return Lesson(
        targets=targets,
        groups=np.arange(count),
        weights=np.full(count, 1 / count),
        labels=int(targets.max()) + 1,
    )


def lively_trunk() -> keras.Model:
    """A tiny random trunk whose features differ from photo to photo.

    Keras' random kernels let signals fade from layer to layer; half as large again, they do not.
    """
    trunks.seed_everything(0)
    trunk = trunks.build_trunk("random", RECIPE)
    trunk.set_weights([weight * 1.6 if weight.ndim == 4 else weight for weight in trunk.get_weights()])
    return trunk


def photos(count: int) -> NDArray[np.uint8]:
    """Noise: uint8 [count, 48, 48, 3]."""
    return np.random.default_rng(0).integers(0, 256, (count, 48, 48, 3)).astype(np.uint8)


def some_prior(width: int) -> Columns:
    """An earlier classifier of three classes."""
    draws = np.random.default_rng(5)
    return Columns(
        labels=("one", "two", "three"),
        categories=np.array([0, 1, -1]),
        kernel=draws.normal(0, 0.1, (width, 3)).astype(np.float32),
        bias=np.zeros(3, np.float32),
    )


def test_weights_are_mixed_between_both_ends() -> None:
    """A quarter of the way from 0 to 8 is 2."""
    mixed = trunks.interpolate([np.zeros(3, np.float32)], [np.full(3, 8, np.float32)], 0.25)
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


@pytest.mark.parametrize("with_prior", [False, True])
def test_a_joined_model_says_what_head_and_trunk_say(*, with_prior: bool) -> None:
    """The one model that is exported agrees with features and head taken one after the other."""
    trunk, pixels = lively_trunk(), photos(5)
    values = trunks.features(trunk, pixels, quiet)
    mean, kernel, bias = fit_columns(values, lesson(np.arange(5)), Recipe(), 1, quiet)
    ours = Columns(labels=tuple("abcde"), categories=np.zeros(5, np.int64), kernel=kernel, bias=bias)
    head = Head(mean=mean, ours=ours, prior=some_prior(values.shape[1]) if with_prior else None)
    scaled = pixels.astype(np.float32) / np.float32(127.5) - 1
    found = assemble(trunk, head)(scaled, training=False).numpy()
    assert found.shape[1] == len(head.labels) == len(head.categories)
    assert found == pytest.approx(head.logits(values), abs=0.05)


def test_a_photo_has_the_same_features_alone_and_among_others() -> None:
    """The last of five photos, which is alone in no batch, gives what it gives by itself."""
    trunk, pixels = lively_trunk(), photos(5)
    every = trunks.features(trunk, pixels, quiet)
    assert trunks.features(trunk, pixels[4:], quiet) == pytest.approx(every[4:], abs=1e-4)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    """A file that is missing or holds something else: the message names it."""
    (tmp_path / "other.weights.h5").write_bytes(b"no weights")
    for name in ("missing.weights.h5", "other.weights.h5"):
        with pytest.raises(trunks.BaseRefused, match=name):
            trunks.build_trunk(str(tmp_path / name), RECIPE)


def test_tuning_trains_every_layer_and_can_be_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every trainable weight and the earlier columns move; a run gone on with ends like an uncut one."""
    monkeypatch.setattr("refundsorter.training.tune.CHECKPOINT_EVERY", 2)
    pixels, checkpoint, half = photos(8), tmp_path / "whole.npz", tmp_path / "half.npz"
    values = trunks.features(lively_trunk(), pixels, quiet)
    prior = some_prior(values.shape[1])

    def tuned(checkpoint: Path, report: Report) -> tuple[list[NDArray[np.float32]], Columns | None]:
        trunk = lively_trunk()
        start = Start(trunk=trunk, values=values, columns=np.arange(2), prior=prior)
        taught = lesson(np.arange(8) % 2)
        columns = tune(start, pixels, taught, recipe=RECIPE, seed=1, checkpoint=checkpoint, report=report)
        return [variable.numpy() for variable in trunk.trainable_variables], columns

    def keep_half(_: Progress) -> None:
        shutil.copy(checkpoint, half)  # told after the last step, before it is kept

    whole, columns = tuned(checkpoint, keep_half)
    before = [variable.numpy() for variable in lively_trunk().trainable_variables]
    assert [i for i, (a, b) in enumerate(zip(before, whole, strict=True)) if np.array_equal(a, b)] == []
    assert columns is not None
    assert not np.array_equal(columns.kernel, prior.kernel)
    again, _ = tuned(half, quiet)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(whole, again, strict=True))
