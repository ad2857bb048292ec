"""Decoding apart: what a photo does to a decoder harms that photo alone.

The photos are real ones, too slow or too large for the limits that the test sets; crashes are signals, sent
to the very process that decodes.
"""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from pictures import large
from support import COLOURS, eventually, photo
from workbench import decode_one, fence, harmed

from refundsorter.core.fault import ItemFault, PassingTrouble, Reason
from refundsorter.core.pixels import ImageInfo, ImageLimits
from refundsorter.edges.decoder import Decoder
from refundsorter.edges.fence import DecodeLimits, Fence, FencedDecoder

SIDE = 32
IMAGE = ImageLimits(max_bytes=64 << 20, max_pixels=400_000_000, min_side=1)
OUT = np.zeros((SIDE, SIDE, 3), np.uint8)


def fenced(cpu_s: float = 20.0, memory_bytes: int = 1 << 30, within: Fence | None = None) -> FencedDecoder:
    """A decoder behind the fence that all tests share, or behind another."""
    limits = DecodeLimits(image=IMAGE, cpu_s=cpu_s, memory_bytes=memory_bytes)
    return FencedDecoder(within or fence(), limits=limits, input_size=SIDE)


def refusal(decoder: FencedDecoder, data: bytes) -> ItemFault:
    """Why a photo is refused."""
    with pytest.raises(ItemFault) as caught:
        decode_one(decoder, data, OUT)
    return caught.value


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF"])
def test_pixels_are_the_decoders_own(form: str) -> None:
    """What comes over the fence is what the decoder makes, and what it says of the photo."""
    data, mine, theirs = photo("red", form=form, size=(70, 50)), np.empty_like(OUT), np.empty_like(OUT)
    assert Decoder(limits=IMAGE, input_size=SIDE).decode(data, mine) == decode_one(fenced(), data, theirs)
    assert (mine == theirs).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", Reason.EMPTY), (b"no photo", Reason.NOT_AN_IMAGE), (photo("red")[:-200], Reason.TRUNCATED)],
)
def test_a_fault_comes_over_the_fence(data: bytes, reason: Reason) -> None:
    """A photo that cannot be used has the reason that the decoder gives."""
    assert refusal(fenced(), data).reason is reason


def test_what_can_be_used_lies_behind_one_another() -> None:
    """Of many photos at once each has its own answer; the pixels of those that can be used are in order."""
    colours, broken = list(COLOURS), [b"", b"no photo", photo("red")[:-200]]
    photos = [one for colour in colours * 8 for one in (photo(colour, form="PNG"), *broken)]
    out = np.zeros((len(photos), SIDE, SIDE, 3), np.uint8)
    reasons = [
        one.outcome.reason for one in fenced().decode(photos, out) if isinstance(one.outcome, ItemFault)
    ]
    assert reasons == [Reason.EMPTY, Reason.NOT_AN_IMAGE, Reason.TRUNCATED] * 8 * len(colours)
    for position, colour in enumerate(colours * 8):
        alone = np.zeros_like(OUT)
        Decoder(limits=IMAGE, input_size=SIDE).decode(photo(colour, form="PNG"), alone)
        assert (out[position] == alone).all()


def test_a_photo_that_crashes_a_worker_harms_no_neighbour() -> None:
    """When a worker dies over a load its photos are shown one by one; only the one to blame is refused."""
    decoder = fenced(cpu_s=0.1)
    photos = [photo("red"), large(), photo("red", seed=2)]
    before, slow, after = decoder.decode(photos, np.empty((3, SIDE, SIDE, 3), np.uint8))
    assert isinstance(before.outcome, ImageInfo)
    assert isinstance(after.outcome, ImageInfo)
    assert isinstance(slow.outcome, ItemFault)
    assert slow.outcome.reason is Reason.TIMED_OUT


def test_a_slow_photo_is_timed_out() -> None:
    """One that takes more processor time than is allowed is refused; the next one is decoded."""
    decoder = fenced(cpu_s=0.1)
    refused = refusal(decoder, large())
    assert (refused.reason, refused.detail) == (Reason.TIMED_OUT, "decoding took more than 0.1 s")
    decode_one(decoder, photo("red"), OUT)


def test_a_greedy_photo_is_refused_for_its_memory() -> None:
    """One that needs more memory than is allowed is refused; the next one is decoded."""
    decoder = fenced(memory_bytes=64 << 20)
    assert refusal(decoder, large()).reason is Reason.TOO_MUCH_MEMORY
    decode_one(decoder, photo("red"), OUT)


def test_a_photo_that_crashes_two_workers_is_refused() -> None:
    """The second death is the photo's fault; the next one is decoded."""
    decoder = fenced()
    decode_one(decoder, photo("red"), OUT)
    with harmed(decoder, signal.SIGSEGV, times=2):
        assert refusal(decoder, large()).reason is Reason.CRASHED
    decode_one(decoder, photo("red"), OUT)


def test_a_worker_that_is_killed_once_costs_no_photo() -> None:
    """A kill from outside, as for want of memory in the machine, is not the photo's fault."""
    decoder = fenced()
    decode_one(decoder, photo("red"), OUT)
    with harmed(decoder, signal.SIGKILL, times=1):
        assert decode_one(decoder, large(), OUT).width == 9000


def test_a_photo_whose_workers_are_killed_is_tried_later() -> None:
    """Kills from outside are passing trouble, however often: nothing is refused for them."""
    decoder = fenced()
    decode_one(decoder, photo("red"), OUT)
    with harmed(decoder, signal.SIGKILL, times=2), pytest.raises(PassingTrouble, match="too little memory"):
        decode_one(decoder, large(), OUT)
    decode_one(decoder, photo("red"), OUT)


def test_a_worker_that_sleeps_for_ever_is_given_up() -> None:
    """One that uses no processor time is ended by the clock, and the photo gets its second try."""
    decoder = fenced(cpu_s=2.0)
    decode_one(decoder, photo("red"), OUT)
    with harmed(decoder, signal.SIGSTOP, times=1):
        assert decode_one(decoder, large(4000), OUT).width == 4000


def test_the_program_is_started_again() -> None:
    """When the program itself dies, workers that it forked go on, and the next one comes of a new program."""
    own = Fence()
    try:
        old, new = fenced(within=own), fenced(within=own)
        decode_one(old, photo("red"), OUT)
        os.kill(own._program.pid, signal.SIGKILL)
        own._program.wait()
        decode_one(old, photo("red"), OUT)
        decode_one(new, photo("red"), OUT)
    finally:
        own.close()


def test_a_program_that_is_stopped_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not answer is passing trouble once; then another one forks."""
    own = Fence()
    try:
        monkeypatch.setattr("refundsorter.edges.fence.HIRE_S", 1.0)
        decoder = fenced(within=own)
        os.kill(own._program.pid, signal.SIGSTOP)
        with pytest.raises(PassingTrouble, match="no process to decode in"):
            decode_one(decoder, photo("red"), OUT)
        monkeypatch.undo()
        decode_one(decoder, photo("red"), OUT)
    finally:
        own.close()


def test_nothing_is_left_behind() -> None:
    """When the fence is closed the program has ended, and a decoder's worker ends with the decoder."""
    own = Fence()
    decoder = fenced(within=own)
    decode_one(decoder, photo("red"), OUT)
    assert decoder._worker is not None
    worker = decoder._worker[1]
    own.close()
    assert own._program.returncode == 0
    del decoder
    eventually(lambda: not Path(f"/proc/{worker}").exists(), "the worker's end")
