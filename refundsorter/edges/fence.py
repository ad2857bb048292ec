"""The fence around decoding: photos are decoded by processes that may crash and hang.

Threads cannot promise that: native code that runs away keeps its thread for ever, and what it tears down is
the daemon. One program (`edges.decoding`) forks a worker for each decoder here. A worker that runs over its
time is ended by the kernel. Photos are shown to it many at once, for every message wakes a process; when it
dies over them each is shown alone, to find the one to blame; that one gets a second try with a new worker.
A worker that was killed from outside, for instance for want of memory in the machine, is nobody's fault.
"""

import json
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import starmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.fault import ItemFault, PassingTrouble, Reason
from refundsorter.core.pixels import Decoded, ImageInfo, ImageLimits, check_bytes
from refundsorter.core.sniff import Format

MESSAGE_BYTES = 1 << 16  # no message between here and there is longer
PATIENCE = 3  # times the processor's time: how long on the clock before a worker is given up
TRIES = 2  # workers that one photo may cost
REPORT_S = 2.0  # how long the program may take to tell how a worker has ended, and to end itself
HIRE_S = 20.0  # and to start and to fork
KEPT_BYTES = 8 << 20  # of freed memory, which a worker need not ask the kernel for again with every photo
LOAD = 16  # photos that are shown at once
LOAD_BYTES = 8 << 20  # of them; a larger photo is shown alone, and gives its shared memory back after use
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # only a process of one thread may fork
    **dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(KEPT_BYTES)),  # mallopt(3)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What one photo may cost."""

    image: ImageLimits  # what it must be like
    cpu_s: float  # seconds of processor time
    memory_bytes: int  # beside what a worker needs for itself


def data_offset(side: int) -> int:
    """Where photos begin in shared memory: at the first page behind uint8 [LOAD, side, side, 3] pixels."""
    return -(-LOAD * side * side * 3 // mmap.PAGESIZE) * mmap.PAGESIZE


class Fence:
    """The program that forks workers; started at once, and again should it die."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[int, int] = {}  # by which signals workers ended that nobody has asked after
        self._start()

    def hire(self, order: bytes, memory: int) -> tuple[socket.socket, int]:
        """Have a worker forked.

        Args:
            order: What `decoding.work` takes, as JSON.
            memory: The descriptor of the shared memory.

        Returns:
            The socket to talk to it, and its process id.

        Raises:
            PassingTrouble: It cannot be forked now.
        """
        talk, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        talk.settimeout(HIRE_S)
        with theirs, self._lock:
            try:
                socket.send_fds(self._orders, [order], [theirs.fileno(), memory])
            except OSError:  # the program is gone
                self._start_again()
                socket.send_fds(self._orders, [order], [theirs.fileno(), memory])
            asked = self._program
        try:
            pid = int(talk.recv(MESSAGE_BYTES))
        except (OSError, ValueError) as error:
            talk.close()
            if isinstance(error, TimeoutError):
                with self._lock:
                    if self._program is asked:
                        self._start_again()
            raise PassingTrouble("no process to decode in can be started now") from error
        talk.settimeout(None)
        return talk, pid

    def end_of(self, pid: int) -> int | None:
        """The signal that ended a worker of this program; None if it cannot be told."""
        with self._lock:
            while pid not in self._ends:
                try:
                    report = self._orders.recv(MESSAGE_BYTES)
                except OSError:
                    return None
                if not report:
                    return None
                self._ends.update([json.loads(report)])
            return self._ends.pop(pid)

    def close(self) -> None:
        """Let it end; workers end with their decoders."""
        self._orders.close()
        try:
            self._program.wait(REPORT_S)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()

    def _start_again(self) -> None:
        self.close()
        self._start()

    def _start(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders.settimeout(REPORT_S)
        with theirs:
            try:
                self._program = subprocess.Popen(  # noqa: S603 - ourselves
                    [sys.executable, "-m", "refundsorter.edges.decoding", str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=os.environ | ENVIRONMENT,
                )
            except OSError as error:
                raise PassingTrouble(f"starting the decoding program: {error.strerror}") from error


class WorkerDied(Exception):
    """A worker ended over what it was shown.

    Args:
        pid: Its process id.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(f"worker {pid} died")
        self.pid = pid


class FencedDecoder:
    """Decodes photos as `edges.decoder` does, in a worker of its own; it belongs to one thread at a time.

    Args:
        fence: Where workers come from.
        limits: What one photo may cost.
        input_size: Pixels of each side of the model's input.
        lenient: Whether the beginning of a picture will do, for people to look at.
    """

    def __init__(self, fence: Fence, *, limits: DecodeLimits, input_size: int, lenient: bool = False) -> None:
        self._fence = fence
        self._limits = limits
        self._data_at = data_offset(input_size)
        self._memory = os.memfd_create("refundsorter-photo")
        weakref.finalize(self, os.close, self._memory)
        # It takes no memory until it is used.
        os.ftruncate(self._memory, self._data_at + max(LOAD_BYTES, limits.image.max_bytes))
        self._shared = mmap.mmap(self._memory, 0)
        self._pixels = np.ndarray((LOAD, input_size, input_size, 3), np.uint8, self._shared)
        order = asdict(limits.image) | {
            "input_size": input_size,
            "cpu_s": limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
            "lenient": int(lenient),
        }
        self._order = json.dumps(order).encode()
        self._worker: tuple[socket.socket, int] | None = None

    def decode(self, photos: Sequence[bytes], out: NDArray[np.uint8]) -> list[Decoded]:
        """Decode photos, each as `edges.decoder.Decoder.decode` does.

        Args:
            photos: Whole files.
            out: uint8 [N, input_size, input_size, 3], RGB, 0..255: the pixels of the photos that can be used,
                in their order, one behind another.

        Returns:
            For each photo what it is, or why it cannot be used, also that it costs too much; or that what
            decoded it was killed from outside.

        Raises:
            PassingTrouble: There is no worker to be had now.
        """
        found: list[Decoded] = []
        usable = 0
        for load in _loads(photos):
            for decoded, pixels in self._show(load):
                if isinstance(decoded.outcome, ImageInfo):
                    out[usable] = pixels
                    usable += 1
                found.append(decoded)
        return found

    def _show(self, photos: Sequence[bytes]) -> Iterator[tuple[Decoded, NDArray[np.uint8]]]:
        """Show photos to a worker; what it found of each, with pixels that the next step may overwrite."""
        if len(photos) > 1:
            with suppress(WorkerDied):
                yield from zip(self._ask(photos), self._pixels, strict=False)
                return
        for photo in photos:
            yield self._show_alone(photo), self._pixels[0]

    def _show_alone(self, photo: bytes) -> Decoded:
        """Show a photo to a worker, and to a second one if the first dies of it."""
        try:
            check_bytes(len(photo), self._limits.image)
        except ItemFault as fault:
            return Decoded(fault, 0.0)
        for _ in range(TRIES):
            began = time.monotonic()
            try:
                return self._ask([photo])[0]
            except WorkerDied as death:
                pid, took_s = death.pid, time.monotonic() - began
        return Decoded(self._blame(pid, took_s), took_s * 1000)

    def _blame(self, pid: int, took_s: float) -> ItemFault | PassingTrouble:
        """Why a photo cost the last worker that it may cost."""
        cpu_s = self._limits.cpu_s
        if took_s < cpu_s * PATIENCE and self._fence.end_of(pid) == signal.SIGKILL:
            return PassingTrouble("what decoded it was killed, twice; has the machine too little memory?")
        if took_s >= cpu_s:
            return ItemFault(Reason.TIMED_OUT, f"decoding took more than {cpu_s:g} s")
        return ItemFault(Reason.CRASHED, "the decoder crashed over it, twice")

    def _ask(self, photos: Sequence[bytes]) -> list[Decoded]:
        """What a worker finds of a load.

        Raises:
            WorkerDied: It ended over one of the photos.
        """
        if self._worker is None:
            self._worker = self._fence.hire(self._order, self._memory)
            weakref.finalize(self, self._worker[0].close)  # and with it the worker ends
        data = b"".join(photos)
        self._shared[self._data_at : self._data_at + len(data)] = data
        talk, pid = self._worker
        answer = self._answer(talk, pid, [len(photo) for photo in photos])
        if len(data) > LOAD_BYTES:
            self._shared.madvise(mmap.MADV_REMOVE, self._data_at, len(data))
        if not answer:
            talk.close()
            self._worker = None
            raise WorkerDied(pid)
        return list(starmap(_decoded, json.loads(answer)))

    def _answer(self, talk: socket.socket, pid: int, lengths: list[int]) -> bytes:
        """What the worker says; nothing if it has died."""
        try:
            talk.send(json.dumps(lengths).encode())
            patience_ms = self._limits.cpu_s * PATIENCE * 1000
            waiting = select.poll()
            waiting.register(talk, select.POLLIN)
            if not waiting.poll(patience_ms):
                os.kill(pid, signal.SIGKILL)  # it has not closed its socket, so it is still the same process
            return talk.recv(MESSAGE_BYTES)
        except (BrokenPipeError, ConnectionResetError):
            return b""


def _decoded(took_ms: float, answer: dict[str, Any]) -> Decoded:
    if "reason" in answer:
        return Decoded(ItemFault(Reason(answer["reason"]), answer["detail"]), took_ms)
    info = ImageInfo(width=answer["width"], height=answer["height"], format=Format(answer["format"]))
    return Decoded(info, took_ms)


def _loads(photos: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Divide photos into what may be shown at once; a large one goes alone."""
    load: list[bytes] = []
    room = 0
    for photo in photos:
        if len(load) == LOAD or len(photo) > room:
            if load:
                yield load
            load, room = [], LOAD_BYTES
        load.append(photo)
        room -= len(photo)
    if load:
        yield load
