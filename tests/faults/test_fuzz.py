"""A bounded run of the fuzzing; `make fuzz` goes on for longer."""

from pathlib import Path

import pytest
from faults.fuzz import TARGETS, play


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(target: str, tmp_path: Path) -> None:
    """No input of the first rounds breaks its rule."""
    play(target, seed=1, rounds=150, folder=tmp_path)
