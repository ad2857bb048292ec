"""Teach MobileNetV2 the labels without letting it forget what it knew.

First a head on frozen features. Then every layer, gently: small rates, the features of a changed photo held
to what the start saw in the unchanged one, the weights pulled towards where they began, and at last a mean
of both ends. The head is then fitted anew on the features that resulted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from zipfile import BadZipFile

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from refundsorter.core.fault import RefundsorterError
from refundsorter.training.augment import augment
from refundsorter.training.progress import Progress, Report
from refundsorter.training.recipe import Lesson, Recipe

# Keras' own scaling of MobileNetV2's input: x / 127.5 - 1.
HALF_RANGE = 127.5

HEAD_BATCH = 512  # photos a step of the head
FEATURE_BATCH = 64  # photos at a time where nothing is learned


class BaseRefused(RefundsorterError):
    """The weights to begin with are missing, or not of this network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A linear layer on features that are centred and brought to length 1."""

    mean: NDArray[np.float32]  # what is subtracted from the features, [features]
    kernel: NDArray[np.float32]  # [features, labels]
    bias: NDArray[np.float32]  # [labels]


def seed_everything(seed: int) -> None:
    """Make a run repeatable: Python's, NumPy's and TensorFlow's random numbers all start from `seed`."""
    keras.utils.set_random_seed(seed)


def build_trunk(base: str, recipe: Recipe) -> keras.Model:
    """Build MobileNetV2 up to its averaged features.

    Args:
        base: `imagenet` (Keras downloads them), `random`, or a weights file without the classifier.
        recipe: For size and width.

    Returns:
        A model from float32 [N, size, size, 3], -1..1, to features float32 [N, F], 0..6.

    Raises:
        BaseRefused: The weights cannot be read, or are of another architecture.
    """
    weights = {"imagenet": "imagenet", "random": None}.get(base, base)
    try:
        return keras.applications.MobileNetV2(
            input_shape=(recipe.size, recipe.size, 3),
            alpha=recipe.alpha,
            include_top=False,
            weights=weights,
            pooling="avg",
        )
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise BaseRefused(
            f"{base}: no weights of MobileNetV2, width {recipe.alpha:g}, without its classifier: {error}"
        ) from error


def resized(trunk: keras.Model, recipe: Recipe, size: int) -> keras.Model:
    """Build a trunk with the same weights for photos of another size; `recipe` is the one of `trunk`."""
    other = build_trunk("random", replace(recipe, size=size))
    other.set_weights(trunk.get_weights())
    return other


def features(
    trunk: keras.Model, pixels: NDArray[np.uint8], rows: NDArray[np.int64], report: Report
) -> NDArray[np.float32]:
    """Run the trunk over photos, brought to its size where theirs is another.

    Args:
        trunk: As `build_trunk` makes it.
        pixels: uint8 [M, S, S, 3], RGB, 0..255.
        rows: Which of them, int64 [N]: copying the pixels of most photos would double the memory needed.
        report: Told every ten batches.

    Returns:
        float32 [N, F].
    """
    size = trunk.input_shape[1]

    def seen(photos: Any) -> Any:
        fitting = tf.cast(photos, tf.float32)
        if pixels.shape[1] != size:
            fitting = tf.image.resize(fitting, (size, size), antialias=True)
        return trunk(_scaled(fitting), training=False)

    run = tf.function(seen, reduce_retracing=True)
    parts = []
    for start in range(0, len(rows), FEATURE_BATCH):
        chosen = rows[start : start + FEATURE_BATCH]
        parts.append(run(tf.constant(pixels[chosen])).numpy())
        done = start + len(chosen)
        if start // FEATURE_BATCH % 10 == 0 or done == len(rows):
            report(Progress(stage="features", done=done, total=len(rows)))
    return np.concatenate(parts)


def fit_head(values: NDArray[np.float32], lesson: Lesson, recipe: Recipe, seed: int, report: Report) -> Head:
    """Fit softmax regression that starts at, and is held to, the mean direction of each label's photos.

    The start alone is the nearest class mean (Mensink et al. 2013, doi:10.1109/TPAMI.2013.83): a label of one
    photo is known by it, and a label of hundreds is not known by the peculiarities of its sources.

    Args:
        values: Features, float32 [N, F].
        lesson: What they are.
        recipe: The head's figures.
        seed: Of the draws.
        report: Told every fifty steps.
    """
    draws = np.random.default_rng(seed)
    mean = np.average(values, axis=0, weights=lesson.weights).astype(np.float32)
    units = directions(values, mean)
    means = np.zeros((lesson.labels, values.shape[1]))
    np.add.at(means, lesson.targets, units * lesson.weights[:, None])
    means *= recipe.head_scale / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    start = tf.constant(means.T, tf.float32)
    inputs, truth = tf.constant(units), tf.constant(lesson.targets)
    kernel, bias = tf.Variable(start), tf.Variable(tf.zeros([lesson.labels]))
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(recipe.head_rate, recipe.head_steps)
    )

    @tf.function  # type: ignore[untyped-decorator]
    def step(chosen: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = _loss(tf.gather(truth, chosen), tf.gather(inputs, chosen) @ kernel + bias, 0.0)
            total = loss + recipe.head_pull * tf.reduce_sum((kernel - start) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(total, [kernel, bias]), [kernel, bias], strict=True))
        return loss

    for done in range(1, recipe.head_steps + 1):
        loss = step(tf.constant(draws.choice(len(values), HEAD_BATCH, p=lesson.weights)))
        if done % 50 == 0 or done == recipe.head_steps:
            report(Progress(stage="head", done=done, total=recipe.head_steps, figures={"loss": float(loss)}))
    return Head(mean=mean, kernel=kernel.numpy(), bias=bias.numpy())


def tune(
    trunk: keras.Model,
    head: Head,
    pixels: NDArray[np.uint8],
    lesson: Lesson,
    *,
    rows: NDArray[np.int64],
    values: NDArray[np.float32],
    recipe: Recipe,
    seed: int,
    report: Report,
) -> None:
    """Train every layer of `trunk`, in place, and leave it at the mean of its start and its end.

    Args:
        trunk: As `build_trunk` or `resized` makes it; photos are cropped to its size.
        head: Fitted on the trunk's features; it is trained along, and then forgotten.
        pixels: uint8 [M, S, S, 3], RGB, 0..255, S at least the trunk's.
        lesson: What the photos of `rows` are.
        rows: Which of the photos to train on, int64 [N].
        values: The trunk's features of these before tuning, float32 [N, F]: what is held to.
        recipe: The tuning's figures.
        seed: Of draws and augmentation.
        report: Told every five steps.
    """
    draws = np.random.default_rng(seed)
    start = [weight.copy() for weight in trunk.get_weights()]
    step = _tuning_step(trunk, head, recipe, seed)
    units = directions(values, head.mean)
    for done in range(1, recipe.tune_steps + 1):
        chosen = np.sort(draws.choice(len(rows), recipe.tune_batch, p=lesson.weights))
        loss, distance = step(
            tf.constant(pixels[rows[chosen]]),
            tf.constant(lesson.targets[chosen]),
            tf.constant(units[chosen]),
            tf.constant(done),
        )
        if done % 5 == 0 or done == recipe.tune_steps:
            figures = {"loss": float(loss), "distance": float(distance)}
            report(Progress(stage="tune", done=done, total=recipe.tune_steps, figures=figures))
    trunk.set_weights(interpolate(start, trunk.get_weights(), recipe.mix))


def _tuning_step(trunk: keras.Model, head: Head, recipe: Recipe, seed: int) -> Callable[..., Any]:
    """Return a function that takes one step over every layer and returns loss and distance."""
    size = trunk.input_shape[1]
    variables = list(trunk.trainable_variables)
    anchors = [tf.constant(variable.numpy()) for variable in variables]
    kernel, bias = tf.Variable(head.kernel), tf.Variable(head.bias)
    trained = [*variables, kernel, bias]
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            0.0,
            recipe.tune_steps,
            warmup_target=recipe.tune_rate,
            warmup_steps=max(recipe.tune_steps // 20, 1),
        )
    )

    @tf.function  # type: ignore[untyped-decorator]
    def step(photos: Any, truth: Any, held_to: Any, number: Any) -> Any:
        changed = augment(tf.cast(photos, tf.float32), size, number + seed)
        with tf.GradientTape() as tape:
            # Batch normalisation keeps its statistics: few photos a step would give poor ones.
            seen = tf.math.l2_normalize(trunk(_scaled(changed), training=False) - head.mean, axis=1)
            loss = _loss(truth, seen @ kernel + bias, recipe.smoothing)
            distance = 1.0 - tf.reduce_mean(tf.reduce_sum(seen * held_to, axis=1))
            moved = tf.add_n([tf.reduce_sum((v - a) ** 2) for v, a in zip(variables, anchors, strict=True)])
            total = loss + recipe.distil * distance + recipe.anchor * moved
        optimizer.apply_gradients(zip(tape.gradient(total, trained), trained, strict=True))
        return loss, distance

    return cast(Callable[..., Any], step)


def interpolate(
    start: Sequence[NDArray[np.float32]], end: Sequence[NDArray[np.float32]], mix: float
) -> list[NDArray[np.float32]]:
    """Return the weights that lie `mix` of the way from `start` to `end`."""
    return [(1.0 - mix) * a + mix * b for a, b in zip(start, end, strict=True)]


def directions(values: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Centre features float32 [N, F] and bring each to length 1."""
    centred = values - mean
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    units: NDArray[np.float32] = (centred / np.maximum(lengths, 1e-6)).astype(np.float32)
    return units


def logits_of(head: Head, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply the head to features float32 [N, F]; return logits float32 [N, labels]."""
    return (directions(values, head.mean) @ head.kernel + head.bias).astype(np.float32)


def assemble(trunk: keras.Model, head: Head) -> keras.Model:
    """Join trunk and head.

    Returns:
        A model from float32 [N, size, size, 3], -1..1, to logits float32 [N, labels].
    """
    centred = keras.layers.Rescaling(1.0, offset=(-head.mean).tolist(), name="centre")(trunk.output)
    unit = keras.layers.UnitNormalization(axis=-1, name="direction")(centred)
    dense = keras.layers.Dense(head.bias.shape[0], name="labels")
    model = keras.Model(trunk.input, dense(unit))
    dense.set_weights([head.kernel, head.bias])
    return model


def _scaled(photos: Any) -> Any:
    return tf.cast(photos, tf.float32) / HALF_RANGE - 1.0


def _loss(truth: Any, logits: Any, smoothing: float) -> Any:
    """Cross entropy, `smoothing` of the truth spread over all labels."""
    labels = tf.shape(logits)[1]
    wanted = tf.one_hot(truth, labels) * (1.0 - smoothing) + smoothing / tf.cast(labels, tf.float32)
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))
