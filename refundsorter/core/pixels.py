"""The size of a photo: as it is stored, as a person sees it, and within which limits.

Sizes are checked from the header, before any pixel is decoded, so a bomb costs nothing.
"""

from dataclasses import dataclass

from refundsorter.core.fault import ItemFault, PassingTrouble, Reason
from refundsorter.core.sniff import Format

# EXIF orientation (CIPA DC-008, tag 0x0112): 5 to 8 are stored turned by a quarter.
UPRIGHT = 1
_QUARTER_TURNS = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """What a photo must keep to be decoded at all."""

    max_bytes: int  # of the file as it lies there
    max_pixels: int  # width times height, as its header says
    min_side: int  # pixels of the shorter side


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """What a photo is, as a person sees it."""

    width: int  # pixels, after EXIF orientation
    height: int  # pixels, after EXIF orientation
    format: Format  # by its content, whatever its name says


@dataclass(frozen=True, slots=True)
class Decoded:
    """What decoding a photo came to."""

    outcome: ImageInfo | ItemFault | PassingTrouble  # what it is, or why it cannot be used, ever or now
    took_ms: float


def check_bytes(count: int, limits: ImageLimits) -> None:
    """Refuse a file by its size, before it is looked into (or even read).

    Args:
        count: Bytes of the file.
        limits: What is allowed.

    Raises:
        ItemFault: It is empty or has more bytes than allowed.
    """
    if count == 0:
        raise ItemFault(Reason.EMPTY, "the file has no bytes")
    if count > limits.max_bytes:
        raise ItemFault(Reason.TOO_LARGE, f"{count} bytes, at most {limits.max_bytes} are allowed")


def check_sides(width: int, height: int, limits: ImageLimits) -> None:
    """Refuse a photo by the size that its header states, before its pixels are decoded.

    Args:
        width: Pixels.
        height: Pixels.
        limits: What is allowed.

    Raises:
        ItemFault: It has more pixels than allowed, or its shorter side is too short.
    """
    if width * height > limits.max_pixels:
        raise ItemFault(
            Reason.TOO_MANY_PIXELS, f"{width}x{height}, at most {limits.max_pixels} pixels are allowed"
        )
    if min(width, height) < limits.min_side:
        raise ItemFault(
            Reason.TOO_SMALL, f"{width}x{height}, each side needs at least {limits.min_side} pixels"
        )


def displayed(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Say how large a stored picture is when it is shown upright.

    Args:
        width: Pixels as stored.
        height: Pixels as stored.
        orientation: The EXIF orientation, 1 to 8.

    Returns:
        (width, height) in pixels as displayed.
    """
    return (height, width) if orientation in _QUARTER_TURNS else (width, height)
