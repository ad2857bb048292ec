"""The content of files on the shelf that no name tells; each file is read once.

What came to the shelf before the ledger's first photo is none of its photos, and is never read.
"""

from collections.abc import Callable

from refundsorter.core.fault import Vanished
from refundsorter.core.stability import FileIdentity
from refundsorter.edges.copying import hash_of
from refundsorter.edges.filesystem import FileSystem

MOST = 50_000  # files that are read in the life of a process: a shelf full of other things would never end


class Strangers:
    """Hashes files, and remembers.

    Args:
        files: How they are read.
        max_bytes: What is larger was never read, so its content is not known.
        progress: Called for every file that is read.
    """

    def __init__(self, files: FileSystem, *, max_bytes: int, progress: Callable[[], object]) -> None:
        self._files = files
        self._progress = progress
        self._max_bytes = max_bytes
        self._known: dict[tuple[str, FileIdentity], bytes] = {}

    def sha256(self, path: str, identity: FileIdentity, *, since: float) -> str | None:
        """Of a file's bytes, 64 hex digits.

        Args:
            path: Where it lies.
            identity: What it is.
            since: What was put there before, in unix seconds, is not read.

        Returns:
            None where it is not read, or is gone.

        Raises:
            PassingTrouble: It cannot be read now.
        """
        known = self._known.get((path, identity))
        if known is not None:
            return known.hex()
        try:
            if identity.size > self._max_bytes or len(self._known) >= MOST:
                return None
            if self._files.lstat(path).st_ctime < since:
                return None
            self._progress()
            found = hash_of(self._files, path)
        except Vanished:
            return None
        self._known[path, identity] = bytes.fromhex(found)
        return found
