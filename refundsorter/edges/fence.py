"""The fence around decoding: photos are decoded by processes that may crash and hang.

Threads cannot promise that: native code that runs away keeps its thread for ever, and what it tears down is
the daemon. One program (`edges.decoding`) forks a worker for each decoder here. A worker that runs over its
time is ended by the kernel. As it may also have been killed from outside, for instance for want of memory in
the machine, its photo gets a second try with a new worker before it is blamed.
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
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.fault import ItemFault, PassingTrouble, Reason
from refundsorter.core.pixels import ImageInfo, ImageLimits, check_bytes
from refundsorter.core.sniff import Format

MESSAGE_BYTES = 4096  # no message between here and there is longer
PATIENCE = 3  # times the processor's time: how long on the clock before a worker is given up
TRIES = 2  # workers that one photo may cost
LARGE_BYTES = 8 << 20  # photos above this give their shared memory back after use


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What one photo may cost."""

    image: ImageLimits  # what it must be like
    cpu_s: float  # seconds of processor time
    memory_bytes: int  # beside what a worker needs for itself


def data_offset(side: int) -> int:
    """Where a photo's bytes begin in shared memory: at the first page behind uint8 [side, side, 3] pixels."""
    return -(-side * side * 3 // mmap.PAGESIZE) * mmap.PAGESIZE


class Fence:
    """The program that forks workers; started at once, and again should it die."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
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
        with theirs, self._lock:
            try:
                socket.send_fds(self._orders, [order], [theirs.fileno(), memory])
            except OSError:  # the program is gone
                self.close()
                self._start()
                socket.send_fds(self._orders, [order], [theirs.fileno(), memory])
        greeting = talk.recv(MESSAGE_BYTES)
        if not greeting:
            talk.close()
            raise PassingTrouble("no process to decode in can be started now")
        return talk, int(greeting)

    def close(self) -> None:
        """Let it end; workers end with their decoders."""
        self._orders.close()
        self._program.wait()

    def _start(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._program = subprocess.Popen(  # noqa: S603 - ourselves
                    [sys.executable, "-m", "refundsorter.edges.decoding", str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # only a process of one thread may fork
                )
            except OSError as error:
                raise PassingTrouble(f"starting the decoding program: {error.strerror}") from error


class FencedDecoder:
    """Decodes photos as `edges.decoder` does, in a worker of its own; it belongs to one thread at a time.

    Args:
        fence: Where workers come from.
        limits: What one photo may cost.
        input_size: Pixels of each side of the model's input.
    """

    def __init__(self, fence: Fence, *, limits: DecodeLimits, input_size: int) -> None:
        self._fence = fence
        self._limits = limits
        self._data_at = data_offset(input_size)
        self._memory = os.memfd_create("refundsorter-photo")
        weakref.finalize(self, os.close, self._memory)
        os.ftruncate(self._memory, self._data_at + limits.image.max_bytes)  # takes no memory until it is used
        self._shared = mmap.mmap(self._memory, 0)
        self._pixels = np.ndarray((input_size, input_size, 3), np.uint8, self._shared)
        order = asdict(limits.image) | {
            "input_size": input_size,
            "cpu_s": limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
        }
        self._order = json.dumps(order).encode()
        self._worker: tuple[socket.socket, int] | None = None

    def decode(self, data: bytes, out: NDArray[np.uint8]) -> ImageInfo:
        """Decode one photo, as `edges.decoder.Decoder.decode` does.

        Raises:
            ItemFault: The photo cannot be used, with the reason; also that it costs too much.
            PassingTrouble: There is no worker to be had now.
        """
        check_bytes(len(data), self._limits.image)
        self._shared[self._data_at : self._data_at + len(data)] = data
        try:
            answer = self._ask(len(data))
        finally:
            if len(data) > LARGE_BYTES:
                self._shared.madvise(mmap.MADV_REMOVE, self._data_at, len(data))
        if "reason" in answer:
            raise ItemFault(Reason(answer["reason"]), answer["detail"])
        out[...] = self._pixels
        return ImageInfo(width=answer["width"], height=answer["height"], format=Format(answer["format"]))

    def _ask(self, length: int) -> dict[str, Any]:
        """Show a photo to a worker, and to a second one if the first dies of it."""
        for _ in range(TRIES):
            if self._worker is None:
                self._worker = self._fence.hire(self._order, self._memory)
                weakref.finalize(self, self._worker[0].close)  # and with it the worker ends
            began = time.monotonic()
            answer = self._answer(*self._worker, length)
            if answer:
                return dict(json.loads(answer))
            self._worker[0].close()
            self._worker = None
        if time.monotonic() - began >= self._limits.cpu_s:
            raise ItemFault(Reason.TIMED_OUT, f"decoding took more than {self._limits.cpu_s:g} s")
        raise ItemFault(Reason.CRASHED, "the decoder crashed over it, twice")

    def _answer(self, talk: socket.socket, pid: int, length: int) -> bytes:
        """What the worker says; nothing if it has died."""
        try:
            talk.send(str(length).encode())
            patience_ms = self._limits.cpu_s * PATIENCE * 1000
            waiting = select.poll()
            waiting.register(talk, select.POLLIN)
            if not waiting.poll(patience_ms):
                os.kill(pid, signal.SIGKILL)  # it has not closed its socket, so it is still the same process
            return talk.recv(MESSAGE_BYTES)
        except (BrokenPipeError, ConnectionResetError):
            return b""
