"""Teach MobileNetV2 the labels without letting it forget what it knew.

First a head on frozen features. Then every layer, gently: small rates, batch normalisation in inference mode,
the features of a changed photo held to what the start saw in the unchanged one, the weights pulled towards
where they began, and at last a mean of both ends. The head is then fitted anew on the features that resulted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from refundsorter.training.augment import augment
from refundsorter.training.progress import Progress, Report

# Keras' own scaling of MobileNetV2's input: x / 127.5 - 1.
HALF_RANGE = 127.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train: every figure that changes what comes out."""

    size: int = 224  # side of the input in pixels
    alpha: float = 1.0  # width of MobileNetV2
    batch: int = 32  # photos a step of the trunk
    head_steps: int = 400  # steps of the head, 2,048 photos each
    head_rate: float = 0.01  # Adam's rate for the head, falling to zero along a cosine
    head_scale: float = 16.0  # length that features are brought to before the head
    head_decay: float = 1e-6  # weight of the head's squared weights in its loss
    smoothing: float = 0.1  # share of the truth given to all labels alike: labels carry noise
    tune_steps: int = 400  # steps over every layer
    tune_size: int = 160  # side of the input while tuning: half the work, and crops look as large as at 224
    tune_rate: float = 2e-5  # Adam's rate for the trunk, falling to zero along a cosine
    distil: float = 2.0  # weight of keeping to the start's features
    anchor: float = 1e-2  # weight of keeping to the start's weights (L2-SP, Li et al. 2018, arXiv:1802.01483)
    mix: float = (
        0.5  # share of the tuned weights in the mean (WiSE-FT, Wortsman et al. 2022, arXiv:2109.01903)
    )
    rare: int = 5  # labels with fewer photos are folded into their category's "other"
    held: float = 0.12  # share of each category held out, by source, for calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A linear layer on features of length `scale`."""

    kernel: NDArray[np.float32]  # [features, labels]
    bias: NDArray[np.float32]  # [labels]
    scale: float  # the length that features are brought to


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
        OSError: The weights cannot be read.
        ValueError: They are of another architecture.
    """
    weights = {"imagenet": "imagenet", "random": None}.get(base, str(Path(base)))
    return keras.applications.MobileNetV2(
        input_shape=(recipe.size, recipe.size, 3),
        alpha=recipe.alpha,
        include_top=False,
        weights=weights,
        pooling="avg",
    )


def features(
    trunk: keras.Model, pixels: NDArray[np.uint8], report: Report, batch: int = 64
) -> NDArray[np.float32]:
    """Run the trunk over photos.

    Args:
        trunk: As `build_trunk` makes it.
        pixels: uint8 [N, size, size, 3], RGB, 0..255.
        report: Told every ten batches.
        batch: Photos at a time.

    Returns:
        float32 [N, F].
    """
    run = tf.function(lambda photos: trunk(_scaled(photos), training=False), reduce_retracing=True)
    parts = []
    for start in range(0, len(pixels), batch):
        parts.append(run(tf.constant(pixels[start : start + batch])).numpy())
        if start // batch % 10 == 0 or start + batch >= len(pixels):
            report(Progress(stage="features", done=min(start + batch, len(pixels)), total=len(pixels)))
    return np.concatenate(parts)


def fit_head(
    *,
    values: NDArray[np.float32],
    targets: NDArray[np.int64],
    weights: NDArray[np.float64],
    labels: int,
    recipe: Recipe,
    seed: int,
    report: Report,
) -> Head:
    """Fit softmax regression on features of one length, photos drawn by `weights`.

    Args:
        values: Features, float32 [N, F].
        targets: The label's index of each photo, int64 [N].
        weights: How often each photo is drawn, float64 [N], summing to 1.
        labels: How many labels there are.
        recipe: The head's figures.
        seed: Of the draws.
        report: Told every fifty steps.
    """
    draws = np.random.default_rng(seed)
    inputs = tf.constant(_unit(values) * recipe.head_scale, tf.float32)
    truth = tf.constant(targets)
    kernel = tf.Variable(tf.zeros([values.shape[1], labels]))
    bias = tf.Variable(tf.zeros([labels]))
    schedule = keras.optimizers.schedules.CosineDecay(recipe.head_rate, recipe.head_steps)
    optimizer = keras.optimizers.Adam(schedule)

    @tf.function  # type: ignore[untyped-decorator]
    def step(chosen: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = tf.gather(inputs, chosen) @ kernel + bias
            loss = _smoothed_loss(tf.gather(truth, chosen), logits, recipe.smoothing)
            loss += recipe.head_decay * tf.reduce_sum(kernel * kernel)
        optimizer.apply_gradients(zip(tape.gradient(loss, [kernel, bias]), [kernel, bias], strict=True))
        return loss

    for done in range(1, recipe.head_steps + 1):
        loss = step(tf.constant(draws.choice(len(values), 2048, p=weights)))
        if done % 50 == 0 or done == recipe.head_steps:
            report(Progress(stage="head", done=done, total=recipe.head_steps, figures={"loss": float(loss)}))
    return Head(kernel=kernel.numpy(), bias=bias.numpy(), scale=recipe.head_scale)


def tune(
    *,
    trunk: keras.Model,
    head: Head,
    pixels: NDArray[np.uint8],
    values: NDArray[np.float32],
    targets: NDArray[np.int64],
    weights: NDArray[np.float64],
    recipe: Recipe,
    seed: int,
    report: Report,
) -> None:
    """Train every layer of `trunk`, in place, and leave it at the mean of its start and its end.

    Args:
        trunk: As `build_trunk` makes it.
        head: Fitted on the trunk's features; it is trained along, and then forgotten.
        pixels: uint8 [N, size, size, 3], RGB, 0..255.
        values: The features of `pixels` before tuning, float32 [N, F]: what is held to.
        targets: int64 [N].
        weights: How often each photo is drawn, float64 [N], summing to 1.
        recipe: The tuning's figures.
        seed: Of draws and augmentation.
        report: Told every five steps.
    """
    draws = np.random.default_rng(seed)
    start = [weight.copy() for weight in trunk.get_weights()]
    small = build_trunk("random", replace(recipe, size=recipe.tune_size))
    small.set_weights(start)
    variables = list(small.trainable_variables)
    anchors = [tf.constant(variable.numpy()) for variable in variables]
    kernel, bias = tf.Variable(head.kernel), tf.Variable(head.bias)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, recipe.tune_steps, warmup_target=recipe.tune_rate, warmup_steps=max(recipe.tune_steps // 20, 1)
    )
    optimizer = keras.optimizers.Adam(schedule)
    trained = [*variables, kernel, bias]

    @tf.function  # type: ignore[untyped-decorator]
    def step(photos: Any, truth: Any, kept: Any, number: Any) -> Any:
        changed = augment(tf.cast(photos, tf.float32), recipe.tune_size, number + seed)
        with tf.GradientTape() as tape:
            seen = tf.math.l2_normalize(small(_scaled(changed), training=False), axis=1)
            loss = _smoothed_loss(truth, seen * head.scale @ kernel + bias, recipe.smoothing)
            distance = 1.0 - tf.reduce_mean(tf.reduce_sum(seen * tf.math.l2_normalize(kept, axis=1), axis=1))
            moved = tf.add_n([tf.reduce_sum((v - a) ** 2) for v, a in zip(variables, anchors, strict=True)])
            total = loss + recipe.distil * distance + recipe.anchor * moved
        optimizer.apply_gradients(zip(tape.gradient(total, trained), trained, strict=True))
        return loss, distance, moved

    for done in range(1, recipe.tune_steps + 1):
        chosen = np.sort(draws.choice(len(pixels), recipe.batch, p=weights))
        loss, distance, moved = step(
            tf.constant(pixels[chosen]),
            tf.constant(targets[chosen]),
            tf.constant(values[chosen]),
            tf.constant(done),
        )
        if done % 5 == 0 or done == recipe.tune_steps:
            figures = {"loss": float(loss), "distance": float(distance), "moved": float(moved)}
            report(Progress(stage="tune", done=done, total=recipe.tune_steps, figures=figures))
    trunk.set_weights(interpolate(start, small.get_weights(), recipe.mix))


def interpolate(
    start: Sequence[NDArray[np.float32]], end: Sequence[NDArray[np.float32]], mix: float
) -> list[NDArray[np.float32]]:
    """Return the weights that lie `mix` of the way from `start` to `end`."""
    return [(1.0 - mix) * a + mix * b for a, b in zip(start, end, strict=True)]


def logits_of(head: Head, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply the head to features float32 [N, F]; return logits float32 [N, labels]."""
    logits = _unit(values) * head.scale @ head.kernel + head.bias
    return logits.astype(np.float32)


def assemble(trunk: keras.Model, head: Head) -> keras.Model:
    """Join trunk and head.

    Returns:
        A model from float32 [N, size, size, 3], -1..1, to logits float32 [N, labels].
    """
    unit = keras.layers.UnitNormalization(axis=-1, name="unit")(trunk.output)
    scaled = keras.layers.Rescaling(head.scale, name="length")(unit)
    dense = keras.layers.Dense(head.bias.shape[0], name="labels")
    model = keras.Model(trunk.input, dense(scaled))
    dense.set_weights([head.kernel, head.bias])
    return model


def _scaled(photos: Any) -> Any:
    return tf.cast(photos, tf.float32) / HALF_RANGE - 1.0


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    unit: NDArray[np.float32] = values / np.maximum(lengths, np.float32(1e-6))
    return unit


def _smoothed_loss(truth: Any, logits: Any, smoothing: float) -> Any:
    labels = tf.shape(logits)[1]
    wanted = tf.one_hot(truth, labels) * (1.0 - smoothing) + smoothing / tf.cast(labels, tf.float32)
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))
