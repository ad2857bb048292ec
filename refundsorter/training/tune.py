"""Train every layer of the trunk, gently, so that it sees the same in a photo whatever a shop does to it.

Each photo is changed at random: cropped, stretched, coarsened, lit otherwise. The trunk learns to see in it
what the start saw in the unchanged photo (feature distillation), and the earlier classifier's columns learn
to name it as they did. Batch normalisation keeps its statistics, and weights are held to where they began.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What there is before tuning."""

    trunk: keras.Model  # as `trunk.build_trunk` makes it
    values: NDArray[np.float32]  # its features of all photos, [N, F]
    prior: Columns | None  # the earlier classifier's columns on them


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
    mean = np.average(start.values, axis=0, weights=lesson.weights).astype(np.float32)
    units = directions(start.values, mean)
    classes = None if start.prior is None else start.prior.logits(start.values)
    learner = _Learner(small, mean, label_means(units, lesson), start.prior, recipe=recipe, seed=seed)
    learner.restore(checkpoint)
    for done in range(learner.done + 1, recipe.tune_steps + 1):
        draws = np.random.default_rng([seed, done])  # each step by itself, so that a run can be gone on with
        chosen = np.sort(draws.choice(len(pixels), recipe.tune_batch, p=lesson.weights))
        figures = learner.step(
            pixels[chosen],
            lesson.targets[chosen],
            units[chosen],
            None if classes is None else classes[chosen],
            done,
        )
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

    def __init__(
        self,
        trunk: keras.Model,
        mean: NDArray[np.float32],
        means: NDArray[np.float32],
        prior: Columns | None,
        *,
        recipe: Recipe,
        seed: int,
    ) -> None:
        self.done = 0
        self.prior = [] if prior is None else [tf.Variable(prior.kernel), tf.Variable(prior.bias)]
        columns = [tf.Variable(means.T * np.float32(recipe.head_scale))] if recipe.teach else []
        self._variables = [*trunk.trainable_variables, *self.prior, *columns]
        self._optimizer = keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                0.0,
                recipe.tune_steps,
                warmup_target=recipe.tune_rate,
                warmup_steps=max(recipe.tune_steps // 20, 1),
            )
        )
        self._optimizer.build(self._variables)
        self._step = self._make_step(trunk, mean, columns, recipe, seed)

    def step(
        self,
        photos: NDArray[np.uint8],
        truth: NDArray[np.int64],
        held_to: NDArray[np.float32],
        classes: NDArray[np.float32] | None,
        number: int,
    ) -> dict[str, float]:
        """Take step `number`; return the losses."""
        told = np.zeros((len(photos), 1), np.float32) if classes is None else classes
        found = self._step(*map(tf.constant, (photos, truth, held_to, told, number)))
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
        self, trunk: keras.Model, mean: NDArray[np.float32], columns: list[Any], recipe: Recipe, seed: int
    ) -> Callable[..., Any]:
        anchors = [tf.constant(variable.numpy()) for variable in trunk.trainable_variables]

        def losses(photos: Any, truth: Any, held_to: Any, classes: Any) -> dict[str, Any]:
            values = trunk(scaled(photos), training=False)
            units = tf.math.l2_normalize(values - mean, axis=1)
            found = {"distance": 1.0 - tf.reduce_mean(tf.reduce_sum(units * held_to, axis=1))}
            if self.prior:
                named = values @ self.prior[0] + self.prior[1]
                wanted = tf.nn.softmax(classes)
                found["classes"] = tf.reduce_mean(
                    tf.reduce_sum(wanted * (tf.nn.log_softmax(classes) - tf.nn.log_softmax(named)), axis=1)
                )
            if columns:
                found["labels"] = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(truth, units @ columns[0])
                )
            return found

        @tf.function  # type: ignore[untyped-decorator]
        def step(photos: Any, truth: Any, held_to: Any, classes: Any, number: Any) -> Any:
            changed = augment(tf.cast(photos, tf.float32), trunk.input_shape[1], number + seed)
            with tf.GradientTape() as tape:
                found = losses(changed, truth, held_to, classes)
                moved = tf.add_n(
                    [
                        tf.reduce_sum((v - a) ** 2)
                        for v, a in zip(trunk.trainable_variables, anchors, strict=True)
                    ]
                )
                weights = {"distance": recipe.distil, "classes": recipe.classes, "labels": recipe.teach}
                total = tf.add_n([weights[name] * value for name, value in found.items()])
                total += recipe.anchor * moved
            slopes = tape.gradient(total, self._variables)
            self._optimizer.apply_gradients(zip(slopes, self._variables, strict=True))
            return found

        return cast(Callable[..., Any], step)
