"""Where a daemon says that it answers HTTP, in `http.json`."""

from pathlib import Path

import pytest

from refundsorter.core.fault import Vanished
from refundsorter.edges import listening
from refundsorter.edges.listening import Listening


def test_what_is_said_is_read(tmp_path: Path) -> None:
    """The last word counts, and only for the process that said it."""
    listening.say(tmp_path, Listening(pid=7, address=None, refused="taken"))
    said = Listening(pid=7, address="http://127.0.0.1:8080", refused=None)
    listening.say(tmp_path, said)
    assert listening.read(tmp_path, pid=7) == said
    assert listening.read(tmp_path, pid=8) is None
    assert listening.read(tmp_path, pid=None) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "{}", '{"pid": 7}', "\x00"])
def test_what_is_no_such_file_says_nothing(tmp_path: Path, text: str) -> None:
    """Whatever lies there instead is as if nothing had been said."""
    (tmp_path / listening.FILE).write_text(text)
    assert listening.read(tmp_path, pid=7) is None


def test_without_a_folder_nothing_can_be_said(tmp_path: Path) -> None:
    """The daemon learns of it."""
    with pytest.raises(Vanished):
        listening.say(tmp_path / "gone", Listening(pid=7, address=None, refused=None))
