"""What stands on the trunk's features: a column for each label, beside those of an earlier classifier.

A label's column is the mean direction of its photos (the nearest class mean of Mensink et al. 2013,
doi:10.1109/TPAMI.2013.83), so that a label of one photo is known by it, and one of hundreds not by the
peculiarities of its sources. It can be trained on from there: better where photos to come are of the same
sources, worse where they are of others (docs/recipes.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from refundsorter.training.progress import Progress, Report
from refundsorter.training.recipe import Lesson, Recipe

HEAD_BATCH = 512  # photos a step

# A mean over a label's sources weighs each by this power of its photos: 0 all alike, 1 by their number.
SOURCE_POWER = 0.25

NOTHING = -1  # the category of a column that belongs to none


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Columns of a head, on features of one kind."""

    labels: tuple[str, ...]  # what they are called
    categories: NDArray[np.int64]  # [labels], the index of each one's category; NOTHING: it has none
    kernel: NDArray[np.float32]  # [F, labels]
    bias: NDArray[np.float32]  # [labels]

    def logits(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply them to features float32 [N, F]; return float32 [N, labels]."""
        found: NDArray[np.float32] = (values @ self.kernel + self.bias).astype(np.float32)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Everything on the trunk."""

    mean: NDArray[np.float32]  # what is subtracted from the features before `ours` looks at them, [F]
    ours: Columns  # on directions: features less `mean`, brought to length 1
    prior: Columns | None  # on the features as they are: the columns of an earlier classifier

    @property
    def labels(self) -> tuple[str, ...]:
        """In output order."""
        return self.ours.labels + (self.prior.labels if self.prior else ())

    @property
    def categories(self) -> NDArray[np.int64]:
        """The category's index of each label, int64 [labels]; NOTHING: it has none."""
        parts = [self.ours.categories] + ([self.prior.categories] if self.prior else [])
        return np.concatenate(parts)

    def logits(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply the head to features float32 [N, F]; return float32 [N, labels]."""
        parts = [self.ours.logits(directions(values, self.mean))]
        return np.concatenate([*parts, self.prior.logits(values)] if self.prior else parts, axis=1)


def directions(values: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Centre features float32 [N, F] and bring each to length 1."""
    return unit(values - mean)


def unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring each row of float32 [N, F] to length 1; one of zeros stays."""
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    units: NDArray[np.float32] = (values / np.maximum(lengths, 1e-6)).astype(np.float32)
    return units


def label_means(units: NDArray[np.float32], lesson: Lesson) -> NDArray[np.float32]:
    """Return the mean direction of each label, float32 [labels, F]; zeros where a label has no photo.

    It is the mean over the label's sources of their mean directions, so that no source drowns the others.
    """
    count = int(lesson.groups.max()) + 1
    keys, where, photos = np.unique(
        lesson.targets * count + lesson.groups, return_inverse=True, return_counts=True
    )
    sources = np.zeros((len(keys), units.shape[1]), np.float32)
    np.add.at(sources, where, units)
    means = np.zeros((lesson.labels, units.shape[1]), np.float32)
    np.add.at(means, keys // count, sources / photos[:, None] * (photos**SOURCE_POWER)[:, None])
    return unit(means)


def fit_columns(
    values: NDArray[np.float32], lesson: Lesson, recipe: Recipe, seed: int, report: Report
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Make a column for each label.

    Args:
        values: Features, float32 [N, F].
        lesson: What they are.
        recipe: `head_steps` says how long the columns are trained on from the means; 0: not at all.
        seed: Of the draws.
        report: Told every fifty steps.

    Returns:
        What to subtract from features, float32 [F]; the columns, float32 [F, labels], about one long; their
        biases, float32 [labels]: minus infinity for a label without a photo.
    """
    mean = np.average(values, axis=0, weights=lesson.weights).astype(np.float32)
    units = directions(values, mean)
    kernel = label_means(units, lesson).T
    bias = np.zeros(lesson.labels, np.float32)
    if recipe.head_steps:
        kernel, bias = _trained(units, kernel, lesson, recipe=recipe, seed=seed, report=report)
    known = np.bincount(lesson.targets, minlength=lesson.labels) > 0
    return mean, kernel, np.where(known, bias, -np.inf).astype(np.float32)


def _trained(
    units: NDArray[np.float32],
    means: NDArray[np.float32],
    lesson: Lesson,
    *,
    recipe: Recipe,
    seed: int,
    report: Report,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit softmax regression that starts at, and is held to, the means."""
    draws = np.random.default_rng(seed)
    start = tf.constant(means * recipe.head_scale, tf.float32)
    inputs, truth = tf.constant(units), tf.constant(lesson.targets)
    kernel, bias = tf.Variable(start), tf.Variable(tf.zeros([lesson.labels]))
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(recipe.head_rate, recipe.head_steps)
    )

    @tf.function  # type: ignore[untyped-decorator]
    def step(chosen: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = tf.gather(inputs, chosen) @ kernel + bias
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(truth, chosen), logits)
            )
            total = loss + recipe.head_pull * tf.reduce_sum((kernel - start) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(total, [kernel, bias]), [kernel, bias], strict=True))
        return loss

    for done in range(1, recipe.head_steps + 1):
        loss = step(tf.constant(draws.choice(len(units), HEAD_BATCH, p=lesson.weights)))
        if done % 50 == 0 or done == recipe.head_steps:
            report(Progress(stage="head", done=done, total=recipe.head_steps, figures={"loss": float(loss)}))
    return kernel.numpy() / recipe.head_scale, bias.numpy() / recipe.head_scale


def joined(parts: Sequence[Columns]) -> Columns:
    """Put columns on the same features beside each other."""
    return Columns(
        labels=tuple(label for part in parts for label in part.labels),
        categories=np.concatenate([part.categories for part in parts]),
        kernel=np.concatenate([part.kernel for part in parts], axis=1),
        bias=np.concatenate([part.bias for part in parts]),
    )


def assemble(trunk: keras.Model, head: Head) -> keras.Model:
    """Join trunk and head.

    Returns:
        A model from float32 [N, size, size, 3], -1..1, to logits float32 [N, labels].
    """
    centred = keras.layers.Rescaling(1.0, offset=(-head.mean).tolist(), name="centre")(trunk.output)
    direction = keras.layers.UnitNormalization(axis=-1, name="direction")(centred)
    parts = [(head.ours, direction, "ours")] + ([(head.prior, trunk.output, "prior")] if head.prior else [])
    layers = [keras.layers.Dense(len(columns.labels), name=name) for columns, _, name in parts]
    made = [layer(seen) for layer, (_, seen, _) in zip(layers, parts, strict=True)]
    logits = keras.layers.Concatenate(name="labels")(made) if len(made) > 1 else made[0]
    model = keras.Model(trunk.input, logits)
    for layer, (columns, _, _) in zip(layers, parts, strict=True):
        layer.set_weights([columns.kernel, columns.bias])
    return model
