from pathlib import Path

import pytest
from faults.corrections import ask, kill_at_each, move
from faults.victim import victims


@pytest.mark.parametrize("way", ["rename", "link", "copy"])
def test_a_kill_at_any_step_leaves_every_correction_once(way: str, tmp_path: Path) -> None:
    """Whichever step of three corrections a SIGKILL comes before, each photo and line is there once."""
    with victims() as program:
        assert kill_at_each(tmp_path, way, program, ask) > 15, "the steps were not counted"


def test_a_kill_at_any_step_of_a_scan_records_every_move_once(tmp_path: Path) -> None:
    """Whichever step of a scan a SIGKILL comes before, each photo that was moved has one line of it."""
    with victims() as program:
        assert kill_at_each(tmp_path, "rename", program, move) > 10, "the steps were not counted"
