"""A `multipart/form-data` body (RFC 7578), read piece by piece: nothing of it is kept here."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from refundsorter.api.problems import Problem

MEDIA_TYPE = "multipart/form-data"
# What is wrong with a form is told to its sender; the library would write it to stderr, past the log, too.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


@dataclass(slots=True, eq=False)
class Part:
    """One part of a form."""

    name: str  # of the field
    file: str | None  # the name that the client gives the file; None for a field that is no file


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a part, the last ones perhaps; of an empty part one empty piece."""

    part: Part
    data: bytes
    is_last: bool = False


def is_form(content_type: str) -> bool:
    """Whether a body is a form."""
    return parse_options_header(content_type)[0].decode("latin-1") == MEDIA_TYPE


@dataclass(slots=True)
class _Header:
    name: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)


class Form:
    """Takes the body's bytes as they come, and gives the pieces of its parts.

    Raises:
        Problem: It is no such form.
    """

    def __init__(self, content_type: str) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise _malformed("its Content-Type tells no boundary")
        self._found: list[Piece] = []
        self._part: Part | None = None
        self._header = _Header()
        self._told: dict[bytes, bytes] = {}  # the headers of the part that begins
        self._is_over = False
        callbacks: Any = {
            "on_part_begin": self._told.clear,
            "on_header_field": self._adds(lambda: self._header.name),
            "on_header_value": self._adds(lambda: self._header.value),
            "on_header_end": self._header_ends,
            "on_headers_finished": self._part_begins,
            "on_part_data": self._data_comes,
            "on_part_end": self._part_ends,
            "on_end": self._form_ends,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError as error:
            raise _malformed(str(error)) from error

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that some more bytes hold.

        Raises:
            Problem: They belong to no form.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _malformed(str(error)) from error
        found, self._found = self._found, []
        return found

    def close(self) -> None:
        """Make sure that all of the form has come.

        Raises:
            Problem: Its end is missing.
        """
        if not self._is_over:
            raise _malformed("it ends before its last boundary")

    @staticmethod
    def _adds(buffer: Callable[[], bytearray]) -> Callable[[bytes, int, int], None]:
        def add(data: bytes, start: int, end: int) -> None:
            buffer().extend(data[start:end])

        return add

    def _header_ends(self) -> None:
        self._told[bytes(self._header.name).lower()] = bytes(self._header.value)
        self._header = _Header()

    def _part_begins(self) -> None:
        disposition = self._told.get(b"content-disposition", b"").decode("latin-1")
        kind, told = parse_options_header(disposition)
        if kind != b"form-data" or b"name" not in told:
            raise _malformed("a part of it has no name")
        file = told.get(b"filename")
        self._part = Part(_text(told[b"name"]), None if file is None else _text(file))

    def _data_comes(self, data: bytes, start: int, end: int) -> None:
        assert self._part is not None, "data follows the headers of its part"
        self._found.append(Piece(self._part, data[start:end]))

    def _part_ends(self) -> None:
        assert self._part is not None, "as above"
        self._found.append(Piece(self._part, b"", is_last=True))

    def _form_ends(self) -> None:
        self._is_over = True


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _malformed(why: str) -> Problem:
    return Problem(400, f"The body is no {MEDIA_TYPE} as RFC 7578 says: {why}.")
