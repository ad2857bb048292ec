"""A share that can be made to hang: a real FUSE file system whose server is stopped."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import eventually

SERVER = "bindfs"


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
    if shutil.which(SERVER) is None or not os.access("/dev/fuse", os.W_OK):
        _cannot(f"no {SERVER}, or no leave to use /dev/fuse")
    folder.mkdir(exist_ok=True)
    point.mkdir(exist_ok=True)
    with subprocess.Popen([SERVER, "-f", str(folder), str(point)], stderr=subprocess.PIPE) as process:
        try:
            eventually(lambda: os.path.ismount(point) or process.poll() is not None, "the share mounted")
            if process.poll() is not None:
                assert process.stderr is not None
                _cannot(f"{SERVER} cannot mount: {process.stderr.read().decode().strip()}")
            yield Share(process)
        finally:
            process.kill()  # whoever waits for it is then told that it is gone
            subprocess.run(["umount", "-l", str(point)], check=False)


def _cannot(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
