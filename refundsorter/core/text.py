"""Text for people: file names are hostile, and a terminal obeys control characters."""

from pathlib import PurePath
from reprlib import Repr

SURROGATES = range(0xDC80, 0xDD00)  # how `os.fsdecode` carries the bytes 0x80..0xFF that are no UTF-8


def printable(text: str) -> str:
    r"""The text with every character that cannot be shown written as an escape: `\x1b`, `\n`, `\xff`."""
    if text.isprintable():  # as nearly all are
        return text
    return "".join(one if one.isprintable() else _escape(one) for one in text)


def _escape(one: str) -> str:
    if ord(one) in SURROGATES:
        return f"\\x{ord(one) - 0xDC00:02x}"
    return one.encode("unicode_escape").decode()


def shown(value: object) -> str:
    """Write a value that was found as a person wrote it in YAML, cut to a readable length."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return _repr.repr(str(value) if isinstance(value, PurePath) else value)


_repr = Repr()
_repr.maxlevel = 2
_repr.maxstring = _repr.maxother = 80
_repr.maxlist = _repr.maxdict = 6
