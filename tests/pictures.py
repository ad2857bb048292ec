"""Pictures that a test makes for itself, in every format and mode that people drop."""

import struct
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (220, 200, 30)
ORIENTATION = 0x0112

# How an upright picture is stored so that the EXIF orientation turns it upright again.
STORED: Mapping[int, Image.Transpose | None] = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters(width: int = 160, height: int = 120) -> Image.Image:
    """Red and green above blue and yellow."""
    picture = Image.new("RGB", (width, height))
    half_width, half_height = width // 2, height // 2
    for colour, at in (
        (RED, (0, 0)),
        (GREEN, (half_width, 0)),
        (BLUE, (0, half_height)),
        (YELLOW, (half_width, half_height)),
    ):
        picture.paste(colour, (*at, width, height))
    return picture


def texture(width: int = 160, height: int = 120) -> Image.Image:
    """A picture that does not compress to nothing, so that damage has something to hit."""
    draws = np.random.default_rng(7)
    coarse = draws.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def saved(picture: Image.Image, name: str, **options: Any) -> bytes:
    """A picture as a file's bytes."""
    file = BytesIO()
    if name == "HEIF":
        pillow_heif.encode(picture.mode, picture.size, picture.tobytes(), file, **options)
    else:
        picture.save(file, name, **options)
    return file.getvalue()


def png16(samples: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits a channel, which Pillow reads but cannot write.

    Args:
        samples: uint16 [H, W, C], 0..65535; C is 2 (grey and opacity), 3 (RGB) or 4 (RGB and opacity).
    """

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    height, width, channels = samples.shape
    colour_type = {2: 4, 3: 2, 4: 6}[channels]
    rows = samples.astype(">u2").reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


# A name for each way to store the same picture, and how; all keep its colours but for compression.
STORES: Mapping[str, Callable[[Image.Image], bytes]] = {
    "jpeg": lambda picture: saved(picture, "JPEG", quality=95),
    "jpeg progressive": lambda picture: saved(picture, "JPEG", quality=95, progressive=True),
    "jpeg cmyk": lambda picture: saved(picture.convert("CMYK"), "JPEG", quality=95),
    "png": lambda picture: saved(picture, "PNG"),
    "png palette": lambda picture: saved(picture.quantize(), "PNG"),
    "png opaque": lambda picture: saved(picture.convert("RGBA"), "PNG"),
    "png 16 bit": lambda picture: png16(np.asarray(picture).astype(np.uint16) * 257),
    "gif": lambda picture: saved(picture, "GIF"),
    "bmp": lambda picture: saved(picture, "BMP"),
    "bmp palette": lambda picture: saved(picture.quantize(), "BMP"),
    "webp": lambda picture: saved(picture, "WEBP", quality=95),
    "webp lossless": lambda picture: saved(picture.convert("RGBA"), "WEBP", lossless=True),
    "tiff": lambda picture: saved(picture, "TIFF"),
    "tiff lzw": lambda picture: saved(picture, "TIFF", compression="tiff_lzw"),
    "tiff deflate": lambda picture: saved(picture, "TIFF", compression="tiff_deflate"),
    "tiff jpeg": lambda picture: saved(picture, "TIFF", compression="jpeg", quality=95),
    "tiff cmyk": lambda picture: saved(picture.convert("CMYK"), "TIFF"),
    "tiff palette": lambda picture: saved(picture.quantize(), "TIFF"),
    "avif": lambda picture: saved(picture, "AVIF", quality=95),
    "avif opaque": lambda picture: saved(picture.convert("RGBA"), "AVIF", quality=95),
    "heic": lambda picture: saved(picture, "HEIF", quality=95),
    "heic opaque": lambda picture: saved(picture.convert("RGBA"), "HEIF", quality=95),
}


def large(side: int = 9000) -> bytes:
    """A photo of one colour that takes a second to decode, and `side`² × 3 bytes."""
    file = BytesIO()
    Image.new("RGB", (side, side), "red").save(file, "PNG", compress_level=1)
    return file.getvalue()
