from pathlib import Path

import pytest
from faults.power import WAYS, cut_everywhere, cut_while_put_back


@pytest.mark.parametrize("way", WAYS)
def test_a_power_cut_at_any_moment_leaves_every_photo_once(way: str, tmp_path: Path) -> None:
    """Whatever of the uncertain a cut leaves on the disk, the next start leaves each photo and line once."""
    assert cut_everywhere(tmp_path, way, seed=1, photos=4) > 25, "the moments were not told apart"


@pytest.mark.parametrize("way", WAYS)
def test_a_power_cut_while_photos_are_put_back_leaves_each_once(way: str, tmp_path: Path) -> None:
    """Whatever of the uncertain a cut leaves, the next start puts every photo back, with its line, once."""
    assert cut_while_put_back(tmp_path, way, seed=1, photos=3) > 10, "the moments were not told apart"
