"""Inboxes full of everything that people drop: seeded, so that a failure can be made again.

Photos of the data set are mixed in where it lies beside the project; nothing needs it.
"""

import hashlib
import itertools
import os
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from pictures import STORES
from PIL import Image
from support import COLOURS

REAL_PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "train"
BROKEN_SHARE = 0.03
COPY_SHARE = 0.05
REAL_SHARE = 0.5  # of the sound ones, where there are any
LONGEST_NAME = 255  # bytes
GREY = (128, 128, 128)  # as far from every colour that the small model knows: it doubts it

# What is no photo, from a photo and its random numbers.
BROKEN: Mapping[str, Callable[[bytes], bytes]] = {
    "truncated": lambda photo: photo[: len(photo) * 2 // 3],
    "header only": lambda photo: photo[:12],
    "empty": lambda _: b"",
    "text": lambda photo: b"Dear refund department, " + hashlib.sha256(photo).hexdigest().encode(),
    "page": lambda photo: b"<!doctype html><title>404</title>" + hashlib.sha256(photo).digest(),
    "bomb": lambda photo: _png_header(60_000, 60_000) + hashlib.sha256(photo).digest(),
    "icon": lambda photo: (
        b"\0\0\1\0\1\0\x10\x10\0\0\1\0 \0h\4\0\0\x16\0\0\0" + hashlib.sha256(photo).digest()
    ),
    "layers": lambda photo: b"8BPS\0\1" + hashlib.sha256(photo).digest(),
    "noise": lambda photo: hashlib.sha512(photo).digest() * 8,
}

# What a photo may be called, by its number: bytes, as the file system has them.
NAMES: tuple[Callable[[int], bytes], ...] = (
    lambda n: b"IMG_%d.jpg" % n,
    lambda n: b"IMG_%d (2).jpg" % (n - n % 7),
    lambda n: b"a photo %d .jpeg" % n,
    lambda n: b"line\nfeed %d.png" % n,
    lambda n: b"caf\xe9 %d.jpg" % n,
    lambda n: b"\xff\xfe%d" % n,
    lambda n: b"-rf %d" % n,
    lambda n: "📷 подарок %d.heic".encode() % n,
    lambda n: b"%d" % n + b"x" * (LONGEST_NAME - 4 - len(b"%d" % n)) + b".jpg",
    lambda n: b"%d" % n + ("é" * 120).encode() + b".webp",
    lambda n: b"%d.tar.gz.jpg." % n,
    lambda n: b"_review %d" % n,
    lambda n: b"%d 'quoted\" \\ $HOME `id` %%s.gif" % n,
    lambda n: b"\x1b[31m%d.bmp" % n,
)


def fill(inbox: Path, count: int, seed: int) -> Counter[str]:
    """Fill an inbox, and a folder in it, with files; the sha256 of each, as often as it lies there."""
    numbers = random.Random(seed)
    folders = [os.fsencode(inbox), os.fsencode(inbox / "from the scanner")]
    os.makedirs(folders[1], exist_ok=True)
    contents: list[bytes] = []
    kinds = itertools.cycle(BROKEN.values())
    for number, sound in enumerate(_sound(numbers, count)):
        chance = numbers.random()
        if contents and chance < COPY_SHARE:
            content = numbers.choice(contents)
        elif chance < COPY_SHARE + BROKEN_SHARE:
            content = next(kinds)(sound)
        else:
            content = sound
        contents.append(content)
        # Numbers are used twice, so that a name lies in both folders and collides on the shelf.
        name = numbers.choice(NAMES)(number // 2)
        path = os.path.join(folders[number % 2], name)
        while os.path.exists(path):
            path = os.path.join(folders[number % 2], b"%d again.jpg" % numbers.randrange(1 << 40))
        with open(path, "wb") as file:
            file.write(content)
    return Counter(hashlib.sha256(content).hexdigest() for content in contents)


def _sound(numbers: random.Random, count: int) -> Iterator[bytes]:
    """Photos without end to their variety: real ones, and made ones in every format and mode."""
    real = sorted(REAL_PHOTOS.rglob("*.jpg"))
    numbers.shuffle(real)
    stores = list(STORES.values())
    for _ in range(count):
        if real and numbers.random() < REAL_SHARE:
            yield real.pop().read_bytes()
        else:
            yield numbers.choice(stores)(_picture(numbers))


def _picture(numbers: random.Random) -> Image.Image:
    """A colour that the small model knows, or doubts, with noise over it so that no two are the same."""
    draws = np.random.default_rng(numbers.randrange(1 << 32))
    width, height = numbers.randrange(24, 80), numbers.randrange(24, 80)
    colour = np.array(numbers.choice([*COLOURS.values(), GREY]), dtype=np.int16)
    noise = draws.integers(-numbers.choice((3, 120)), 4, (height, width, 3), dtype=np.int16)
    return Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8))


def _png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    checksum = zlib.crc32(header).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + header + checksum
