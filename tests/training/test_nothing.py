import numpy as np

from refundsorter.training.nothing import KINDS, pictures


def test_the_same_seed_draws_the_same_pictures_and_another_draws_others() -> None:
    """Two of each kind: same bytes for one seed; for another seed none is the same."""
    (first, kinds), (again, _), (other, _) = (pictures(2, 64, seed) for seed in (1, 1, 2))
    assert first.shape == (2 * len(KINDS), 64, 64, 3)
    assert np.bincount(kinds).tolist() == [2] * len(KINDS)
    assert np.array_equal(first, again)
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_pictures_of_a_kind_differ() -> None:
    """No two of one kind are the same."""
    drawn, kinds = pictures(2, 64, 1)
    assert all(not np.array_equal(*drawn[kinds == kind]) for kind in range(len(KINDS)))
