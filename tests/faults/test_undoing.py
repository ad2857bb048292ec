from pathlib import Path

from faults.undoing import restore

FILES, KILLS = 200, 3


def test_a_sweep_that_is_put_back_leaves_the_inbox_as_it_was(tmp_path: Path) -> None:
    """Killed on the way or not, each file lies where it lay, byte for byte, and has its lines once."""
    found = restore(tmp_path, FILES, KILLS, seed=5)
    assert found.killed > 0
    assert (found.account.undone, found.account.inbox) == (FILES, FILES)
