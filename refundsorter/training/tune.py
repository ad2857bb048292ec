"""Train every layer of the trunk, gently: so that it learns from our photos, and forgets nothing.

Each photo is changed at random: cropped, stretched, coarsened, lit otherwise. The trunk learns to name it,
while it must see in it what the start sees in the same changed photo (feature distillation, as in learning
without forgetting, Li and Hoiem 2016, arXiv:1606.09282), and the earlier classifier's columns must name it as
they did. Batch normalisation keeps its statistics, and weights are held to where they began. What weaker ties
cost on photos of other shops is told in docs/recipes.md.

A run that is cut short goes on where the last checkpoint stands, and gives what an uncut one gives.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from refundsorter.training.augment import augment
from refundsorter.training.head import Columns, directions, label_means
from refundsorter.training.progress import Progress, Report
from refundsorter.training.recipe import Lesson, Recipe
from refundsorter.training.trunk import interpolate, resized, scaled

CHECKPOINT_EVERY = 50  # steps

# How the earlier classifier's logits stand beside ours until `mixture` finds it out.
PRIOR_SCALE, PRIOR_OFFSET = 1.2, -4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What there is before tuning."""

    trunk: keras.Model  # as `trunk.build_trunk` makes it
    values: NDArray[np.float32]  # its features of all photos, [N, F]
    columns: NDArray[np.int64]  # the category's index of each label, [labels]
    prior: Columns | None  # the earlier classifier's columns on the features


def tune(
    start: Start,
    pixels: NDArray[np.uint8],
    lesson: Lesson,
    *,
    recipe: Recipe,
    seed: int,
    checkpoint: Path,
    report: Report,
) -> Columns | None:
    """Train the start's trunk, in place, and leave it between its start and its end.

    Args:
        start: The trunk, what it saw, and the classifier that came with it.
        pixels: uint8 [N, S, S, 3], RGB, 0..255, of the trunk's size; crops of the tuning's size are taken.
        lesson: What the photos are, and how often each is drawn.
        recipe: The tuning's figures.
        seed: Of draws and augmentation.
        checkpoint: The file in which the state is kept, every fifty steps; one that is there is gone on from.
        report: Told every five steps.

    Returns:
        The earlier classifier's columns, trained along.
    """
    small = resized(start.trunk, recipe, recipe.tune_size)
    before = [weight.copy() for weight in small.get_weights()]
    learner = _Learner(small, start, lesson, recipe, seed)
    learner.restore(checkpoint)
    for done in range(learner.done + 1, recipe.tune_steps + 1):
        draws = np.random.default_rng([seed, done])  # each step by itself, so that a run can be gone on with
        chosen = np.sort(draws.choice(len(pixels), recipe.tune_batch, p=lesson.weights))
        figures = learner.step(pixels[chosen], lesson.targets[chosen], done)
        if done % 5 == 0 or done == recipe.tune_steps:
            report(Progress(stage="tune", done=done, total=recipe.tune_steps, figures=figures))
        if done % CHECKPOINT_EVERY == 0:
            learner.save(checkpoint)
    start.trunk.set_weights(interpolate(before, small.get_weights(), recipe.mix))
    if start.prior is None:
        return None
    kernel, bias = (variable.numpy() for variable in learner.prior)
    mixed = interpolate([start.prior.kernel, start.prior.bias], [kernel, bias], recipe.mix)
    return replace(start.prior, kernel=mixed[0], bias=mixed[1])


class _Learner:
    """Everything that a step changes."""

    def __init__(self, trunk: keras.Model, start: Start, lesson: Lesson, recipe: Recipe, seed: int) -> None:
        self.done = 0
        mean = np.average(start.values, axis=0, weights=lesson.weights).astype(np.float32)
        means = label_means(directions(start.values, mean), lesson)
        ours = tf.Variable(means.T * np.float32(recipe.head_scale))
        theirs = [start.prior.kernel, start.prior.bias] if start.prior else []
        self.prior = [tf.Variable(values) for values in theirs]
        self._variables = [*trunk.trainable_variables, ours, *self.prior]
        self._optimizer = keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                0.0,
                recipe.tune_steps,
                warmup_target=recipe.tune_rate,
                warmup_steps=max(recipe.tune_steps // 20, 1),
            )
        )
        self._optimizer.build(self._variables)
        columns = [start.columns] + ([start.prior.categories] if start.prior else [])
        self._step = self._make_step(trunk, mean, tf.constant(np.concatenate(columns)), recipe, seed)

    def step(self, photos: NDArray[np.uint8], truth: NDArray[np.int64], number: int) -> dict[str, float]:
        """Take step `number` on photos of some labels; return the losses."""
        found = self._step(*map(tf.constant, (photos, truth, number)))
        self.done = number
        return {name: float(value) for name, value in found.items()}

    def save(self, file: Path) -> None:
        """Keep the state; the file appears whole."""
        making = file.with_suffix(".making.npz")
        np.savez(making, *[variable.numpy() for variable in self._state()], done=self.done)
        making.replace(file)

    def restore(self, file: Path) -> None:
        """Go on from a state, if one is kept."""
        if not file.exists():
            return
        with np.load(file, allow_pickle=False) as kept:
            for index, variable in enumerate(self._state()):
                variable.assign(kept[f"arr_{index}"])
            self.done = int(kept["done"])

    def _state(self) -> list[Any]:
        return [*self._variables, *self._optimizer.variables]

    def _make_step(
        self, trunk: keras.Model, mean: NDArray[np.float32], columns: Any, recipe: Recipe, seed: int
    ) -> Callable[..., Any]:
        anchors = [tf.constant(variable.numpy()) for variable in self._variables]
        ours = self._variables[len(trunk.trainable_variables)]
        teacher = resized(trunk, recipe, recipe.tune_size)
        weights = {
            "categories": recipe.categories,
            "labels": recipe.labels,
            "distance": recipe.distil,
            "classes": recipe.classes,
        }

        def losses(photos: Any, truth: Any) -> dict[str, Any]:
            values, held_to = (model(scaled(photos), training=False) for model in (trunk, teacher))
            units, wanted = (tf.math.l2_normalize(seen - mean, axis=1) for seen in (values, held_to))
            logits = units @ ours
            found = {
                "labels": tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits)),
                "distance": 1.0 - tf.reduce_mean(tf.reduce_sum(units * wanted, axis=1)),
            }
            if self.prior:
                named = values @ self.prior[0] + self.prior[1]
                told = tf.nn.log_softmax(held_to @ anchors[-2] + anchors[-1])
                apart = tf.exp(told) * (told - tf.nn.log_softmax(named))
                found["classes"] = tf.reduce_mean(tf.reduce_sum(apart, axis=1))
                logits = tf.concat([logits, PRIOR_SCALE * named + PRIOR_OFFSET], axis=1)
            odds = tf.nn.log_softmax(logits)
            right = columns[None] == tf.gather(columns, truth)[:, None]
            of_category = tf.reduce_logsumexp(tf.where(right, odds, odds.dtype.min), axis=1)
            found["categories"] = -tf.reduce_mean(of_category)
            return found

        @tf.function  # type: ignore[untyped-decorator]
        def step(photos: Any, truth: Any, number: Any) -> Any:
            changed = augment(tf.cast(photos, tf.float32), trunk.input_shape[1], number + seed)
            with tf.GradientTape() as tape:
                found = losses(changed, truth)
                moved = [tf.reduce_sum((v - a) ** 2) for v, a in zip(self._variables, anchors, strict=True)]
                total = tf.add_n([weights[name] * value for name, value in found.items()])
                total += recipe.anchor * tf.add_n(moved)
            slopes = tape.gradient(total, self._variables)
            self._optimizer.apply_gradients(zip(slopes, self._variables, strict=True))
            return found

        return cast(Callable[..., Any], step)
