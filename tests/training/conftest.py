"""Made data: coloured shapes, two categories of two labels, enough to train a tiny model on in seconds."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

LABELS = {"TOOLS": ("red disc", "red bar"), "TOYS": ("blue disc", "blue bar")}


def draw(label: str, draws: np.random.Generator) -> Image.Image:
    """One photo, 96 by 80 pixels: a shape of the label's colour somewhere on a grey ground."""
    photo = Image.new("RGB", (96, 80), (int(draws.integers(90, 160)),) * 3)
    left, top = (int(v) for v in draws.integers(5, 30, 2))
    colour = (220, 30, 30) if label.startswith("red") else (30, 30, 220)
    pen = ImageDraw.Draw(photo)
    if label.endswith("disc"):
        pen.ellipse((left, top, left + 45, top + 45), fill=colour)
    else:
        pen.rectangle((left, top + 10, left + 60, top + 25), fill=colour)
    return photo


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
