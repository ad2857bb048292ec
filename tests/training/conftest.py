"""Made data: coloured shapes, two categories of two labels, enough to train a tiny model on in seconds."""

from pathlib import Path

import numpy as np
import pytest
from shapes import draw

LABELS = {"TOOLS": ("red disc", "red bar"), "TOYS": ("blue disc", "blue bar")}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DATA/<CATEGORY>/<label>/*.png: 20 photos a label, two of a rare one, and one that is no photo."""
    root = tmp_path_factory.mktemp("photos")
    draws = np.random.default_rng(0)
    for category, labels in LABELS.items():
        for label in labels:
            (root / category / label).mkdir(parents=True)
            for number in range(20):
                draw(label, draws).save(root / category / label / f"{number}.png")
    rare = root / "TOYS" / "blue whale"
    rare.mkdir()
    for number in range(2):
        draw("blue disc", draws).save(rare / f"{number}.png")
    (root / "TOOLS" / "red bar" / "broken.jpg").write_bytes(b"no photo")
    return root


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DATA/<CATEGORY>/<label>/*.png: ten other photos a label, to measure on."""
    root = tmp_path_factory.mktemp("others")
    draws = np.random.default_rng(1)
    for category, labels in LABELS.items():
        for label in labels:
            (root / category / label).mkdir(parents=True)
            for number in range(10):
                draw(label, draws).save(root / category / label / f"{number}.png")
    return root
