from pathlib import Path

import pytest
from faults.steps import kill_at_each
from faults.victim import victims


@pytest.mark.parametrize("way", ["rename", "link", "copy"])
def test_a_kill_at_any_step_leaves_every_photo_once(way: str, tmp_path: Path) -> None:
    """Whichever step a SIGKILL comes before or after, the next start leaves each photo and line once."""
    with victims() as program:
        assert kill_at_each(tmp_path, way, program) > 39, "the steps were not counted"
