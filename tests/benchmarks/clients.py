"""Clients of the HTTP face that cost little themselves: ready requests over connections that are kept."""

import itertools
import selectors
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

BOUNDARY = "0123456789abcdef"


def request(photos: Sequence[Path]) -> bytes:
    """A request for predictions of photos."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="{one.name}"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode()
        + one.read_bytes()
        + b"\r\n"
        for one in photos
    ]
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    head = (
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """One that is kept."""

    def __init__(self, address: str) -> None:
        place = urlsplit(address)
        assert place.hostname, address
        self.socket = socket.create_connection((place.hostname, place.port or 80))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._came = b""

    def ask(self, wanted: bytes) -> None:
        """Send a request and read its answer, which has to be 200."""
        self.socket.sendall(wanted)
        while not self.receive():
            pass

    def receive(self) -> bool:
        """Read what has come; whether the answer is complete."""
        self._came += self.socket.recv(1 << 16)
        head, separator, body = self._came.partition(b"\r\n\r\n")
        if not separator:
            return False
        assert head.startswith(b"HTTP/1.1 200"), self._came
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        if len(body) < length:
            return False
        self._came = b""
        return True


def latencies(address: str, requests: Sequence[bytes]) -> list[float]:
    """Milliseconds of one request after another."""
    connection, waits = Connection(address), []
    for one in requests:
        began = time.perf_counter()
        connection.ask(one)
        waits.append((time.perf_counter() - began) * 1000)
    return waits


def rate(address: str, requests: Sequence[bytes], *, clients: int, seconds: float) -> float:
    """Requests a second of so many clients, each of which asks again when it is answered."""
    again = itertools.cycle(requests)
    answered, began = 0, time.perf_counter()
    with selectors.DefaultSelector() as waiting:
        for _ in range(clients):
            connection = Connection(address)
            connection.socket.sendall(next(again))
            waiting.register(connection.socket, selectors.EVENT_READ, connection)
        while (took := time.perf_counter() - began) < seconds:
            for key, _ in waiting.select():
                if key.data.receive():
                    answered += 1
                    key.data.socket.sendall(next(again))
    return answered / took
