"""Operational logs on standard error: for people on a terminal, JSON lines otherwise.

One event name a line, context as fields. A name that is no UTF-8 is written with its bytes escaped.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from types import ModuleType
from typing import Any, Literal, TextIO, cast

from refundsorter.core.port import Log
from refundsorter.core.text import printable

# structlog imports rich where it finds it, for tracebacks that are not wanted here, at a tenth of a start.
_WITHOUT_RICH = sys.modules.setdefault("rich", cast("ModuleType", None)) is None
import structlog  # noqa: E402

if _WITHOUT_RICH:
    del sys.modules["rich"]

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

OF_MANY_LINES = frozenset({"exception", "problems"})  # fields that keep their lines on a terminal


class Gate:
    """Lets events of a level and above pass; the level can be changed while running."""

    def __init__(self, level: str) -> None:
        self.level = LEVELS[level]

    def __call__(
        self, _logger: Any, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Drop what is below the level."""
        if LEVELS[method] < self.level:
            raise structlog.DropEvent
        return event


def make(
    gate: Gate, *, form: Literal["auto", "console", "json"] = "auto", stream: TextIO = sys.stderr
) -> Log:
    """A logger behind a gate; "auto" is for people when the stream is a terminal, JSON lines otherwise."""
    for_people = form == "console" or (form == "auto" and stream.isatty())
    processors: list[Any] = [gate, structlog.processors.add_log_level, structlog.processors.format_exc_info]
    if for_people:
        processors += [
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            _printable,
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=18, sort_keys=False),
        ]
    else:
        processors += [
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(serializer=json.dumps),
        ]
    logger = structlog.wrap_logger(
        structlog.WriteLogger(stream), processors=processors, cache_logger_on_first_use=True
    )
    return cast("Log", logger.bind())


def _printable(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape what a terminal cannot show or must not obey: file names are hostile."""
    return {
        key: _shown(value, keep_lines=key in OF_MANY_LINES) if isinstance(value, str) else value
        for key, value in event.items()
    }


def _shown(text: str, *, keep_lines: bool) -> str:
    return "\n".join(printable(line) for line in text.split("\n")) if keep_lines else printable(text)
