import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.lookalike import SIDE, alike, blocks


def photos(count: int, seed: int = 0) -> np.ndarray:
    """Photos of soft patches, no two alike: uint8 [count, SIDE, SIDE, 3]."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    return coarse.repeat(SIDE // 6, axis=1).repeat(SIDE // 6, axis=2)


def test_a_slightly_changed_copy_is_alike() -> None:
    """Noise as of a strong JPEG does not hide a copy, and nothing else is taken for one."""
    some = photos(20)
    noise = np.random.default_rng(1).integers(-8, 9, some[:3].shape)
    copies = np.clip(some[:3].astype(int) + noise, 0, 255).astype(np.uint8)
    assert list(alike(blocks(np.concatenate([some, copies])))) == [(0, 20), (1, 21), (2, 22)]


def test_another_colour_is_not_alike() -> None:
    """The same outline in another colour is another product."""
    red = np.full((1, SIDE, SIDE, 3), 255, np.uint8)
    red[:, 20:50, 20:50] = (220, 30, 30)
    blue = red[..., ::-1]
    assert list(alike(blocks(np.concatenate([red, blue])))) == []


def test_two_plain_pictures_are_alike_only_in_one_colour() -> None:
    """Without any contrast, a level of difference is as much as noise makes, and ten are not."""
    plain = np.stack([np.full((SIDE, SIDE, 3), level, np.uint8) for level in (100, 100, 110)])
    assert list(alike(blocks(plain))) == [(0, 1)]


@given(st.integers(0, 5), st.integers(1, 4))
def test_every_pair_is_found_once_in_order(seed: int, copies: int) -> None:
    """Of n equal photos all n (n - 1) / 2 pairs are told, the smaller index first."""
    pairs = list(alike(blocks(np.repeat(photos(1, seed), copies, axis=0))))
    assert pairs == [(one, other) for one in range(copies) for other in range(one + 1, copies)]


def test_of_nothing_nothing_is_alike() -> None:
    """An empty set has no pairs."""
    assert list(alike(blocks(photos(0)))) == []
