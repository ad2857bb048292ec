import numpy as np
import pytest
from numpy.typing import NDArray

from refundsorter.training.head import directions, fit_columns, label_means
from refundsorter.training.progress import Progress
from refundsorter.training.recipe import Lesson, Recipe


def quiet(_: Progress) -> None:
    """Tell nobody."""


def lesson(targets: NDArray[np.int64], groups: NDArray[np.int64], labels: int) -> Lesson:
    """Photos drawn evenly."""
    count = len(targets)
    return Lesson(targets=targets, groups=groups, weights=np.full(count, 1 / count), labels=labels)


def clouds() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features of three labels that lie apart: float32 [90, 8] and int64 [90]."""
    targets = np.repeat(np.arange(3), 30)
    values = np.eye(8)[targets] * 3 + np.random.default_rng(0).random((90, 8))
    return values.astype(np.float32), targets


@pytest.mark.parametrize("steps", [0, 60])
def test_columns_tell_apart_what_lies_apart(steps: int) -> None:
    """Three separate clouds of features: each is told from the others, by means and by training."""
    values, targets = clouds()
    taught = lesson(targets, np.arange(90), 3)
    mean, kernel, bias = fit_columns(values, taught, Recipe(head_steps=steps), 1, quiet)
    assert ((directions(values, mean) @ kernel + bias).argmax(axis=1) == targets).all()


def test_the_same_seed_gives_the_same_columns() -> None:
    """Two fits with one seed agree."""
    values, targets = clouds()
    taught = lesson(targets, np.arange(90), 3)
    first, second = (fit_columns(values, taught, Recipe(head_steps=20), 1, quiet)[1] for _ in range(2))
    assert np.allclose(first, second, atol=1e-5)


def test_a_source_of_sixteen_photos_weighs_twice_as_much_as_one_of_one() -> None:
    """Sixteen photos point east, one of another source north: the mean lies at two to one."""
    units = np.array([[1.0, 0.0]] * 16 + [[0.0, 1.0]], np.float32)
    taught = lesson(np.zeros(17, np.int64), np.array([0] * 16 + [1]), 1)
    assert label_means(units, taught)[0] == pytest.approx(np.array([2, 1]) / np.sqrt(5))


def test_a_label_without_a_photo_is_never_the_answer() -> None:
    """Of three labels the last has no photo: its bias is minus infinity."""
    values, targets = clouds()
    rows = np.flatnonzero(targets < 2)
    _, _, bias = fit_columns(values[rows], lesson(targets, np.arange(90), 3).of(rows), Recipe(), 1, quiet)
    assert np.isfinite(bias).tolist() == [True, True, False]
