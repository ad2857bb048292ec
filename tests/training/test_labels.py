from pathlib import Path

import pytest

from refundsorter.training.labels import read_labels
from refundsorter.training.refused import ImportRefused


@pytest.mark.parametrize(
    "text",
    [
        '{"jug": 1, "mug": 0, "vase": 2}',
        '["mug", "jug", "vase"]',
        "mug\njug\n\nvase\n",
        "\ufeffmug\r\njug\r\nvase",
    ],
)
def test_labels_are_read_in_the_order_of_outputs(tmp_path: Path, text: str) -> None:
    """Keras' class_indices, a JSON list and lines of text say the same."""
    (tmp_path / "labels").write_text(text)
    assert read_labels(tmp_path / "labels") == ("mug", "jug", "vase")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"mug": 0, "jug": 2}', "2 labels need the indices 0 to 1; no label has 1"),
        ('{"mug": 0, "jug": 0}', "the index 0 is given to 'mug' and 'jug'"),
        ('{"mug": 0, "mug": 1}', "'mug' stands there more than once"),
        ('{"mug": "0"}', "'mug' has the index '0'; expected a whole number"),
        ('{"mug": true}', "has the index true"),
        ('["mug", "mug"]', "'mug' stands there more than once"),
        ('["mug", 3]', "3 is no label"),
        ('["mug", "jug"', "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("", "names no label"),
        ("[]", "names no label"),
        ("x" * (1 << 20) + "y", "larger than"),
    ],
)
def test_labels_that_are_wrong_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """The message names the file and what is wrong in it."""
    (tmp_path / "labels.json").write_text(text)
    with pytest.raises(ImportRefused, match=said) as refused:
        read_labels(tmp_path / "labels.json")
    assert "labels.json" in str(refused.value)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    """A photo, or a file that is not there."""
    (tmp_path / "labels.json").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ImportRefused, match="no UTF-8 text"):
        read_labels(tmp_path / "labels.json")
    with pytest.raises(ImportRefused, match="cannot be read"):
        read_labels(tmp_path / "nowhere")
