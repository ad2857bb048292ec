"""Small real file systems of their own, to be filled up or to lie across a border."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(point: Path, *, size: str = "1m") -> Iterator[Path]:
    """A tmpfs of its own at a folder; a test that may not mount one fails in CI and is skipped elsewhere."""
    point.mkdir(exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "refundsorter-test", str(point)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        reason = f"no leave to mount a small disk: {made.stderr.strip()}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield point
    finally:
        subprocess.run(["umount", str(point)], check=True)


def fill(folder: Path, *, leave: int = 0) -> Path:
    """Write a file until the disk is full, then give back `leave` bytes; the file."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as out:
        block = b"\0" * 4096
        try:
            while True:
                out.write(block)
        except OSError:
            pass
    os.truncate(filler, max(0, filler.stat().st_size - leave))
    return filler
