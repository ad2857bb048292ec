"""Every hostile picture is answered, with pixels or a reason, within its bounds of time and memory.

They are decoded behind the fence, with the limits as shipped but for less time and memory, as in the daemon.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
from hostile import FORMATS, NAMED, flips, truncations
from support import photo
from workbench import fence

from refundsorter.core.fault import ItemFault, Reason
from refundsorter.core.pixels import ImageLimits
from refundsorter.edges.fence import DecodeLimits, FencedDecoder

SIDE = 224
LIMITS = DecodeLimits(
    image=ImageLimits(max_bytes=100 << 20, max_pixels=200_000_000, min_side=16),
    cpu_s=10.0,
    memory_bytes=1 << 30,
)
DECODED = "decoded"
# What becomes of those whose end is not plain from their being broken.
ENDS = {
    "PNG bomb": Reason.TOO_MANY_PIXELS,
    "PNG of all pixels that are allowed": DECODED,
    "PNG, 20,000 wide and 1 high": Reason.TOO_SMALL,
    "PNG, 20,000 wide and 20 high": DECODED,
    "GIF of 10,000 frames": DECODED,
    "GIF of a large canvas": Reason.TOO_MANY_PIXELS,
    "JPEG that says it is large": Reason.TOO_MANY_PIXELS,
    "JPEG with EXIF that is a loop": DECODED,
    "JPEG with EXIF of absurd counts": DECODED,
    "JPEG with random EXIF": DECODED,
    "JPEG with a random profile": DECODED,
    "WebP as large as can be": Reason.TOO_MANY_PIXELS,
    "GIF that is a script": DECODED,
    "JPEG that is an archive": DECODED,
    **dict.fromkeys((name for name in NAMED if "moves" in name or "pages" in name), DECODED),
}


@pytest.fixture(scope="module")
def decoder() -> FencedDecoder:
    """One decoder for all: what one picture does to it is the next one's trouble."""
    return FencedDecoder(fence(), limits=LIMITS, input_size=SIDE)


def ends(decoder: FencedDecoder, pictures: Iterable[bytes]) -> list[str]:
    """What becomes of pictures that are shown together; anything but pixels or a reason fails."""
    shown = list(pictures)
    out = np.empty((len(shown), SIDE, SIDE, 3), np.uint8)
    found = [one.outcome for one in decoder.decode(shown, out)]
    return [one.reason if isinstance(one, ItemFault) else DECODED for one in found]


def answered(decoder: FencedDecoder, pictures: Iterable[bytes]) -> Counter[str]:
    """What became of many; none may have needed the fence, and the decoder still decodes."""
    found = Counter(ends(decoder, pictures))
    assert not found.keys() & {Reason.CRASHED, Reason.TIMED_OUT, Reason.TOO_MUCH_MEMORY}
    assert ends(decoder, [photo("red")]) == [DECODED]
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_photos_cut_anywhere_are_answered(decoder: FencedDecoder, form: str) -> None:
    """Cut at every 64th byte, hardly any is taken for whole."""
    found = answered(decoder, truncations(form))
    assert found[DECODED] <= 1, found


@pytest.mark.parametrize("form", FORMATS)
def test_photos_with_flipped_bits_are_answered(decoder: FencedDecoder, form: str) -> None:
    """Whichever bits are turned over, the answer is pixels or a reason."""
    assert answered(decoder, flips(form, seed=1, count=150)).total() == 150


@pytest.mark.parametrize("name", NAMED)
def test_a_hostile_picture_is_answered(decoder: FencedDecoder, name: str) -> None:
    """Within time and memory, and the next photo is decoded."""
    end, after = ends(decoder, [NAMED[name](), photo("red")])
    assert end == ENDS.get(name, end)
    assert end not in (Reason.CRASHED, Reason.TIMED_OUT)
    assert after == DECODED
