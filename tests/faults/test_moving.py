from pathlib import Path

from faults.moving import storm

SECONDS = 8.0


def test_a_storm_of_moves_by_hand_loses_nothing(tmp_path: Path) -> None:
    """While daemons sort and are killed, every move between folders that stays is recorded, and once."""
    found = storm(tmp_path / "shop", seed=1, seconds=SECONDS)
    assert found.photos == found.lines
    assert found.corrections > 0
