"""The program in which photos are decoded, apart from the daemon: what it dies of harms one photo.

`python -m refundsorter.edges.decoding FD` imports the decoder once and then forks a worker for every order
that comes through the socket FD, so a worker costs milliseconds and shares its memory with the others. A
worker takes a load of photos out of shared memory and puts their pixels back there. It may use so much
processor time and so much memory a photo; the kernel ends it when it takes more, whatever native code it is
in. Workers and program end when the other ends of their sockets are closed: nobody has to stop them.
"""

import gc
import json
import mmap
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.fault import ItemFault
from refundsorter.core.pixels import ImageLimits
from refundsorter.edges.decoder import Decoder, be_lenient
from refundsorter.edges.fence import LOAD, MESSAGE_BYTES, data_offset

MAX_DETAIL = MESSAGE_BYTES // LOAD // 16  # characters; JSON writes one as twelve bytes at most
ENDED_BY_OTHERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # a terminal sends them to whole groups
USUAL_PLUGINS = ("PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin")


def main(descriptor: int) -> None:
    """Fork workers until nobody can order any more."""
    for number in ENDED_BY_OTHERS:
        signal.signal(number, signal.SIG_IGN)
    for plugin in USUAL_PLUGINS:
        import_module(plugin)
    gc.freeze()  # a collection in a worker would copy every page that it shares
    orders = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGCHLD, lambda *_: _bury(orders))
    while received := _next(orders):
        order, descriptors = received
        if _fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            orders.close()
            work(json.loads(order), *descriptors)
            os._exit(0)
        for one in descriptors:
            os.close(one)


def _next(orders: socket.socket) -> tuple[bytes, list[int]] | None:
    """The next order, with its descriptors; None when there will be none."""
    try:
        order, descriptors, _, _ = socket.recv_fds(orders, MESSAGE_BYTES, 2)
    except ConnectionResetError:  # reports lay there that nobody had read
        return None
    return (order, descriptors) if order else None


def _fork() -> int | None:
    """Fork; None where that cannot be done now: who ordered it is told by the end of the socket."""
    try:
        return os.fork()
    except OSError:
        return None


def _bury(reports: socket.socket) -> None:
    """Tell which workers a signal has ended, and which signal: process id and number."""
    with suppress(ChildProcessError, BlockingIOError, BrokenPipeError):
        while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            pid, status = ended
            if os.WIFSIGNALED(status):
                reports.send(json.dumps([pid, os.WTERMSIG(status)]).encode(), socket.MSG_DONTWAIT)


def work(order: dict[str, int], talk: int, memory: int) -> None:
    """Decode photos until nobody asks any more.

    Args:
        order: `input_size`, `max_pixels`, `max_bytes`, `min_side` as the decoder takes them; `cpu_s`, seconds
            of processor time a photo; `memory_bytes`, that decoding may add; `lenient`, not 0 where the
            beginning of a picture will do.
        talk: The socket: the lengths of photos come in; for each one milliseconds and what it is, or why not,
            go out.
        memory: Shared memory: pixels, uint8 [LOAD, input_size, input_size, 3], and at the next page the
            photos, one behind another.
    """
    side, seconds = order["input_size"], order["cpu_s"]
    limits = ImageLimits(
        max_bytes=order["max_bytes"], max_pixels=order["max_pixels"], min_side=order["min_side"]
    )
    if order["lenient"]:
        be_lenient()
    decoder = Decoder(limits=limits, input_size=side)
    shared = mmap.mmap(memory, 0)
    pixels = np.ndarray((LOAD, side, side, 3), np.uint8, shared)
    _allow_memory(order["memory_bytes"])
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # native decoders mutter; what matters is in the answer
    with socket.socket(fileno=talk) as asked:
        asked.send(str(os.getpid()).encode())
        while lengths := asked.recv(MESSAGE_BYTES):
            answers, start = [], data_offset(side)
            for position, length in enumerate(json.loads(lengths)):
                data = shared[start : start + length]
                start += length
                began = perf_counter()
                signal.setitimer(signal.ITIMER_PROF, seconds)  # its signal kills, in native code too
                answer = _decoded(decoder, data, pixels[position])
                signal.setitimer(signal.ITIMER_PROF, 0)
                answers.append((round((perf_counter() - began) * 1000, 3), answer))
            asked.send(json.dumps(answers).encode())


def _decoded(decoder: Decoder, data: bytes, pixels: NDArray[np.uint8]) -> dict[str, object]:
    try:
        info = decoder.decode(data, pixels)
    except ItemFault as fault:
        return {"reason": fault.reason, "detail": fault.detail[:MAX_DETAIL]}
    return {"width": info.width, "height": info.height, "format": info.format}


def _allow_memory(more_bytes: int) -> None:
    with open("/proc/self/statm", "rb") as file:
        now_bytes = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now_bytes + more_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main(int(sys.argv[1]))
