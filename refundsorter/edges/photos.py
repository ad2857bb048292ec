"""Reading a photo: its bytes and their hash, or proof that it is not the photo that was seen."""

import hashlib
import stat
from collections.abc import Callable
from dataclasses import dataclass

from refundsorter.core.fault import ItemFault, Reason, Vanished
from refundsorter.core.stability import FileIdentity
from refundsorter.edges.filesystem import FileSystem, identity_of

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """A photo's content."""

    sha256: str | None  # 64 hex digits; None when it is over the limit, and nothing of it was read
    data: bytes  # the whole file; empty then


class PhotoReader:
    """Reads photos of at most `max_bytes`; of a larger one nothing: a made-up terabyte would take hours."""

    def __init__(self, files: FileSystem, *, max_bytes: int) -> None:
        self._files = files
        self._max_bytes = max_bytes

    def read(self, path: str, identity: FileIdentity, progress: Callable[[], None]) -> Photo:
        """Read the photo at `path`; `progress` is called for every piece.

        Raises:
            Vanished: It is gone, or another file or another content lies there.
            PassingTrouble: It cannot be read now.
        """
        descriptor = self._files.open_photo(path)
        try:
            self._require(descriptor, path, identity)
            if identity.size > self._max_bytes:
                return Photo(sha256=None, data=b"")
            digest, kept, size = hashlib.sha256(), [], 0
            # A file that somebody writes to may never end: what is too long is not the photo that was seen.
            while size <= identity.size:
                # What should be there and a byte: all that is asked for is allocated, and tears the heap.
                chunk = self._files.read(descriptor, min(CHUNK_BYTES, identity.size - size + 1), path)
                if not chunk:
                    break
                digest.update(chunk)
                size += len(chunk)
                kept.append(chunk)
                progress()
            self._require(descriptor, path, identity)
            if size != identity.size:
                raise Vanished(f"{path!r} gave {size} bytes where it had {identity.size}")
        finally:
            self._files.close(descriptor, path)
        return Photo(sha256=digest.hexdigest(), data=b"".join(kept))

    def fault(self, identity: FileIdentity) -> ItemFault | None:
        """The fault that the size alone tells, if any."""
        if identity.size > self._max_bytes:
            return ItemFault(Reason.TOO_LARGE, f"{identity.size} bytes; the limit is {self._max_bytes}")
        return None

    def _require(self, descriptor: int, path: str, identity: FileIdentity) -> None:
        answer = self._files.fstat(descriptor, path)
        if not stat.S_ISREG(answer.st_mode) or identity_of(answer) != identity:
            raise Vanished(f"{path!r} is not the file that was seen: it was replaced or written to")
