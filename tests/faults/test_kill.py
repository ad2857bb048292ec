from pathlib import Path

from faults.account import take
from faults.kill import corpus_shop, finish, kill_often

FILES, KILLS = 250, 8


def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    """A sweep that is killed again and again leaves, when it is let finish, every photo and line once."""
    shop, before = corpus_shop(tmp_path, FILES, seed=4)
    killed = kill_often(shop, FILES, KILLS, seed=4)
    finish(shop)
    assert take(shop, before).lines == FILES
    assert killed >= KILLS // 2
