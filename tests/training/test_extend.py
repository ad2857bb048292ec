"""Teaching a bundle what people corrected: on features, with a head of three labels that lie apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from refundsorter.training.dataset import Sample
from refundsorter.training.extend import Extended, clusters, extend
from refundsorter.training.head import NOTHING, Columns, Head, unit

FEATURES = 16
OLD = {"A": 0.6, "B": 0.7}


def head() -> Head:
    """Labels along the first three axes: of A, of B, and of no category."""
    kernel = (np.eye(FEATURES)[:, :3] * 20).astype(np.float32)
    ours = Columns(
        labels=("apple", "ball", "blank"),
        categories=np.array([0, 1, NOTHING]),
        kernel=kernel,
        bias=np.zeros(3, np.float32),
    )
    return Head(mean=np.zeros(FEATURES, np.float32), ours=ours, prior=None)


def photos(axis: int, count: int, seed: int) -> NDArray[np.float32]:
    """Features along an axis, each a little off it, and towards the first axis: taken for A before."""
    draws = np.random.default_rng(seed)
    along = np.eye(FEATURES)[axis] + 0.8 * np.eye(FEATURES)[0]
    found: NDArray[np.float32] = (along + draws.normal(0, 0.08, (count, FEATURES))).astype(np.float32)
    return found


def samples(label: str, category: str, count: int) -> list[Sample]:
    """Corrected photos."""
    return [
        Sample(path=Path(f"{n}.jpg"), label=label, category=category, source="c", group=str(n), licence="own")
        for n in range(count)
    ]


def taught(label: str, category: str, axis: int, count: int = 40) -> Extended:
    """The head with photos of one label taught to it."""
    return extend(
        head(),
        ("A", "B"),
        OLD,
        photos(axis, count, 1),
        samples(label, category, count),
        others=np.eye(FEATURES, dtype=np.float32)[:3].repeat(10, axis=0),
        precision=0.9,
    )


def test_a_new_category_is_known_from_forty_photos() -> None:
    """Photos of it that were not taught are named by it, with a threshold of its own; others keep theirs."""
    found = taught("office", "C", axis=5)
    assert found.categories == ("A", "B", "C")
    assert {name: found.thresholds[name] for name in OLD} == OLD
    assert 0.5 <= found.thresholds["C"] < 1
    answers = found.head.categories[found.head.logits(photos(5, 20, seed=2)).argmax(axis=1)]
    assert (answers == 2).all()


def test_what_the_model_knew_it_still_knows() -> None:
    """The old labels' own photos are named as before; their columns are what they were."""
    found = taught("office", "C", axis=5).head
    assert np.array_equal(found.ours.kernel[:, :3], head().ours.kernel)
    old = np.eye(FEATURES, dtype=np.float32)[:3]
    assert found.categories[found.logits(old).argmax(axis=1)].tolist() == [0, 1, NOTHING]


def test_a_known_label_moves_towards_its_corrections() -> None:
    """Photos that were taken for A and corrected to the label "ball" of B become likelier to be of B."""
    before, after = head(), taught("ball", "B", axis=5).head
    other = photos(5, 20, seed=2)
    gain = [h.logits(other)[:, 1].mean() - h.logits(other)[:, 0].mean() for h in (before, after)]
    assert gain[1] > gain[0] + 5
    assert np.linalg.norm(after.ours.kernel, axis=0) == pytest.approx(
        np.linalg.norm(before.ours.kernel, axis=0)
    )


def test_a_category_before_the_others_in_the_alphabet_shifts_no_label() -> None:
    """A new category "0": labels keep the categories that they had."""
    found = taught("office", "0", axis=5)
    names = [found.categories[index] if index >= 0 else None for index in found.head.categories]
    assert names[:3] == ["A", "B", None]
    assert set(names[3:]) == {"0"}


def test_photos_of_two_kinds_get_columns_of_two_directions() -> None:
    """Two clouds of directions: each has a centre near it."""
    draws = np.random.default_rng(0)
    around = np.repeat(np.eye(FEATURES)[:2], 20, axis=0) + draws.normal(0, 0.05, (40, FEATURES))
    centres = clusters(unit(around.astype(np.float32)), 2)
    assert sorted((centres @ np.eye(FEATURES)[:2].T).max(axis=0).round(1)) == [1.0, 1.0]


def test_a_new_category_takes_nothing_from_photos_that_look_a_little_like_it() -> None:
    """Photos between A and the new category stay A where nobody corrected them, and do not without them."""
    near = photos(5, 40, seed=3) - 0.55 * np.eye(FEATURES, dtype=np.float32)[5]
    given = (head(), ("A", "B"), OLD, photos(5, 40, 1), samples("office", "C", 40))
    blank = np.eye(FEATURES, dtype=np.float32)[2:3]
    taken = [
        (found.head.categories[found.head.logits(near[:20]).argmax(axis=1)] == 2).mean()
        for found in (extend(*given, others=others, precision=0.9) for others in (blank, near[20:]))
    ]
    assert taken[0] > 0.5
    assert taken[1] < 0.1


def test_a_name_that_is_taken_is_given_a_number() -> None:
    """A new column under the name of one that the earlier classifier has: both stay, under two names."""
    earlier = Columns(
        labels=("crane",),
        categories=np.array([NOTHING]),
        kernel=np.zeros((FEATURES, 1), np.float32),
        bias=np.zeros(1, np.float32),
    )
    found = extend(
        replace(head(), prior=earlier),
        ("A", "B"),
        OLD,
        photos(5, 3, 1),
        samples("crane", "B", 3),
        others=np.zeros((0, FEATURES), np.float32),
        precision=0.9,
    )
    assert found.head.labels == ("apple", "ball", "blank", "crane (2)", "crane")
