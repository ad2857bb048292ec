"""Small pictures of photos, to be looked at by people: made by the decoder that serving uses."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from refundsorter.core.pixels import ImageInfo, ImageLimits
from refundsorter.edges.decoder import Decoder

QUALITY = 80  # of JPEG: nobody looks closer


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A small upright picture of a whole photo."""

    jpeg: bytes
    width: int  # pixels, in the photo's own proportions
    height: int


def thumbnail(data: bytes, *, side: int, limits: ImageLimits) -> Thumbnail:
    """Make a small picture of a photo.

    Args:
        data: The whole file.
        side: Of the square that the picture fits into, in pixels.
        limits: What the photo must keep to be decoded.

    Raises:
        ItemFault: The photo cannot be used, with the reason.
    """
    pixels = np.empty((side, side, 3), np.uint8)
    return drawn(pixels, Decoder(limits=limits, input_size=side).decode(data, pixels))


def drawn(pixels: NDArray[np.uint8], info: ImageInfo) -> Thumbnail:
    """Make a small picture of a photo that is decoded.

    Args:
        pixels: uint8 [side, side, 3], RGB, 0..255: the whole photo, squashed to a square as decoders give it.
        info: What the photo is.
    """
    side = len(pixels)
    scale = side / max(info.width, info.height)
    width, height = max(1, round(info.width * scale)), max(1, round(info.height * scale))
    out = BytesIO()
    # The decoder fills the square out of proportion; this gives it back its own.
    Image.fromarray(pixels).resize((width, height)).save(out, "JPEG", quality=QUALITY)
    return Thumbnail(jpeg=out.getvalue(), width=width, height=height)
