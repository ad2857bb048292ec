"""The photos themselves, for those who ask over HTTP: as they are, and small.

Which file is opened says the ledger alone. A photo that is shown small is decoded behind the fence, like any
other: whatever is in it, the daemon only ever draws the pixels that came out.
"""

import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np

from refundsorter.core.fault import PassingTrouble, Vanished
from refundsorter.core.pixels import ImageInfo, check_bytes
from refundsorter.core.port_images import Photo
from refundsorter.edges.fence import Fence, FencedDecoder
from refundsorter.edges.filesystem import FileSystem
from refundsorter.edges.patience import Share
from refundsorter.policies import decode_limits
from refundsorter.settings import Settings

SIDE = 256  # pixels of the square that a small picture fits into
CHUNK_BYTES = 1 << 18
TURN_S = 5.0  # how long a photo waits for its turn to be drawn
WAITING = 3  # photos that are drawn or wait for it; for more there would be no thread left to answer with
MTIME_S = 2.0  # how coarse some file systems keep times: a copy that was verified is the photo all the same


class OpenPhoto:
    """A photo's file that is open; closed when it is read, or when nobody wants it any more."""

    def __init__(self, files: FileSystem, path: str) -> None:
        self._files = files
        self._path = path
        self._file = os.fdopen(files.open_photo(path), "rb", buffering=0)

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def is_of(self, photo: Photo) -> bool:
        """Whether it is the file that was sorted, or a verified copy of it."""
        answer = self._files.fstat(self._file.fileno(), self._path)
        late_s = abs(answer.st_mtime_ns - photo.identity.mtime_ns) / 1e9
        return stat.S_ISREG(answer.st_mode) and answer.st_size == photo.identity.size and late_s <= MTIME_S

    def pieces(self) -> Iterator[bytes]:
        """What is in it.

        Raises:
            PassingTrouble: It cannot be read now.
        """
        with closing(self):
            while piece := self._files.read(self._file.fileno(), CHUNK_BYTES, self._path):
                yield piece


class Pictures:
    """Opens and draws photos; from any thread. See `PicturesPort`.

    Args:
        settings: What a photo may cost.
        fence: Where it is decoded.
        shares: The folders that may hang.
        side: Pixels of the square that a small picture fits into.
        lenient: Whether photos that could not be used are drawn all the same, as far as there is anything.
    """

    def __init__(
        self,
        settings: Settings,
        fence: Fence,
        shares: Sequence[Share],
        *,
        side: int = SIDE,
        lenient: bool = False,
    ) -> None:
        self._files = FileSystem(shares=shares)
        self._side = side
        self._limits = decode_limits(settings)
        if lenient:
            self._limits = replace(self._limits, image=replace(self._limits.image, min_side=1))
        self._drawing = threading.Lock()
        self._places = threading.BoundedSemaphore(WAITING)
        self._decoder = FencedDecoder(fence, limits=self._limits, input_size=side, lenient=lenient)

    def open(self, photo: Photo) -> OpenPhoto:
        """The photo's file."""
        is_filed = photo.finished_at is not None
        path = photo.found.destination if photo.found and is_filed else photo.path
        opened = OpenPhoto(self._files, path)
        if opened.is_of(photo):
            return opened
        opened.close()
        raise Vanished(f"{path!r} is not the file that was seen: it was replaced or written to")

    def small(self, photo: Photo) -> bytes:
        """A JPEG of the whole photo, upright, that fits into the square."""
        from refundsorter.edges.thumbnail import drawn  # noqa: PLC0415 - Pillow: the daemon sorts without it

        check_bytes(photo.identity.size, self._limits.image)
        with self._turn():
            pixels = np.empty((1, self._side, self._side, 3), np.uint8)
            (decoded,) = self._decoder.decode([b"".join(self.open(photo).pieces())], pixels)
        if isinstance(decoded.outcome, ImageInfo):
            return drawn(pixels[0], decoded.outcome).jpeg
        raise decoded.outcome

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The decoder to oneself.

        Raises:
            PassingTrouble: Too many wait, or for too long.
        """
        trouble = PassingTrouble("too many photos are asked for at once")
        if not self._places.acquire(blocking=False):
            raise trouble
        try:
            if not self._drawing.acquire(timeout=TURN_S):
                raise trouble
            try:
                yield
            finally:
                self._drawing.release()
        finally:
            self._places.release()
