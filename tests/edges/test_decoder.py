import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from pictures import (
    BLUE,
    GREEN,
    ORIENTATION,
    RED,
    STORED,
    STORES,
    YELLOW,
    png16,
    quarters,
    saved,
    texture,
)
from PIL import Image

from refundsorter.core.fault import ItemFault, Reason
from refundsorter.core.pixels import ImageInfo, ImageLimits
from refundsorter.core.sniff import Format
from refundsorter.edges.decoder import Decoder

SIDE = 64
LIMITS = ImageLimits(max_bytes=10_000_000, max_pixels=30_000_000, min_side=16)


def decoded(data: bytes, side: int = SIDE) -> tuple[ImageInfo, NDArray[np.uint8]]:
    """What the decoder makes of a file: its facts, and uint8 [side, side, 3]."""
    out = np.zeros((side, side, 3), np.uint8)
    return Decoder(limits=LIMITS, input_size=side).decode(data, out), out


def reason_of(data: bytes, limits: ImageLimits = LIMITS) -> Reason:
    """Why the decoder refuses a file; the pixels must be left as they were."""
    out = np.full((SIDE, SIDE, 3), 99, np.uint8)
    with pytest.raises(ItemFault) as caught:
        Decoder(limits=limits, input_size=SIDE).decode(data, out)
    assert (out == 99).all()
    return caught.value.reason


def assert_quarters(pixels: NDArray[np.uint8], tolerance: int = 40) -> None:
    """Red and green above blue and yellow, in the middle of each quarter."""
    near, far = SIDE // 4, 3 * SIDE // 4
    for colour, row, column in ((RED, near, near), (GREEN, near, far), (BLUE, far, near), (YELLOW, far, far)):
        assert np.abs(pixels[row, column].astype(int) - colour).max() <= tolerance


@pytest.mark.parametrize("store", STORES)
def test_every_format_gives_the_same_picture(store: str) -> None:
    """However a picture is stored, its colours arrive in their places, with its size and format."""
    info, pixels = decoded(STORES[store](quarters()))
    assert_quarters(pixels)
    assert (info.width, info.height) == (160, 120)
    named = store.split(maxsplit=1)[0].upper()
    assert info.format is Format("HEIF" if named == "HEIC" else named)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_photos_are_turned_upright(name: str, orientation: int) -> None:
    """Each EXIF orientation is undone, and the size told is the one a person sees."""
    turn = STORED[orientation]
    picture = quarters() if turn is None else quarters().transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    info, pixels = decoded(saved(picture, name, exif=exif.tobytes()))
    assert_quarters(pixels)
    assert (info.width, info.height) == (160, 120)


def test_an_orientation_told_by_xmp_counts() -> None:
    """Programs that write XMP only are heeded too."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    _, pixels = decoded(saved(quarters().transpose(Image.Transpose.ROTATE_180), "JPEG", xmp=xmp))
    assert_quarters(pixels)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
def test_absurd_metadata_is_no_fault(exif: bytes) -> None:
    """A good photo with damaged EXIF is taken as upright."""
    _, pixels = decoded(saved(quarters(), "JPEG", exif=exif))
    assert_quarters(pixels)


@pytest.mark.parametrize(("width", "height"), [(300, 100), (100, 300), (1200, 400), (192, 64), (64, 192)])
@pytest.mark.parametrize("name", ["PNG", "JPEG"])
def test_the_whole_photo_is_seen(width: int, height: int, name: str) -> None:
    """Whatever its proportions, a photo is seen up to its corners: nothing is cut off, nothing added."""
    _, pixels = decoded(saved(quarters(width, height), name, quality=95))
    assert_quarters(pixels)
    for colour, row, column in ((RED, 0, 0), (GREEN, 0, -1), (BLUE, -1, 0), (YELLOW, -1, -1)):
        assert np.abs(pixels[row, column].astype(int) - colour).max() <= 40


def test_a_photo_of_the_right_size_is_not_touched() -> None:
    """A picture of exactly the input's size arrives pixel for pixel."""
    picture = texture(SIDE, SIDE)
    _, pixels = decoded(saved(picture, "PNG"))
    assert np.array_equal(pixels, np.asarray(picture))


def test_small_photos_are_enlarged() -> None:
    """A photo smaller than the input is scaled up to it."""
    info, pixels = decoded(saved(quarters(40, 30), "PNG"))
    assert_quarters(pixels)
    assert (info.width, info.height) == (40, 30)


@pytest.mark.parametrize("store", ["jpeg", "png"])
def test_scaled_decoding_looks_like_full_decoding(store: str) -> None:
    """The short cuts for large photos change no pixel by more than the eye would forgive."""
    picture = texture().resize((1600, 1200), Image.Resampling.BICUBIC)
    _, pixels = decoded(STORES[store](picture), 224)
    full = picture.resize((224, 224), Image.Resampling.BILINEAR)
    assert np.abs(pixels.astype(int) - np.asarray(full)).mean() < 2


@pytest.mark.parametrize("mode", ["1", "L", "I;16"])
def test_grey_photos_keep_their_greys(mode: str) -> None:
    """One bit, eight bits and sixteen bits of grey span black to white alike."""
    half = np.zeros((100, 100), np.uint8)
    half[:, 50:] = 255
    grey = Image.fromarray(half.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(half)
    picture = grey if mode == "I;16" else grey.convert(mode)
    _, pixels = decoded(saved(picture, "PNG"))
    assert (pixels[:, : SIDE // 4] == 0).all()
    assert (pixels[:, 3 * SIDE // 4 :] == 255).all()


def test_sixteen_bit_middle_grey_is_middle_grey() -> None:
    """Sixteen bits are scaled to eight, not clipped."""
    _, pixels = decoded(saved(Image.fromarray(np.full((80, 80), 0x8000, np.uint16)), "TIFF"))
    assert (pixels == 0x80).all()


def test_inks_without_adobes_mark_are_not_inverted() -> None:
    """A CMYK JPEG of a program that does not invert its inks has the right colours."""
    inverted = Image.fromarray(255 - np.asarray(quarters().convert("CMYK")), "CMYK")
    data = saved(inverted, "JPEG", quality=95)
    at = data.index(b"\xff\xee\x00\x0eAdobe")
    _, pixels = decoded(data[:at] + data[at + 16 :])
    assert_quarters(pixels)


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_transparency_lies_over_white(name: str) -> None:
    """What is fully transparent is white, what is half so is half way to white."""
    samples = np.zeros((100, 100, 4), np.uint8)
    samples[..., 0] = 200
    samples[:, 50:, 3] = 128
    options = {"lossless": True} if name == "WEBP" else {}
    _, pixels = decoded(saved(Image.fromarray(samples), name, **options))
    assert np.abs(pixels[:, : SIDE // 4].astype(int) - 255).max() <= 3
    assert np.abs(pixels[:, 3 * SIDE // 4 :].astype(int) - (227, 127, 127)).max() <= 4


@pytest.mark.parametrize("mode", ["LA", "RGB", "L", "P", "1"])
def test_every_kind_of_transparency_is_seen(mode: str) -> None:
    """Grey with opacity, a transparent colour and a transparent palette entry all show the paper."""
    half = np.zeros((100, 100), np.uint8)
    half[:, 50:] = 255
    grey = Image.fromarray(half)
    if mode == "LA":
        picture = Image.merge("LA", (Image.new("L", (100, 100)), grey))
        data = saved(picture, "PNG")
        _, pixels = decoded(data)
        assert (pixels[:, : SIDE // 4] == 255).all()
        assert (pixels[:, 3 * SIDE // 4 :] == 0).all()
        return
    key = (0, 0, 0) if mode == "RGB" else 0
    _, pixels = decoded(saved(grey.convert(mode), "PNG", transparency=key))
    assert (pixels == 255).all()


def test_sixteen_bit_transparency_is_seen() -> None:
    """A 16-bit RGBA PNG is laid over white."""
    _, pixels = decoded(png16(np.zeros((64, 64, 4), np.uint16)))
    assert (pixels == 255).all()


def test_hidden_colours_do_not_bleed() -> None:
    """The black that lies under full transparency does not darken the edge of what is seen."""
    samples = np.zeros((400, 400, 4), np.uint8)
    samples[:, ::7] = (255, 0, 0, 255)
    _, pixels = decoded(saved(Image.fromarray(samples), "PNG"))
    assert (pixels[..., 0] >= 254).all()


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_first_frame_is_the_photo(name: str) -> None:
    """Of an animation or a many-page file the first picture counts."""
    others = [Image.new("RGB", (160, 120), BLUE)] * 2
    _, pixels = decoded(saved(quarters(), name, save_all=True, append_images=others))
    assert_quarters(pixels)


def test_a_phones_thumbnail_may_stand_for_its_photo() -> None:
    """A HEIC that carries a small copy of itself is seen as the photo, with the photo's own size."""
    file = BytesIO()
    photo = pillow_heif.from_pillow(quarters(1200, 900))
    photo[0].info["thumbnails"] = [320]
    photo.save(file)
    info, pixels = decoded(file.getvalue())
    assert_quarters(pixels)
    assert (info.width, info.height) == (1200, 900)


def test_several_photos_in_one_jpeg_are_one_photo() -> None:
    """Phones append depth maps and films to a JPEG; the photo is the first."""
    data = saved(quarters(), "MPO", save_all=True, append_images=[Image.new("RGB", (160, 120))])
    info, pixels = decoded(data + b"\0\0\0\x18ftypmp42" + bytes(500))
    assert_quarters(pixels)
    assert info.format is Format.JPEG


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"Dear sirs, the laptop arrived broken." * 20, Reason.NOT_AN_IMAGE),
        (saved(quarters(), "ICO"), Reason.UNSUPPORTED_FORMAT),
        (saved(quarters(), "PDF"), Reason.UNSUPPORTED_FORMAT),
        (saved(quarters(), "JPEG2000"), Reason.UNSUPPORTED_FORMAT),
        (saved(Image.fromarray(np.zeros((64, 64), np.float32)), "TIFF"), Reason.UNSUPPORTED_FORMAT),
        (saved(quarters(400, 15), "PNG"), Reason.TOO_SMALL),
    ],
    ids=["empty", "text", "icon", "pdf", "jpeg 2000", "float", "thin"],
)
def test_what_is_no_photo_is_refused_with_its_reason(data: bytes, reason: Reason) -> None:
    """Each kind of file that is no photo has its own reason."""
    assert reason_of(data) is reason


def test_a_file_over_the_limit_is_not_looked_into() -> None:
    """One byte more than allowed is too large, whatever it holds."""
    data = saved(quarters(), "PNG")
    limits = ImageLimits(max_bytes=len(data) - 1, max_pixels=30_000_000, min_side=16)
    assert reason_of(data, limits) is Reason.TOO_LARGE


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_a_bomb_is_known_by_its_header(name: str) -> None:
    """A picture of too many pixels is refused for its size even with its pixels cut off: before decoding."""
    picture = Image.new("RGB", (800, 800))
    data = saved(picture, name)
    limits = ImageLimits(max_bytes=10_000_000, max_pixels=799 * 800, min_side=16)
    whole = name in {
        "WEBP",
        "AVIF",
        "HEIF",
        "TIFF",
    }  # their headers point to the end, and need it to be there
    assert reason_of(data if whole else data[: len(data) // 2], limits) is Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("name", ["GIF", "WEBP"])
def test_a_bomb_over_pillows_own_limit_is_the_same_fault(name: str) -> None:
    """Where Pillow notices a bomb first, the reason is no other."""
    data = bytearray(saved(quarters(), name, **({"lossless": True} if name == "WEBP" else {})))
    if name == "GIF":
        at = data.index(b"\x2c") + 5  # the sides of the first frame
        data[at : at + 4] = b"\xff\xff\xff\xff"
    else:
        data[21:25] = b"\xff\xff\xff\x0f"  # 14 bits for each side
    assert reason_of(bytes(data)) is Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("store", STORES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_torn_photo_is_truncated(store: str) -> None:
    """A picture that ends after any part of its bytes is told to be truncated, not merely damaged."""
    data = STORES[store](texture())
    for part in range(1, 10):
        assert reason_of(data[: 20 + (len(data) - 20) * part // 10]) is Reason.TRUNCATED


@pytest.mark.parametrize("store", STORES)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_photo_harms_only_itself(store: str) -> None:
    """Whatever is changed in a picture, it is decoded or refused with a reason; nothing else is raised."""
    whole = STORES[store](texture())
    draws = random.Random(store)
    decoder = Decoder(limits=LIMITS, input_size=SIDE)
    out = np.empty((SIDE, SIDE, 3), np.uint8)
    reasons = set()
    for reach in [64, 400, len(whole)] * 20:
        data = bytearray(whole)
        for _ in range(draws.choice((1, 2, 8))):
            data[draws.randrange(min(reach, len(data)))] = draws.randrange(256)
        try:
            decoder.decode(bytes(data), out)
        except ItemFault as fault:
            reasons.add(fault.reason)
    assert reasons <= set(Reason)


def test_damage_is_told_from_truncation() -> None:
    """A PNG with a wrong checksum that does reach its end is corrupt."""
    data = bytearray(saved(texture(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert reason_of(bytes(data)) is Reason.CORRUPT


def test_threads_may_share_one_decoder() -> None:
    """Photos of every format decoded by four threads at once come out as by one."""
    files = [store(texture()) for store in STORES.values()] * 3
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda data: decoded(data)[1], files))
    for data, pixels in zip(files, together, strict=True):
        assert np.array_equal(pixels, decoded(data)[1])


def test_what_is_not_needed_is_not_loaded() -> None:
    """A JPEG is decoded without the HEIF library, which the first HEIC loads."""
    program = (
        "import sys, numpy as np\n"
        "from refundsorter.core.pixels import ImageLimits\n"
        "from refundsorter.edges.decoder import Decoder\n"
        "limits = ImageLimits(max_bytes=10**7, max_pixels=10**7, min_side=1)\n"
        "decoder = Decoder(limits=limits, input_size=64)\n"
        "out = np.empty((64, 64, 3), np.uint8)\n"
        "data = sys.stdin.buffer.read()\n"
        "decoder.decode(data, out)\n"
        "print('pillow_heif' in sys.modules)\n"
    )

    def loaded_for(data: bytes) -> bytes:
        answer = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True)
        return answer.stdout.strip()

    assert loaded_for(saved(quarters(), "JPEG")) == b"False"
    assert loaded_for(saved(quarters(), "HEIF")) == b"True"


def test_the_same_bytes_always_give_the_same_pixels() -> None:
    """Decoding has no memory: a photo between two others is the same photo."""
    photo, other = saved(texture(), "JPEG"), saved(quarters(), "GIF")
    first = decoded(photo)[1]
    decoded(other)
    assert np.array_equal(decoded(photo)[1], first)
