"""Where a photo goes: the shelf's folders, and names that never overwrite.

Names are text as `os.fsdecode` gives it, so that any byte sequence a file system allows goes through
unchanged; a name that is taken gets ` (2)` before its suffix, shortened so that it still fits.
"""

import os
import unicodedata
from collections.abc import Callable
from pathlib import PurePath

from refundsorter.core.decision import Decision
from refundsorter.core.image import State
from refundsorter.core.taxonomy import MAX_NAME_BYTES

REVIEW = "_review"
REJECTED = "_rejected"
DUPLICATES = "_duplicates"
JOURNAL = "_journal"
REPORTS = "_reports"
TAKEN = ".taken"
UNKNOWN = "unknown"  # under `_review/`, where no label of the model is in the taxonomy

MAX_SUFFIX_BYTES = 32  # beyond this a "suffix" is part of the name: nothing recognises it as a type
UTF8_MASK, UTF8_CONTINUATION = 0b1100_0000, 0b1000_0000  # RFC 3629: continuation bytes are 10xxxxxx
MAX_CONTINUATIONS = 3  # of one character


def folder(decision: Decision, *, category: str | None, shelved_duplicate: bool) -> PurePath:
    """The folder below the shelf's root for a decided photo.

    Args:
        decision: What becomes of the photo.
        category: Its best category.
        shelved_duplicate: Whether it is a copy that `decision.duplicates: shelve` keeps apart.
    """
    match decision.state:
        case State.REJECTED:
            return PurePath(REJECTED, decision.reason or UNKNOWN)
        case State.REVIEW:
            place = PurePath(REVIEW, category or UNKNOWN)
        case _:
            place = PurePath(category or UNKNOWN)
    return PurePath(DUPLICATES, *place.parts) if shelved_duplicate else place


def numbered(name: str, number: int) -> str:
    """The `number`-th form of a name: itself for 1, `stem (2).suffix` for 2, never over 255 bytes."""
    if number == 1:
        return name
    stem, suffix = os.path.splitext(os.fsencode(name))
    if len(suffix) > MAX_SUFFIX_BYTES:
        stem, suffix = stem + suffix, b""
    tail = b" (%d)" % number + suffix
    return os.fsdecode(_cut(stem, MAX_NAME_BYTES - len(tail)) + tail)


def _cut(stem: bytes, length: int) -> bytes:
    """Shorten to at most `length` bytes without halving a UTF-8 character."""
    if len(stem) <= length:
        return stem
    for end in range(length, max(0, length - MAX_CONTINUATIONS - 1), -1):
        if stem[end] & UTF8_MASK != UTF8_CONTINUATION:
            return stem[:end]
    return stem[:length]  # no UTF-8: there is no character to halve


def alike(path: str) -> str:
    """What is equal for all paths that some file system takes for one: by case, or by accents' encoding.

    Two photos are never promised such paths: on that file system recovery would find one at both, and take
    it for the other.
    """
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def free_name(name: str, taken: Callable[[str], bool]) -> str:
    """The first free form of a name that galloping finds: a thousand photos of one name cost ten looks each.

    Args:
        name: The photo's own name.
        taken: Whether a name is taken; asked O(log n) times.
    """
    if not taken(name):
        return name
    low, high = 1, 2  # `low` is taken
    while taken(numbered(name, high)):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if taken(numbered(name, middle)):
            low = middle
        else:
            high = middle
    return numbered(name, high)


def partial_name(image_id: int, token: str | None = None) -> str:
    """The hidden name under which a copy grows in its destination folder; recovery knows it by the id.

    Args:
        image_id: The photo's.
        token: That of the daemon's ledger, in an inbox, which other daemons may see; None on the shelf.
    """
    return f".refundsorter-{image_id}.part" if token is None else f".refundsorter-{token}-{image_id}.part"


def taken_name(token: str, image_id: int) -> str:
    """The hidden name, in its own inbox folder, of a photo that only one daemon goes on with.

    Args:
        token: That of the daemon's ledger: the ledgers of two machines give the same ids.
        image_id: The photo's.
    """
    return f".refundsorter-{token}-{image_id}{TAKEN}"


def is_taken_name(name: str) -> bool:
    """Whether a name is one that `taken_name` gives, for any ledger."""
    return name.startswith(".refundsorter-") and name.endswith(TAKEN)
