"""Made photos: coloured shapes that a tiny model can learn to tell apart in seconds."""

import numpy as np
from PIL import Image, ImageDraw


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
