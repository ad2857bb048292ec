import pytest
from hypothesis import given
from hypothesis import strategies as st

from refundsorter.core.fault import ItemFault, Reason
from refundsorter.core.sniff import Format, ends_early, sniff

HEADS = {
    Format.JPEG: b"\xff\xd8\xff",
    Format.PNG: b"\x89PNG\r\n\x1a\n",
    Format.GIF: b"GIF89a",
    Format.BMP: b"BM" + bytes(12) + b"\x28\0\0\0",
    Format.WEBP: b"RIFF\x04\0\0\0WEBP",
    Format.TIFF: b"II*\0",
    Format.AVIF: b"\0\0\0\x10ftypavif",
    Format.HEIF: b"\0\0\0\x10ftypheic",
}


@pytest.mark.parametrize("found", HEADS, ids=str)
@given(rest=st.binary(max_size=64))
def test_the_first_bytes_decide(found: Format, rest: bytes) -> None:
    """A signature says the format, whatever follows."""
    assert sniff(HEADS[found] + rest) is found


@given(st.binary(max_size=300))
def test_any_content_is_told_or_refused(data: bytes) -> None:
    """Arbitrary bytes are a known format, or refused with one of two reasons."""
    refusals = set()
    try:
        sniff(data)
    except ItemFault as fault:
        refusals.add(fault.reason)
    assert refusals <= {Reason.NOT_AN_IMAGE, Reason.UNSUPPORTED_FORMAT}


@pytest.mark.parametrize("found", HEADS, ids=str)
@given(rest=st.binary(max_size=300))
def test_any_damage_has_an_answer(found: Format, rest: bytes) -> None:
    """Whether a picture ends early is answered for arbitrary bytes behind its signature."""
    assert ends_early(found, HEADS[found] + rest) in {True, False}


@pytest.mark.parametrize(
    ("major", "others", "found"),
    [
        (b"mif1", b"mif1avif", Format.AVIF),
        (b"mif1", b"mif1heic", Format.HEIF),
        (b"msf1", b"hevcmsf1", Format.HEIF),
        (b"heic", b"avif", Format.HEIF),
        (b"avif", b"heic", Format.AVIF),
    ],
)
def test_brands_tell_avif_from_heif(major: bytes, others: bytes, found: Format) -> None:
    """The major brand decides; where it names only the container, the compatible brands do."""
    box = b"ftyp" + major + bytes(4) + others
    assert sniff((len(box) + 4).to_bytes(4, "big") + box) is found


@pytest.mark.parametrize(
    "data",
    [
        b"Dear sirs, the laptop arrived broken.",
        b"BMW is a car maker, not a bitmap.",
        b"PK\x03\x04" + bytes(60),
        b"\x7fELF" + bytes(60),
        b"\0\0\0\x18ftypmp42" + bytes(60),
        b"RIFF\x24\0\0\0WAVEfmt ",
        bytes(64),
        b"\xff",
    ],
)
def test_what_is_no_picture_is_said_to_be_none(data: bytes) -> None:
    """Texts, archives, programs, films and sounds are not images."""
    with pytest.raises(ItemFault) as caught:
        sniff(data)
    assert caught.value.reason is Reason.NOT_AN_IMAGE


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n",
        b"8BPS\0\1",
        b"\0\0\1\0\1\0",
        b"<svg xmlns=",
        b"II*\0\x10\0\0\0CR\x02\0",
        b"\0\0\0\x18ftypcrx ",
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"P6\n100 100\n255\n",
    ],
)
def test_other_pictures_are_named_as_such(data: bytes) -> None:
    """Pictures of formats that are not sorted are unsupported, not unknown."""
    with pytest.raises(ItemFault) as caught:
        sniff(data + bytes(64))
    assert caught.value.reason is Reason.UNSUPPORTED_FORMAT
