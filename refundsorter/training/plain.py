"""Values as plain lists, dictionaries, text and numbers, for JSON: a share with its interval worked out."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from refundsorter.core.share import Share


def plain(value: object) -> Any:
    """Return the value with everything in it made plain; numbers keep six decimals."""
    if isinstance(value, Share):
        low, high = value.interval
        figures = {"share": plain(value.value), "low": plain(low), "high": plain(high)}
        return {"hits": value.hits, "of": value.of, **figures}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
