"""Files that may be read because they lie below one of a few folders, and not by way of any link.

Every folder on the way is opened by its descriptor, from the one above it, and no link is followed: what is
put in a folder's place meanwhile changes nothing, and nothing outside is ever opened.
"""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import PurePath

from refundsorter.core.fault import ItemFault, Reason, Vanished, translate
from refundsorter.core.prediction import SourceForbidden
from refundsorter.edges.patience import Share

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO does not block


class ReadableFiles:
    """Reads files below some folders; from any thread.

    Args:
        roots: The folders, absolute.
        shares: Those of them that may hang.
        max_bytes: Of a file.
    """

    def __init__(self, roots: Sequence[str], shares: Sequence[Share], *, max_bytes: int) -> None:
        self._roots = roots
        self._shares = shares
        self._max_bytes = max_bytes

    def read(self, path: str) -> bytes:
        """All of a file.

        Raises:
            SourceForbidden: It lies elsewhere, or is reached by a link.
            Vanished: It is not there.
            ItemFault: It is too large, or is no file.
            PassingTrouble: It cannot be read now.
        """
        root, parts = self._placed(path)
        share = next((share for share in self._shares if share.holds(path)), None)
        try:
            return self._read(root, parts) if share is None else share.call(lambda: self._read(root, parts))
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # nothing can lie there, now or later
                raise Vanished(f"reading {path!r}: {error.strerror}") from error
            raise translate(error, f"reading {path!r}") from error

    def _placed(self, path: str) -> tuple[str, tuple[str, ...]]:
        """The folder that a path lies below, and the names on the way to it."""
        if path.startswith("/") and "\0" not in path and ".." not in path.split("/"):
            for root in self._roots:
                if PurePath(path).is_relative_to(root) and (parts := PurePath(path).relative_to(root).parts):
                    return root, parts
        raise SourceForbidden(f"{path!r} lies below no folder of `http.read_roots`")

    def _read(self, root: str, parts: Sequence[str]) -> bytes:
        folder = os.open(root, FOLDER & ~os.O_NOFOLLOW)  # where the root is, its owner has said
        try:
            for name in parts[:-1]:
                below = os.open(name, FOLDER, dir_fd=folder)
                os.close(folder)
                folder = below
            descriptor = os.open(parts[-1], FILE, dir_fd=folder)
        finally:
            os.close(folder)
        with open(descriptor, "rb") as file:
            answer = os.fstat(descriptor)
            if not stat.S_ISREG(answer.st_mode):
                raise ItemFault(Reason.NOT_AN_IMAGE, "it is no file")
            data = file.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise ItemFault(Reason.TOO_LARGE, f"it has more than {self._max_bytes} bytes")
        return data
