from pathlib import Path

from faults.storm import storm

SECONDS = 15.0


def test_a_storm_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Whatever people, kills, a jumping clock and a second process do at once, each photo has one line."""
    counts = storm(tmp_path / "shop", seed=1, seconds=SECONDS)
    assert counts.lines == counts.photos - counts.deletions
    assert min(counts.kills, counts.renames, counts.deletions, counts.sweeps) > 0
    assert min(counts.uploads, counts.predictions, counts.jobs) > 0
