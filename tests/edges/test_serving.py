"""What a daemon says of itself, in `serving.json`."""

from dataclasses import asdict
from pathlib import Path

import pytest

from refundsorter.core.fault import Vanished
from refundsorter.edges import serving
from refundsorter.edges.serving import Serving

SERVING = Serving(pid=7, model="a/1", shadow=None, stamp="1:2:3", refused="a/2: no", shadow_refused=None)


def test_what_is_said_is_read(tmp_path: Path) -> None:
    """The last word counts, and only for the process that said it."""
    serving.say(tmp_path, SERVING)
    said = Serving(**{**asdict(SERVING), "model": "a/2", "refused": None})
    serving.say(tmp_path, said)
    assert serving.read(tmp_path, pid=7) == said
    assert serving.read(tmp_path, pid=8) is None
    assert serving.read(tmp_path, pid=None) is None
    assert [path.name for path in tmp_path.iterdir()] == [serving.FILE]


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "{}", '{"pid": 7}', "\x00"])
def test_what_is_no_such_file_says_nothing(tmp_path: Path, text: str) -> None:
    """Whatever lies there instead is as if nothing had been said."""
    (tmp_path / serving.FILE).write_text(text)
    assert serving.read(tmp_path, pid=7) is None


def test_without_a_folder_nothing_can_be_said(tmp_path: Path) -> None:
    """The daemon learns of it, and tries again."""
    with pytest.raises(Vanished):
        serving.say(tmp_path / "gone", SERVING)
    assert serving.read(tmp_path / "gone", pid=7) is None
