"""Text for people: file names are hostile, and a terminal obeys control characters."""


def printable(text: str) -> str:
    """The text with every character that cannot be shown written as an escape."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
