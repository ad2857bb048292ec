"""Pictures made to harm: bombs, absurd metadata, damage, and files that are two things at once.

Everything is made here, seeded. `decode` must answer each within its limits, with pixels or with a reason.
"""

import random
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping

from pictures import saved, texture
from PIL import Image

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "HEIF")
CUT_EVERY = 64  # bytes


def sound(form: str) -> bytes:
    """A small photo of a format, with enough in it for damage to hit."""
    picture = texture(96, 64)
    return saved(picture.convert("P") if form == "GIF" else picture, form)


def truncations(form: str) -> Iterator[bytes]:
    """A photo cut off at every 64th byte."""
    whole = sound(form)
    for length in range(CUT_EVERY, len(whole), CUT_EVERY):
        yield whole[:length]


def flips(form: str, seed: int, count: int) -> Iterator[bytes]:
    """A photo with one to eight bits turned over, half of the times near its beginning, where headers are."""
    draws, whole = random.Random(f"{form} {seed}"), sound(form)
    for _ in range(count):
        damaged = bytearray(whole)
        reach = draws.choice((min(256, len(whole)), len(whole)))
        for _ in range(draws.randint(1, 8)):
            damaged[draws.randrange(reach)] ^= 1 << draws.randrange(8)
        yield bytes(damaged)


def zeros(mib: int) -> bytes:
    """That many MiB of nothing, compressed."""
    return zlib.compress(bytes(mib << 20), 9)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(kind: bytes, content: bytes) -> bytes:
    """A sound PNG with one more chunk behind its header."""
    whole = sound("PNG")
    return whole[:33] + png_chunk(kind, content) + whole[33:]


def png_of(width: int, height: int, rows: bytes) -> bytes:
    """A grey PNG of a size, with that as its rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    )


def png_bomb() -> bytes:
    """A few hundred kilobytes that are 19,000² pixels, above the limit of pixels."""
    return png_of(19_000, 19_000, zlib.compress(bytes(19_001 * 2_000), 9))


def png_within_pixels() -> bytes:
    """As many pixels as are allowed, in two hundred kilobytes."""
    return png_of(14_000, 14_000, zlib.compress(bytes(14_001 * 14_000), 9))


def gif_frames() -> bytes:
    """Ten thousand frames, of which one counts."""
    whole = saved(texture(32, 32).convert("P"), "GIF")
    frame = whole[whole.index(b",") : -1]
    return whole[:-1] + frame * 10_000 + b";"


def gif_canvas() -> bytes:
    """A frame of a few pixels on a canvas of 65,535²."""
    whole = bytearray(saved(texture(32, 32).convert("P"), "GIF"))
    whole[6:10] = b"\xff" * 4
    return bytes(whole)


def tiff_tags() -> bytes:
    """A directory that counts four thousand million values, and points at itself."""
    entries = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 0xFFFFFFFF, 8), (273, 4, 0xFFFFFFFF, 8)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *one) for one in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 8)


def jpeg_scans() -> bytes:
    """A progressive JPEG whose last scan comes a thousand times."""
    whole = saved(texture(256, 256), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * 1_000 + whole[-2:]


def jpeg_sides() -> bytes:
    """A JPEG that says it has 65,500² pixels."""
    whole = bytearray(sound("JPEG"))
    at = whole.index(b"\xff\xc0")
    whole[at + 5 : at + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(whole)


def webp_sides() -> bytes:
    """A lossless WebP of one colour, as large as the format allows."""
    return saved(Image.new("RGB", (16_383, 16_383)), "WEBP", lossless=True, quality=0, method=0)


def box_sides(form: str) -> bytes:
    """A HEIF or AVIF whose header says 2³¹ pixels a side."""
    whole = sound(form)
    at = whole.index(b"ispe")
    return whole[: at + 8] + struct.pack(">II", 1 << 31, 1 << 31) + whole[at + 16 :]


def exif(content: bytes) -> bytes:
    """A JPEG with that as its EXIF."""
    return saved(texture(96, 64), "JPEG", exif=b"Exif\0\0" + content)


def exif_loop() -> bytes:
    """EXIF whose directory and sub-directory are each other."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    return exif(b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8))


def exif_counts() -> bytes:
    """EXIF whose orientation is four thousand million numbers."""
    entry = struct.pack("<HHII", 0x0112, 3, 0xFFFFFFFF, 8)
    return exif(b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0))


def webpage() -> bytes:
    """A GIF that is a script, too."""
    return b"GIF89a/*" + sound("GIF")[8:] + b"*/=1;alert(1)//<script>alert(1)</script>"


def archive() -> bytes:
    """A JPEG with an archive behind it."""
    return sound("JPEG") + b"PK\x05\x06" + bytes(18)


def animated(form: str) -> bytes:
    """Sixty pictures in one."""
    pictures = [texture(64, 64).rotate(6 * number) for number in range(60)]
    return saved(pictures[0], form, save_all=True, append_images=pictures[1:])


NAMED: Mapping[str, Callable[[], bytes]] = {
    "PNG bomb": png_bomb,
    "PNG of all pixels that are allowed": png_within_pixels,
    "PNG with a text of 64 MB": lambda: with_chunk(
        b"zTXt", b"Comment\0\0" + zlib.compress(bytes(64 << 20), 9)
    ),
    "PNG with a profile of 64 MB": lambda: with_chunk(b"iCCP", b"x\0\0" + zeros(64)),
    "PNG with XMP of nested tags": lambda: with_chunk(
        b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"<a>" * 100_000
    ),
    "PNG, 20,000 wide and 1 high": lambda: saved(Image.new("RGB", (20_000, 1)), "PNG"),
    "PNG, 20,000 wide and 20 high": lambda: saved(Image.new("RGB", (20_000, 20)), "PNG"),
    "GIF of 10,000 frames": gif_frames,
    "GIF of a large canvas": gif_canvas,
    "TIFF of absurd counts": tiff_tags,
    "JPEG of 1,000 scans": jpeg_scans,
    "JPEG that says it is large": jpeg_sides,
    "JPEG with EXIF that is a loop": exif_loop,
    "JPEG with EXIF of absurd counts": exif_counts,
    "JPEG with random EXIF": lambda: exif(random.Random(1).randbytes(60_000)),
    "JPEG with a random profile": lambda: saved(
        texture(96, 64), "JPEG", icc_profile=random.Random(2).randbytes(500_000)
    ),
    "WebP as large as can be": webp_sides,
    "HEIF that says it is large": lambda: box_sides("HEIF"),
    "AVIF that says it is large": lambda: box_sides("AVIF"),
    "GIF that is a script": webpage,
    "JPEG that is an archive": archive,
    "GIF that moves": lambda: animated("GIF"),
    "WebP that moves": lambda: animated("WEBP"),
    "AVIF that moves": lambda: animated("AVIF"),
    "PNG that moves": lambda: animated("PNG"),
    "TIFF of many pages": lambda: animated("TIFF"),
}
