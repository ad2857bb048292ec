"""Which photos look alike: resized or re-encoded copies of each other.

A photo is reduced to the mean colours of a few blocks, and two photos are alike when these differ by little
beside the contrast that each has. A difference hash of the same blocks took hundreds of tubes and bottles on
white for each other, because most of its bits are the background's; and the colours it leaves out tell them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 8, 9  # blocks of a photo
SIDE = ROWS * COLUMNS  # pixels of the square that is cut into blocks: a whole number of pixels each

# How far blocks may differ, as a root mean square: relative to the lesser contrast (the standard deviation
# over a photo's blocks), and in levels of 0..255 for photos that hardly have any. Of 400 photos that were
# scaled to half their size and saved as JPEG of quality 60, 95 % stayed within it.
MAX_RELATIVE = 0.1
MAX_LEVELS = 1.0

CHUNK = 1024  # photos that are held against all others at a time


def blocks(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Average photos over blocks.

    Args:
        pixels: uint8 [N, SIDE, SIDE, 3], RGB, 0..255.

    Returns:
        float32 [N, ROWS * COLUMNS * 3], 0..255.
    """
    cut = pixels.reshape(-1, ROWS, SIDE // ROWS, COLUMNS, SIDE // COLUMNS, 3)
    mean: NDArray[np.float32] = cut.mean(axis=(2, 4), dtype=np.float32)
    return mean.reshape(len(pixels), ROWS * COLUMNS * 3)


def alike(averages: NDArray[np.float32], *, chunk: int = CHUNK) -> Iterator[tuple[int, int]]:
    """Find the pairs of photos that look alike.

    Args:
        averages: float32 [N, blocks and colours], 0..255.
        chunk: How many photos are held against all others at a time: bounds the memory.

    Yields:
        Pairs of indices, the smaller first, in order.
    """
    if not len(averages):
        return
    squares = (averages**2).mean(axis=1)
    contrast = averages.std(axis=1)
    for start in range(0, len(averages), chunk):
        some = slice(start, start + chunk)
        product = averages[some] @ averages.T / averages.shape[1]
        distance = np.sqrt(np.maximum(squares[some, None] + squares - 2 * product, 0))
        allowed = np.maximum(MAX_LEVELS, MAX_RELATIVE * np.minimum(contrast[some, None], contrast))
        for row, column in zip(*np.nonzero(distance <= allowed), strict=True):
            if start + row < column:
                yield start + int(row), int(column)
