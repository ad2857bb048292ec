"""Tells what a file is from its first bytes, and whether a picture stops before its own format says it ends.

The name of a file says nothing: phones, shares and mail programs rename freely. Nothing is decoded here, so
no content can do harm; every function is total over arbitrary bytes.
"""

import struct
from collections.abc import Callable, Mapping
from enum import StrEnum

from refundsorter.core.fault import ItemFault, Reason


class Format(StrEnum):
    """The picture formats that are decoded: a closed list."""

    JPEG = "JPEG"
    PNG = "PNG"
    GIF = "GIF"
    BMP = "BMP"
    WEBP = "WEBP"
    TIFF = "TIFF"
    AVIF = "AVIF"
    HEIF = "HEIF"  # HEIC is HEIF with HEVC inside


# Signatures as their standards give them; each begins the file.
_ALLOWED = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),  # BigTIFF
    (b"MM\0+", Format.TIFF),
)

# Pictures and documents that people do drop, named so that the journal can say what they were.
_REFUSED = (
    (b"%PDF-", "PDF"),
    (b"8BPS", "Photoshop"),
    (b"\0\0\1\0", "Windows icon"),
    (b"\0\0\2\0", "Windows cursor"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"II*\0\x10\0\0\0CR", "Canon raw"),
    (b"FUJIFILMCCD-RAW", "Fujifilm raw"),
    (b"IIU\0", "Panasonic raw"),
    (b"IIRO", "Olympus raw"),
    (b"IIRS", "Olympus raw"),
    (b"<svg", "SVG"),
    (b"%!PS-Adobe", "PostScript"),
    (b"\xd7\xcd\xc6\x9a", "Windows metafile"),
    (b"gimp xcf", "GIMP"),
    (b"icns", "Apple icon"),
    (b"DDS ", "DirectDraw surface"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance"),
    (b"qoif", "QOI"),
    (b"P4\n", "portable bitmap"),
    (b"P5\n", "portable bitmap"),
    (b"P6\n", "portable bitmap"),
    (b"AT&TFORM", "DjVu"),
)

# The sizes of the header that follows a BMP's file header, one a version of Windows or OS/2: "BM" alone also
# begins many a text.
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

# ISO base media files name the "brands" they follow (ISO/IEC 23008-12 for HEIF, AV1 Image File Format).
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_CONTAINER_BRANDS = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
_CANON_BRAND = b"crx "

_JPEG_SCAN = 0xDA
_JPEG_END = b"\xff\xd9"
_JPEG_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xD9), 0xFF})  # markers without a length, and padding
_TIFF_PAIRS = ((273, 279), (324, 325))  # tags of the offsets and byte counts of strips, and of tiles
_TIFF_PARTS = frozenset(tag for pair in _TIFF_PAIRS for tag in pair)
_TIFF_INTEGERS = {3: "H", 4: "I"}  # field types SHORT and LONG, as struct names them


def sniff(data: bytes) -> Format:
    """Say which of the allowed formats some content has.

    Args:
        data: The whole file, or at least its first 256 bytes.

    Returns:
        The format.

    Raises:
        ItemFault: It is a picture of another kind (`UNSUPPORTED_FORMAT`), or none (`NOT_AN_IMAGE`).
    """
    for signature, name in _REFUSED:
        if data.startswith(signature):
            raise ItemFault(Reason.UNSUPPORTED_FORMAT, f"{name} is not a photo format that is sorted")
    for signature, found in _ALLOWED:
        if data.startswith(signature):
            return found
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return Format.BMP
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return Format.WEBP
    if data[4:8] == b"ftyp":
        return _sniff_brands(data)
    raise ItemFault(Reason.NOT_AN_IMAGE, "its content begins like no picture")


def _sniff_brands(data: bytes) -> Format:
    """Tell the pictures among ISO base media files; films are among them too.

    Raises:
        ItemFault: It is a raw photo (`UNSUPPORTED_FORMAT`), or no picture (`NOT_AN_IMAGE`).
    """
    major = data[8:12]
    brands = {major}
    if major in _CONTAINER_BRANDS:
        end = min(int.from_bytes(data[:4], "big"), 256)
        brands.update(data[at : at + 4] for at in range(16, end, 4))
    if brands & _AVIF_BRANDS:
        return Format.AVIF
    if brands & (_HEIC_BRANDS | _CONTAINER_BRANDS):
        return Format.HEIF
    if major == _CANON_BRAND:
        raise ItemFault(Reason.UNSUPPORTED_FORMAT, "Canon raw is not a photo format that is sorted")
    raise ItemFault(Reason.NOT_AN_IMAGE, "a film or another media file, not a picture")


def ends_early(found: Format, data: bytes) -> bool:
    """Say whether a picture's data stops before its own format says that it ends.

    It tells a torn photo from a damaged one after its decoding failed. It follows the lengths that the file
    states, so a damaged length may look like a missing end; it never decodes.

    Args:
        found: What `sniff` said.
        data: The whole file.

    Returns:
        True if its end is missing.
    """
    return _ENDS_EARLY[found](data)


def _jpeg_ends_early(data: bytes) -> bool:
    """Walk the segments to the first scan; entropy-coded data never holds an end marker by itself."""
    at = data.find(b"\xff", 2)
    while 0 < at < len(data) - 3:
        marker = data[at + 1]
        if marker == _JPEG_SCAN:
            return data.find(_JPEG_END, at) < 0
        if marker in _JPEG_BARE:
            at += 1
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        at = data.find(b"\xff", at)
    return True


def _png_ends_early(data: bytes) -> bool:
    """Walk the chunks: length, type, data, checksum."""
    at = 8
    while at + 12 <= len(data):
        if data[at + 4 : at + 8] == b"IEND":
            return False
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return True


def _gif_ends_early(data: bytes) -> bool:
    """Look for the trailer; some programs pad with zeros behind it."""
    return not data.rstrip(b"\0").endswith(b";")


def _bmp_ends_early(data: bytes) -> bool:
    """Compare with the size of the file that its header states."""
    return int.from_bytes(data[2:6], "little") > len(data)


def _webp_ends_early(data: bytes) -> bool:
    """Compare with the size of the RIFF chunk that holds everything after its own eight bytes."""
    return int.from_bytes(data[4:8], "little") + 8 > len(data)


def _boxes_end_early(data: bytes) -> bool:
    """Walk the outermost boxes: size (1: a longer one follows, 0: to the end of the file), type, content."""
    at = 0
    has_media = False
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            return False
        has_media |= data[at + 4 : at + 8] == b"mdat"
        at += max(size, 8)
    return at != len(data) or not has_media


def _tiff_ends_early(data: bytes) -> bool:
    """Look whether the first page's directory, or its last strip or tile, lies beyond the end."""
    if 43 in data[2:4]:  # noqa: PLR2004 - BigTIFF: too rare to be told apart here
        return False
    order = "<" if data[:1] == b"I" else ">"
    last: dict[int, int] = {}
    try:
        (at,) = struct.unpack_from(f"{order}I", data, 4)
        (entries,) = struct.unpack_from(f"{order}H", data, at)
        for entry in range(at + 2, at + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(f"{order}HHI", data, entry)
            if tag not in _TIFF_PARTS or kind not in _TIFF_INTEGERS or count == 0:
                continue
            layout = order + _TIFF_INTEGERS[kind]
            size = struct.calcsize(layout)
            place = entry + 8  # a value of four bytes lies in its entry, a longer one elsewhere
            if size * count > 4:  # noqa: PLR2004
                (place,) = struct.unpack_from(f"{order}I", data, place)
            (last[tag],) = struct.unpack_from(layout, data, place + size * (count - 1))
    except struct.error:
        return True
    return any(
        offsets in last and counts in last and last[offsets] + last[counts] > len(data)
        for offsets, counts in _TIFF_PAIRS
    )


_ENDS_EARLY: Mapping[Format, Callable[[bytes], bool]] = {
    Format.JPEG: _jpeg_ends_early,
    Format.PNG: _png_ends_early,
    Format.GIF: _gif_ends_early,
    Format.BMP: _bmp_ends_early,
    Format.WEBP: _webp_ends_early,
    Format.TIFF: _tiff_ends_early,
    Format.AVIF: _boxes_end_early,
    Format.HEIF: _boxes_end_early,
}
