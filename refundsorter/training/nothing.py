"""Pictures that show no product, drawn by a program: what the model is to hand to a person.

Documents, bar codes, plain colours, patterns, noise, dark frames. Faces and rooms cannot be drawn: ImageNet's
own classes stand for what they can (docs/recipes.md).
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 448  # pixels of a picture before it is brought to the model's size
WORDS = [
    "invoice", "total", "date", "return", "customer", "order", "number", "please", "keep", "this", "receipt",
    "for", "item", "price", "tax", "name", "street", "city", "goods", "reason", "note", "signed", "paid",
]  # fmt: skip

Draws = np.random.Generator
Bytes = NDArray[np.uint8]


def pictures(each: int, size: int, seed: int) -> tuple[Bytes, NDArray[np.int64]]:
    """Draw pictures of every kind.

    Args:
        each: How many of each kind.
        size: The side of what comes out, in pixels.
        seed: The same seed draws the same pictures.

    Returns:
        uint8 [N, size, size, 3], RGB, and the index of each one's kind in `KINDS`, int64 [N].
    """
    made = []
    for kind, draw in enumerate(_PAINTERS.values()):
        for number in range(each):
            picture = draw(np.random.default_rng([seed, kind, number])).convert("RGB")
            made.append(np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)))
    return np.stack(made), np.repeat(np.arange(len(KINDS)), each)


def _colour(draws: Draws, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in draws.integers(low, high, 3))
    return red, green, blue


def _plain(draws: Draws) -> Image.Image:
    return Image.new("RGB", (SIDE, SIDE), _colour(draws))


def _gradient(draws: Draws) -> Image.Image:
    grid, turn = np.linspace(0, 1, SIDE), draws.uniform(0, 7)
    first, second = np.array(_colour(draws)), np.array(_colour(draws))
    along = np.clip(np.cos(turn) * grid[None] + np.sin(turn) * grid[:, None], -1, 1) * 0.5 + 0.5
    return Image.fromarray((first + (second - first) * along[..., None]).astype(np.uint8))


def _noise(draws: Draws) -> Image.Image:
    if draws.random() < 0.5:  # noqa: PLR2004 - half of them grey
        return Image.fromarray(draws.integers(0, 256, (SIDE, SIDE), np.uint8))
    return Image.fromarray(draws.integers(0, 256, (SIDE, SIDE, 3), np.uint8))


def _soft_noise(draws: Draws) -> Image.Image:
    spots = int(draws.integers(4, 60))
    small = Image.fromarray(draws.integers(0, 256, (spots, spots, 3), np.uint8))
    return small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _pattern(draws: Draws) -> Image.Image:
    grid = np.linspace(0, 1, SIDE)
    across, down = ((grid * draws.integers(3, 40)).astype(int) % 2 for _ in range(2))
    mask = across[None] ^ (down[:, None] * int(draws.integers(0, 2)))
    mask = np.broadcast_to(mask, (SIDE, SIDE))[..., None]
    return Image.fromarray(np.where(mask, _colour(draws), _colour(draws)).astype(np.uint8))


def _page(draws: Draws, *, table: bool = False) -> Image.Image:
    width, height = int(draws.integers(300, 500)), int(draws.integers(380, 620))
    page = Image.new("RGB", (width, height), _colour(draws, 220))
    pen, size = ImageDraw.Draw(page), int(draws.integers(8, 22))
    ink, face = _colour(draws, 0, 90), ImageFont.load_default(size)
    top = int(draws.integers(10, 60))
    pen.text(
        (20, top // 2), str(draws.choice(WORDS)).upper(), fill=ink, font=ImageFont.load_default(size * 2)
    )
    top += size * 3
    while top < height - 20:
        if table:
            for left in range(20, width - 20, max((width - 40) // 4, 30)):
                pen.text((left, top), str(draws.integers(0, 9999)), fill=ink, font=face)
            pen.line((15, top + size + 3, width - 15, top + size + 3), fill=ink)
        else:
            line = " ".join(draws.choice(WORDS, 30))
            pen.text((20, top), line[: int(draws.integers(8, 2 * width // size))], fill=ink, font=face)
        top += int(size * draws.choice([1.4, 1.8, 2.5]))
    return page


def _table(draws: Draws) -> Image.Image:
    return _page(draws, table=True)


def _bar_code(draws: Draws) -> Image.Image:
    page = Image.new("RGB", (SIDE, SIDE), _colour(draws, 220))
    pen, left = ImageDraw.Draw(page), 40
    while left < SIDE - 40:
        bar, gap = (int(value) for value in draws.integers(2, 10, 2))
        pen.rectangle((left, 120, left + bar, 320), fill=(0, 0, 0))
        left += bar + gap
    pen.text((100, 330), str(draws.integers(10**11)), fill=(0, 0, 0), font=ImageFont.load_default(30))
    return page


def _square_code(draws: Draws) -> Image.Image:
    page, cells = Image.new("RGB", (SIDE, SIDE), _colour(draws, 220)), int(draws.integers(21, 45))
    code = Image.fromarray(draws.integers(0, 2, (cells, cells), np.uint8) * 255)
    page.paste(code.resize((SIDE - 100, SIDE - 100), Image.Resampling.NEAREST).convert("RGB"), (50, 50))
    return page


def _scribble(draws: Draws) -> Image.Image:
    page = Image.new("RGB", (SIDE, SIDE), _colour(draws, 215))
    pen = ImageDraw.Draw(page)
    for _ in range(int(draws.integers(3, 14))):
        walk = np.cumsum(draws.normal(0, 25, (40, 2)), axis=0) + draws.uniform(50, SIDE - 50, 2)
        line = [(float(x), float(y)) for x, y in walk]
        pen.line(line, fill=_colour(draws, 0, 120), width=int(draws.integers(1, 6)))
    return page


def _paper_on_table(draws: Draws) -> Image.Image:
    grain = int(draws.integers(2, 9)) * 12
    wood = np.array(_colour(draws, 30, 200)) + draws.normal(0, 14, (grain, grain, 1))
    table = Image.fromarray(wood.clip(0, 255).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    side = int(SIDE * draws.uniform(0.6, 1.0))
    page = _page(draws, table=bool(draws.integers(0, 2))).convert("RGBA")
    page = page.rotate(draws.uniform(-25, 25), Image.Resampling.BICUBIC, expand=True).resize((side, side))
    place = int(draws.integers(0, SIDE - side + 1))
    table.paste(page, (place, place), page)
    return table.filter(ImageFilter.GaussianBlur(draws.uniform(0, 1.5)))


def _dark(draws: Draws) -> Image.Image:
    frame = draws.normal(draws.uniform(2, 25), draws.uniform(2, 12), (SIDE, SIDE, 3))
    dark = Image.fromarray(frame.clip(0, 255).astype(np.uint8))
    return dark.filter(ImageFilter.GaussianBlur(draws.uniform(0, 3)))


def _blurred(draws: Draws) -> Image.Image:
    page = Image.new("RGB", (SIDE, SIDE), _colour(draws))
    pen = ImageDraw.Draw(page)
    for _ in range(int(draws.integers(2, 9))):
        x, y = draws.uniform(0, SIDE, 2)
        radius = draws.uniform(20, 180)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(draws))
    return page.filter(ImageFilter.GaussianBlur(draws.uniform(12, 50)))


_PAINTERS: Mapping[str, Callable[[Draws], Image.Image]] = {
    "plain colour": _plain,
    "gradient": _gradient,
    "noise": _noise,
    "soft noise": _soft_noise,
    "pattern": _pattern,
    "document": _page,
    "table of numbers": _table,
    "bar code": _bar_code,
    "square code": _square_code,
    "scribble": _scribble,
    "paper on a table": _paper_on_table,
    "dark frame": _dark,
    "blurred frame": _blurred,
}
KINDS = tuple(_PAINTERS)
