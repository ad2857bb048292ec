import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support import PATIENCE_S, environment, write_bundle

PROGRAM = Path(__file__).with_name("choosing.py")
OLD, NEW = "tiny/1.0.0", "tiny/1.1.0"


def killed_at_each(work: str, models: Path) -> list[dict[str, Any]]:
    """What is found after each kill, and after the work was done again."""
    done = subprocess.run(
        [sys.executable, PROGRAM, work, models],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(),
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["killed"] for one in found] == [True] * (len(found) - 1) + [False]
    return found


def test_a_kill_at_any_step_of_an_activation_leaves_the_choice_whole(tmp_path: Path) -> None:
    """It names the old bundle or the new one, nothing else; done again it names the new one."""
    write_bundle(tmp_path / "models", "1.0.0")
    write_bundle(tmp_path / "models", "1.1.0", active=False)
    found = killed_at_each("activate", tmp_path / "models")
    old, new = {"active": OLD, "previous": None}, {"active": NEW, "previous": OLD}
    choices = [one["after"]["choice"] for one in found]
    turn = choices.index(new)
    assert choices == [old] * turn + [new] * (len(choices) - turn)
    assert 3 < turn < len(choices)
    assert all(one["again"]["choice"] == new and one["hidden"] == [] for one in found)


def test_a_kill_at_any_step_of_a_prune_leaves_no_half_of_a_bundle(tmp_path: Path) -> None:
    """Each bundle that is listed loads; done again all that was to go is gone, hidden remains too."""
    for version in ("0.8.0", "0.9.0", "1.0.0"):
        write_bundle(tmp_path / "models", version, active=version == "1.0.0")
    found = killed_at_each("prune", tmp_path / "models")
    kept = [len(one["after"]["bundles"]) for one in found]
    assert kept == sorted(kept, reverse=True)
    assert set(kept) == {3, 2, 1}
    assert all(one["again"]["bundles"] == {OLD: OLD} and one["hidden"] == [] for one in found)
