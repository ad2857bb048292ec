from io import BytesIO

import pytest
from PIL import Image

from refundsorter.core.fault import ItemFault
from refundsorter.core.pixels import ImageLimits
from refundsorter.edges.thumbnail import thumbnail

LIMITS = ImageLimits(max_bytes=1 << 20, max_pixels=1 << 22, min_side=8)


def photo(size: tuple[int, int], orientation: int = 1) -> bytes:
    """A photo, its left half red and its right half blue, as the file holds it."""
    picture = Image.new("RGB", size, (255, 0, 0))
    picture.paste((0, 0, 255), (size[0] // 2, 0, *size))
    exif = picture.getexif()
    exif[0x0112] = orientation
    out = BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.mark.parametrize(
    ("size", "small"), [((400, 100), (100, 25)), ((30, 60), (50, 100)), ((8, 900), (1, 100))]
)
def test_a_thumbnail_keeps_the_proportions(size: tuple[int, int], small: tuple[int, int]) -> None:
    """Its longer side is as long as was asked for, the other in proportion, and it is a JPEG of that size."""
    made = thumbnail(photo(size), side=100, limits=LIMITS)
    picture = Image.open(BytesIO(made.jpeg))
    assert ((made.width, made.height), picture.size, picture.format) == (small, small, "JPEG")


def test_a_thumbnail_is_upright() -> None:
    """A photo that is to be turned a quarter clockwise has its left half on top."""
    made = thumbnail(photo((80, 40), orientation=6), side=40, limits=LIMITS)
    picture = Image.open(BytesIO(made.jpeg)).convert("RGB")
    assert picture.size == (20, 40)
    top, bottom = picture.getpixel((10, 5)), picture.getpixel((10, 35))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 200
    assert bottom[0] < 50


def test_a_broken_photo_has_none() -> None:
    """What serving would reject is a fault here too."""
    with pytest.raises(ItemFault):
        thumbnail(photo((80, 40))[:200], side=40, limits=LIMITS)
