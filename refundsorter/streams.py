"""The process's standard streams, made safe to write to.

A command whose answer is lost on a full disk says so in a sentence and fails. A descriptor that the caller
closed is taken up again, or the ledger would get the number that everybody prints to.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from refundsorter.core.fault import RefundsorterError

STDOUT, STDERR = 1, 2


class OutputLost(RefundsorterError):
    """What the command had to say cannot be written."""


class _Output(io.FileIO):
    """Standard output, whose errors cannot be taken for those of a photo or the ledger."""

    def write(self, content: "io.ReadableBuffer") -> int | None:  # type: ignore[override, name-defined]
        """Write, or drop what is left and say why; a reader that has gone away stays a `BrokenPipeError`."""
        try:
            return super().write(content)
        except OSError as error:
            _take_up(STDOUT, os.O_WRONLY)  # what is still buffered is written at exit once more
            if isinstance(error, BrokenPipeError):
                raise
            raise OutputLost(f"standard output cannot be written: {error.strerror}") from error


def guard() -> None:
    """Make the streams safe; before anything opens a file."""
    for number in range(STDERR + 1):
        try:
            os.fstat(number)
        except OSError:
            # Opened for reading: an answer that somebody prints to a closed output is missed, not swallowed.
            _take_up(number, os.O_WRONLY if number == STDERR else os.O_RDONLY)
    if sys.stderr is None:
        sys.stderr = open(STDERR, "w", closefd=False)  # noqa: SIM115 - for the life of the process
    kept = sys.stdout
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(STDOUT, "w", closefd=False)),
        encoding=kept.encoding if kept else None,
        errors=kept.errors if kept else None,
        line_buffering=os.isatty(STDOUT),
    )


def _take_up(number: int, mode: int) -> None:
    descriptor = os.open(os.devnull, mode)
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.set_inheritable(number, True)  # noqa: FBT003 - or a child would begin without it


@contextmanager
def hushed() -> Iterator[None]:
    """Turn standard error aside while a library is loaded that greets there from native code.

    What goes wrong with the loading it raises, so nothing that matters is lost.
    """
    kept = os.dup(STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, STDERR)
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
        os.close(nowhere)
