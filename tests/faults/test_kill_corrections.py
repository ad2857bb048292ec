from pathlib import Path

import pytest
from faults.corrections import CATEGORY, ask, ask_back, kill_at_each, move
from faults.victim import victims


@pytest.mark.parametrize("way", ["rename", "link", "copy"])
def test_a_kill_at_any_step_leaves_every_correction_once(way: str, tmp_path: Path) -> None:
    """Whichever step of three corrections a SIGKILL comes before, each photo and line is there once."""
    with victims() as program:
        killed = kill_at_each(tmp_path, way, program, ask, away=(CATEGORY,))
    assert killed > 15, "the steps were not counted"


@pytest.mark.parametrize("way", ["rename", "link", "copy"])
def test_a_kill_at_any_step_leaves_every_photo_put_back_once(way: str, tmp_path: Path) -> None:
    """Whichever step a SIGKILL comes before while three are put back, each lies where it came from."""
    with victims() as program:
        killed = kill_at_each(tmp_path, way, program, ask_back, away=("WARM", "_rejected"))
    assert killed > 15, "the steps were not counted"


def test_a_kill_at_any_step_of_a_scan_records_every_move_once(tmp_path: Path) -> None:
    """Whichever step of a scan a SIGKILL comes before, each photo that was moved has one line of it."""
    with victims() as program:
        assert kill_at_each(tmp_path, "rename", program, move) > 10, "the steps were not counted"
