"""Processes that are killed at their n-th step: before and after every system call and every commit.

A step is a system call that the seam of the file system announces, or what the ledger's connections
announce before a commit and after they are given back. Where a ledger is made anew, which happens beside
the seam, it is what Python announces of files (sys.addaudithook). As "after one" is "before the next",
killing at each step in turn kills before and after every one of them; calls that only look change nothing
and are not counted. Run as a program, it forks a victim for every line that it reads, so that none pays for
starting Python again.
"""

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.sending import send_once
from sqlalchemy import event
from support import Shop, environment
from workbench import fence, opened, run_job, sort_all

from refundsorter import settings as configuration
from refundsorter.assembly import Workshop
from refundsorter.core.job import Scope
from refundsorter.edges.filesystem import FileSystem
from refundsorter.rebuild import rebuild

PROGRAM = [sys.executable, __file__]
LOOKS = frozenset({"lstat", "fstat", "read", "statvfs", "names"})
REBUILD = "rebuild"  # what a victim does when it is not to sort
JOB = "job"  # it sorts what a job wants, and leaves the rest
UPLOAD = "upload"  # it takes photos that are sent, and sorts them
AUDITED = frozenset({"open", "os.mkdir", "os.remove", "os.rename", "os.truncate", "sqlite3.connect"})


class WithoutRename(FileSystem):
    """A file system that cannot rename without replacing, as NFS: photos are moved by link and unlink."""

    def rename(self, source: str, destination: str) -> bool:  # noqa: ARG002 - it does nothing
        """Say so."""
        self._call("rename", source, lambda: None)
        return False


class Steps:
    """Counts steps; at the n-th the process is gone."""

    def __init__(self, kill_at: int) -> None:
        self._kill_at = kill_at
        self._count = 0
        self._lock = threading.Lock()

    def call(self, operation: str, _path: str) -> None:
        """Count a system call."""
        if operation not in LOOKS:
            self.step()

    def step(self, *_: object) -> None:
        """Take one."""
        with self._lock:
            self._count += 1
            if self._count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, workshop: Workshop) -> None:
        """Count the ledger's commits too, before and after each."""
        event.listen(workshop.ledger._engine, "commit", self.step)
        event.listen(workshop.ledger._engine.pool, "checkin", self.step)


FILE_SYSTEMS: dict[str, Callable[[Callable[[str, str], None]], FileSystem]] = {
    "rename": FileSystem,
    "link": WithoutRename,
    JOB: FileSystem,
    UPLOAD: FileSystem,
}


def live(base: Path, way: str, kill_at: int) -> None:
    """Sort everything in a shop, or make its ledger anew, or die at the given step (0: never)."""
    steps = Steps(kill_at)
    if way == REBUILD:
        settings = configuration.load(Shop(base).config, environment={}, overrides={})
        sys.addaudithook(lambda name, _: steps.step() if name in AUDITED else None)
        rebuild(settings, dry_run=False, force=True, now=0.0, on_progress=lambda *_: None)
        return
    files = FILE_SYSTEMS[way](steps.call)
    with opened(Shop(base), files=files) as workshop:
        steps.watch(workshop)
        if way == JOB:
            run_job(workshop, Scope.of(classes=("WARM",)))
            return
        if way == UPLOAD:
            send_once(Shop(base), workshop, files)
        sort_all(workshop)


def serve() -> None:
    """Fork a victim for each line on standard input, `WAY N FOLDER`; answer with how it ended."""
    fence()
    gc.freeze()  # a collection in a victim would copy every page that it shares with this process
    for line in sys.stdin:
        way, kill_at, base = line.rstrip("\n").split(" ", 2)
        child = os.fork()
        if not child:
            live(Path(base), way, int(kill_at))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


class Victims:
    """The program that forks them, seen from the test."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, shop: Shop, way: str, kill_at: int) -> bool:
        """Let one sort a shop; whether it was killed. Any other end than that or the good one fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{way} {kill_at} {shop.base}\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        assert status in (0, -signal.SIGKILL), f"the process ended with {status}"
        return status != 0


@contextmanager
def victims() -> Iterator[Victims]:
    """The program, ready."""
    one_thread = {"OPENBLAS_NUM_THREADS": "1"}  # only a process of one thread may fork
    with subprocess.Popen(
        PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment() | one_thread
    ) as process:
        try:
            yield Victims(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


if __name__ == "__main__":
    serve()
