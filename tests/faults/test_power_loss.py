from pathlib import Path

import pytest
from faults.power import WAYS, cut_everywhere


@pytest.mark.parametrize("way", WAYS)
def test_a_power_cut_at_any_moment_leaves_every_photo_once(way: str, tmp_path: Path) -> None:
    """Whatever of the uncertain a cut leaves on the disk, the next start leaves each photo and line once."""
    assert cut_everywhere(tmp_path, way, seed=1, photos=4) > 25, "the moments were not told apart"
