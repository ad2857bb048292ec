"""Of what quality were the photos that came? Small ones, broken ones, copies, and such as look alike.

Two photos that look alike and are no copies of each other are often one article that was photographed for two
returns, or one picture that was sent twice. Finding them takes decoding; so it is done for the photos of one
night only, at the lowest priority, and for a bounded time.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from refundsorter.core import lookalike
from refundsorter.core.fault import PassingTrouble, Vanished
from refundsorter.core.night_steps import CutShort
from refundsorter.core.pixels import ImageInfo
from refundsorter.core.record import rfc3339
from refundsorter.edges.bundle import BundleStore
from refundsorter.edges.fence import Fence, FencedDecoder
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.ledger_quality import LedgerQuality, Placed
from refundsorter.edges.ledger_reading import Reader
from refundsorter.edges.ledger_schema import FILE
from refundsorter.edges.priority import give_way
from refundsorter.policies import decode_limits
from refundsorter.settings import Settings

MOST_PHOTOS = 20_000  # that are held against each other: 17 MiB
MOST_PAIRS = 200  # that are named
LIMIT_S = 600.0  # for how long photos are decoded
AT_ONCE = 8  # photos that are read before they are decoded
CHUNK = 64  # photos that are held against all others at a time: some 20 MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Of what quality the photos of a span of time were."""

    since: str  # RFC 3339
    until: str  # likewise
    states: Mapping[str, int]  # photos filed, by state
    rejected: Mapping[str, int]  # by reason
    small: int  # photos whose shorter side is less than `small_side`
    small_side: int  # pixels: the side of the model's input
    copies: int  # photos with the content of an earlier one
    looked_at: int  # photos that were held against each other
    of: int  # of so many
    alike: Sequence[tuple[int, int]]  # pairs that look alike, by their numbers; no more than so many
    stopped: str | None  # why not all were looked at

    @property
    def filed(self) -> int:
        """Photos filed."""
        return sum(self.states.values())


def measure(
    settings: Settings,
    *,
    since: float,
    until: float,
    is_stopping: Callable[[], bool] = lambda: False,
    limit_s: float = LIMIT_S,
) -> Quality:
    """Look at the photos that were filed in a span of time, unix seconds.

    Args:
        settings: For ledger, models, and what a photo may cost.
        since: Inclusive.
        until: Exclusive.
        is_stopping: Whether the process is to end.
        limit_s: For how long photos are decoded, seconds.

    Raises:
        CutShort: The process is to end.
        BundleRefused: There is no active bundle.
        PassingTrouble: The ledger cannot be read now.
        LedgerRefused: It is damaged.
    """
    side = BundleStore(settings.models).active().manifest.input_size
    reader = Reader(str(settings.state_dir / FILE))
    with closing(reader):
        ledger = LedgerQuality(reader)
        kinds = ledger.kinds(since, until, side=side)
        photos = ledger.new(since, until, limit=MOST_PHOTOS)
    seen = _Seen(settings, is_stopping, limit_s).of(photos)
    pairs = list(islice(_pairs(seen, is_stopping), MOST_PAIRS))
    return Quality(
        since=rfc3339(since),
        until=rfc3339(until),
        states=kinds.states,
        rejected=kinds.reasons,
        small=kinds.small,
        small_side=side,
        copies=kinds.copies,
        looked_at=len(seen.ids),
        of=kinds.new,
        alike=pairs,
        stopped=seen.stopped or (f"only the last {MOST_PHOTOS}" if kinds.new > MOST_PHOTOS else None),
    )


@dataclass(slots=True)
class _Photos:
    ids: list[int]
    averages: list[NDArray[np.float32]]  # each [1, blocks and colours]
    stopped: str | None = None


def _pairs(seen: _Photos, is_stopping: Callable[[], bool]) -> Iterator[tuple[int, int]]:
    """The numbers of those that look alike, the smaller first."""
    if not seen.averages:
        return
    for one, other in lookalike.alike(np.concatenate(seen.averages), chunk=CHUNK):
        if is_stopping():
            raise CutShort("the process is to end")
        first, second = sorted((seen.ids[one], seen.ids[other]))
        yield first, second


class _Seen:
    """Reduces photos to what `lookalike` compares."""

    def __init__(self, settings: Settings, is_stopping: Callable[[], bool], limit_s: float) -> None:
        self._limits = decode_limits(settings)
        self._is_stopping = is_stopping
        self._deadline = time.monotonic() + limit_s
        self._limit_s = limit_s
        self._files = FileSystem()

    def of(self, photos: Sequence[Placed]) -> _Photos:
        found = _Photos([], [])
        if not photos:
            return found
        give_way()
        with closing(Fence()) as fence:  # of its own: its workers give way, too
            decoder = FencedDecoder(fence, limits=self._limits, input_size=lookalike.SIDE)
            for first in range(0, len(photos), AT_ONCE):
                if self._is_stopping():
                    raise CutShort("the process is to end")
                if time.monotonic() > self._deadline:
                    found.stopped = f"no more than {self._limit_s:g} s are spent on it"
                    break
                self._add(decoder, photos[first : first + AT_ONCE], found)
        return found

    def _add(self, decoder: FencedDecoder, photos: Sequence[Placed], found: _Photos) -> None:
        contents = {one.id: content for one in photos if (content := self._read(one))}
        if not contents:
            return
        pixels = np.empty((len(contents), lookalike.SIDE, lookalike.SIDE, 3), np.uint8)
        decoded = decoder.decode(list(contents.values()), pixels)
        usable = [
            number
            for number, one in zip(contents, decoded, strict=True)
            if isinstance(one.outcome, ImageInfo)
        ]
        if usable:
            found.ids += usable
            found.averages.append(lookalike.blocks(pixels[: len(usable)]))

    def _read(self, photo: Placed) -> bytes | None:
        """A photo's content; None where it does not lie there any more, or cannot be read now."""
        if photo.size > self._limits.image.max_bytes:
            return None
        try:
            descriptor = self._files.open_photo(photo.path)
            try:
                answer = self._files.fstat(descriptor, photo.path)
                if not stat.S_ISREG(answer.st_mode) or answer.st_size != photo.size:
                    return None
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    return file.read(photo.size)
            finally:
                self._files.close(descriptor, photo.path)
        except (OSError, PassingTrouble, Vanished):
            return None
