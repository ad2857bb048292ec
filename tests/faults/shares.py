"""Shares that can be made to hang, or that fold names: real FUSE file systems, each served by a process."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import eventually

SERVER = "bindfs"
FOLDING = Path(__file__).with_name("folding.py")


class Share:
    """A folder that is served by a process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def hang(self) -> None:
        """Let every look at it wait."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again, also what was asked meanwhile."""
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def share(folder: Path, point: Path) -> Iterator[Share]:
    """A folder shared at a mount point; a test that cannot have one fails in CI and is skipped elsewhere."""
    if shutil.which(SERVER) is None:
        _cannot(f"no {SERVER}")
    with _served([SERVER, "-f"], folder, point) as served:
        yield served


@contextmanager
def folding_share(folder: Path, point: Path) -> Iterator[Share]:
    """The same, by a server that ignores case and the encoding of accents."""
    if importlib.util.find_spec("mfusepy") is None:
        _cannot("no mfusepy")
    with _served([sys.executable, str(FOLDING)], folder, point) as served:
        yield served


@contextmanager
def _served(server: Sequence[str], folder: Path, point: Path) -> Iterator[Share]:
    if not os.access("/dev/fuse", os.W_OK):
        _cannot("no leave to use /dev/fuse")
    folder.mkdir(exist_ok=True)
    point.mkdir(exist_ok=True)
    library = {"FUSE_LIBRARY_NAME": "fuse3"}  # the one that renames without replacing
    command = [*server, str(folder), str(point)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | library) as process:
        try:
            eventually(lambda: os.path.ismount(point) or process.poll() is not None, "the share mounted")
            if process.poll() is not None:
                assert process.stderr is not None
                _cannot(f"{server[-1]} cannot mount: {process.stderr.read().decode().strip()}")
            yield Share(process)
        finally:
            process.kill()  # whoever waits for it is then told that it is gone
            subprocess.run(["umount", "-l", str(point)], check=False)


def _cannot(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
