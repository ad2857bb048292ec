"""Turns the bytes of a photo into the pixels that the model sees: the only user of Pillow.

The format is sniffed from the content and its one Pillow plugin is called directly, so no other parser ever
sees the bytes; the size is checked from the header before a pixel is decoded; JPEGs are decoded at the
smallest scale that still covers the model's input; colours and orientation are settled after scaling, on a
small picture. Training makes its arrays with this same class, so training and serving cannot differ.

The whole photo is scaled to the square, out of proportion where it is not square: on photos of shops never
seen, judged by their nearest neighbours in ImageNet features, this was right at least as often as the centred
square was, which loses what lies at the ends, and level with white bars.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from refundsorter.core.fault import ItemFault, Reason
from refundsorter.core.pixels import (
    UPRIGHT,
    ImageInfo,
    ImageLimits,
    check_bytes,
    check_sides,
    displayed,
)
from refundsorter.core.sniff import Format, ends_early, sniff

# Imported when the first such photo comes: pillow_heif alone costs 12 MiB and 0.1 s.
_PLUGINS = {
    Format.JPEG: ("PIL.JpegImagePlugin", "JpegImageFile"),
    Format.PNG: ("PIL.PngImagePlugin", "PngImageFile"),
    Format.GIF: ("PIL.GifImagePlugin", "GifImageFile"),
    Format.BMP: ("PIL.BmpImagePlugin", "BmpImageFile"),
    Format.WEBP: ("PIL.WebPImagePlugin", "WebPImageFile"),
    Format.TIFF: ("PIL.TiffImagePlugin", "TiffImageFile"),
    Format.AVIF: ("PIL.AvifImagePlugin", "AvifImageFile"),
    Format.HEIF: ("pillow_heif", "HeifImageFile"),
}

# Where Pillow keeps what may state an orientation; a photo without any of them is spared the parsing.
_ORIENTATION_SOURCES = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"})
_ORIENTATION_TAG = 0x0112  # CIPA DC-008
_UPRIGHTING = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# These two decoders turn the picture upright themselves.
_UPRIGHT_BY_ITSELF = frozenset({Format.TIFF, Format.HEIF})

# Pre-shrinking by whole factors, before the exact filter: from 3.0 on Pillow documents no visible difference.
_REDUCING_GAP = 3.0

# What damaged content makes Pillow and its plugins raise. The first line was seen under truncations and
# random damage; the others are what parsing hostile numbers can raise in Python, zlib, or an allocation.
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, RuntimeError),
    *(struct.error, zlib.error, LookupError, TypeError, ArithmeticError),
)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def be_lenient() -> None:
    """From now on in this process, take what is there of a picture whose end is missing."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True


class Decoder:
    """Decodes photos to the model's input; it holds no state, any number of threads may share one.

    Args:
        limits: What a photo must keep to be decoded.
        input_size: Pixels of each side of the model's input.
    """

    def __init__(self, *, limits: ImageLimits, input_size: int = 224) -> None:
        self._limits = limits
        self._size = input_size

    def decode(self, data: bytes, out: NDArray[np.uint8]) -> ImageInfo:
        """Decode one photo: upright, the whole of it scaled to the input, over white where transparent.

        Args:
            data: The whole file.
            out: uint8 [input_size, input_size, 3], RGB, 0..255: filled in place; left alone on a fault.

        Returns:
            What the photo is.

        Raises:
            ItemFault: The photo cannot be used, with the reason.
        """
        check_bytes(len(data), self._limits)
        found = sniff(data)
        with _faults(found, data):
            picture = _open(found, data)
            check_sides(*picture.size, self._limits)
            width, height = picture.size
            picture.draft(None, (self._size, self._size))
            picture.load()
            orientation = UPRIGHT if found in _UPRIGHT_BY_ITSELF else _orientation(picture)
            pixels = _pixels(picture, self._size, orientation)
        out[...] = pixels
        width, height = displayed(width, height, orientation)
        return ImageInfo(width=width, height=height, format=found)


@contextmanager
def _faults(found: Format, data: bytes) -> Iterator[None]:
    """Turn what a decoder raises over one photo's content into that photo's fault.

    Args:
        found: The photo's format.
        data: The whole file.

    Raises:
        ItemFault: In place of anything that damaged content makes Pillow raise.
    """
    try:
        yield
    except _BOMB as error:
        raise ItemFault(Reason.TOO_MANY_PIXELS, str(error)) from error
    except MemoryError as error:
        raise ItemFault(Reason.TOO_MUCH_MEMORY, f"{found}: decoding it needs more than is allowed") from error
    except _DAMAGE as error:
        reason = Reason.TRUNCATED if ends_early(found, data) else Reason.CORRUPT
        raise ItemFault(reason, f"{found}: {str(error) or type(error).__name__}") from error


def _open(found: Format, data: bytes) -> ImageFile.ImageFile:
    """Read a picture's header with the one plugin for its format.

    `PIL.Image.open` would hide why a header was refused, and let several plugins try.
    """
    module, name = _PLUGINS[found]
    picture: ImageFile.ImageFile = getattr(import_module(module), name)(BytesIO(data))
    if found is Format.JPEG:
        # One call into the decoder for the whole photo: each one more may wait for the interpreter's lock.
        picture.decodermaxblock = len(data)
    return picture


def _orientation(picture: Image.Image) -> int:
    """Read how a loaded picture is to be turned; absurd metadata is no reason to refuse a good photo.

    Returns:
        The EXIF orientation, 1 (upright) to 8.
    """
    if _ORIENTATION_SOURCES.isdisjoint(picture.info):
        return UPRIGHT
    try:
        orientation = picture.getexif().get(_ORIENTATION_TAG, UPRIGHT)
    except _DAMAGE:
        return UPRIGHT
    return orientation if orientation in _UPRIGHTING else UPRIGHT


def _pixels(picture: Image.Image, size: int, orientation: int) -> NDArray[np.uint8]:
    """Scale a loaded picture, then settle its colours and turn it upright.

    Args:
        picture: Any mode that Pillow has.
        size: Pixels of each side wanted.
        orientation: EXIF, 1 to 8.

    Returns:
        uint8 [size, size, 3], RGB, 0..255.

    Raises:
        ItemFault: Its samples are neither 8 nor 16 bit whole numbers.
        ValueError: Pillow cannot convert its colours.
    """
    small = _scaled(_scalable(picture), size)
    if orientation != UPRIGHT:
        small = small.transpose(_UPRIGHTING[orientation])
    if small.mode == "RGBa":
        return _over_white(np.asarray(small))
    return np.asarray(small if small.mode == "RGB" else small.convert("RGB"))


def _scalable(picture: Image.Image) -> Image.Image:
    """Bring a picture to a mode in which neighbouring pixels may be averaged.

    Raises:
        ItemFault: Its samples are 32 bit: what black and white are in it is anybody's guess.
    """
    mode = picture.mode
    if mode == "RGB" and "transparency" not in picture.info:
        return picture
    if mode.startswith("I;16"):
        # Pillow's own conversion clips to 255 instead of scaling.
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if mode in ("I", "F"):
        raise ItemFault(Reason.UNSUPPORTED_FORMAT, "32-bit samples are no photo's")
    if picture.has_transparency_data:
        # Colours weighted by their opacity, so that hidden colours do not bleed over edges.
        return picture.convert("RGBA").convert("RGBa")
    if mode == "CMYK" and picture.format == "JPEG" and "adobe" not in picture.info:
        # Pillow inverts every JPEG's inks as Adobe's programs store them; other programs do not.
        return picture.point(lambda ink: 255 - ink)
    if mode == "1":
        return picture.convert("L")
    return picture.convert("RGB") if mode == "P" else picture


def _scaled(picture: Image.Image, size: int) -> Image.Image:
    """Scale a picture to a square; one of that size is left as it is."""
    if picture.size == (size, size):
        return picture
    return picture.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP)


def _over_white(premultiplied: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a transparent picture on white paper.

    Args:
        premultiplied: uint8 [H, W, 4]: red, green, blue, each already weighted by the opacity that follows.

    Returns:
        uint8 [H, W, 3], RGB, 0..255.
    """
    colours, opacity = premultiplied[..., :3], premultiplied[..., 3:]
    return colours + (255 - opacity)
