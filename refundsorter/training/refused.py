"""Why a model of somebody else's is not taken over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from refundsorter.core.fault import RefundsorterError


class ImportRefused(RefundsorterError):
    """A model cannot be imported; the message says which file, why, and what to do."""


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Name the file that a refusal is about."""
    try:
        yield
    except ImportRefused as refused:
        raise ImportRefused(f"{path}: {refused}") from refused
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read: {error.strerror or error}") from error
