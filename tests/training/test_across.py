from pathlib import Path

import numpy as np
import pytest

from refundsorter.training.across import (
    FOLDS,
    MOST_OF_SOURCE,
    folds,
    groups_of,
    judged_rows,
    strange_cosines,
)
from refundsorter.training.dataset import Sample
from refundsorter.training.head import unit
from refundsorter.training.progress import Progress
from refundsorter.training.recipe import Lesson, Recipe


def sample(path: str, group: str) -> Sample:
    """A photo of a source."""
    return Sample(path=Path(path), label="a", category="A", source="s", group=group, licence="CC0")


def test_no_source_is_in_two_folds_and_categories_are_spread() -> None:
    """Sixty sources of three categories: each in one fold, and each fold has some of every category."""
    groups = np.repeat(np.arange(60), 5)
    categories = groups % 3
    fold = folds(groups, categories)
    assert all(len(set(fold[groups == group])) == 1 for group in range(60))
    assert all(set(categories[fold == one]) == {0, 1, 2} for one in range(FOLDS))


def test_a_large_source_does_not_decide_alone() -> None:
    """Of a source of a thousand photos forty are judged, of one of five all."""
    units = unit(np.random.default_rng(0).normal(0, 1, (1005, 64)).astype(np.float32))
    groups = np.array([0] * 1000 + [1] * 5)
    rows = judged_rows(units, np.zeros(1005, np.int64), groups, 1)
    assert (rows < 1000).sum() == MOST_OF_SOURCE
    assert (rows >= 1000).sum() == 5


def test_a_photo_with_a_twin_in_another_source_is_not_judged() -> None:
    """Two equal photos of two sources are left out; two equal ones of one source are not."""
    units = np.eye(4, dtype=np.float32)[[0, 0, 1, 1, 2]]
    rows = judged_rows(units, np.zeros(5, np.int64), np.array([0, 1, 2, 2, 3]), 1)
    assert rows.tolist() == [2, 3, 4]


def test_a_head_does_not_know_what_only_the_photos_own_source_has() -> None:
    """Label 2 is known from one source alone: for its photos that label is minus infinity."""
    values = np.random.default_rng(0).normal(0, 1, (40, 8)).astype(np.float32)
    targets = np.array([0, 1] * 19 + [2, 2])
    groups = np.append(np.arange(38), [38, 38])
    taught = Lesson(targets=targets, groups=groups, weights=np.full(40, 1 / 40), labels=3)
    told: list[Progress] = []
    found = strange_cosines(
        values,
        taught,
        np.arange(40),
        folds(groups, np.minimum(targets, 1)),
        recipe=Recipe(),
        seed=1,
        report=told.append,
    )
    assert np.isneginf(found[38:, 2]).all()
    assert np.isfinite(found[:38, :2]).all()
    assert told[-1].done == told[-1].total == FOLDS


@pytest.mark.parametrize(("groups", "sources"), [(("x", "x", "y"), 2), (("x", "x", "x"), 3)])
def test_where_all_is_of_one_source_each_photo_is_one(groups: tuple[str, ...], sources: int) -> None:
    """Without another source to compare with, photos are left out one by one."""
    samples = [sample(str(number), group) for number, group in enumerate(groups)]
    assert len(set(groups_of(samples).tolist())) == sources
