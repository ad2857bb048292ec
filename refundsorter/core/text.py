"""Text for people: file names are hostile, and a terminal obeys control characters."""

SURROGATES = range(0xDC80, 0xDD00)  # how `os.fsdecode` carries the bytes 0x80..0xFF that are no UTF-8


def printable(text: str) -> str:
    r"""The text with every character that cannot be shown written as an escape: `\x1b`, `\n`, `\xff`."""
    return "".join(one if one.isprintable() else _escape(one) for one in text)


def _escape(one: str) -> str:
    if ord(one) in SURROGATES:
        return f"\\x{ord(one) - 0xDC00:02x}"
    return one.encode("unicode_escape").decode()
