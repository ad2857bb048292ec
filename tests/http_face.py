"""A daemon with its HTTP face, and a client that knows nothing of how it is built."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from support import PATIENCE_S, Running, Shop, photo

SERVED = {"REFUNDSORTER_HTTP__ENABLED": "true", "REFUNDSORTER_HTTP__PORT": "0"}

BOUNDARY = "----0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]  # by names in small letters
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Client:
    """One connection that is kept."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_S)

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request and read the answer."""
        self._connection.request(method, path, body, headers or {})
        found = self._connection.getresponse()
        return Answer(
            status=found.status,
            headers={name.lower(): value for name, value in found.getheaders()},
            body=found.read(),
        )

    def get(self, path: str) -> Any:
        """What is there: JSON, with status 200."""
        found = self.ask(path)
        assert found.status == 200, found.body
        return found.json

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Served:
    """A daemon, and the way to its face."""

    daemon: Running
    client: Client


@contextmanager
def served(shop: Shop, **variables: str) -> Iterator[Served]:
    """A daemon whose face is open."""
    with shop.daemon(**SERVED | variables) as daemon:
        client = Client(daemon.wait_for("http.listening")["address"])
        try:
            yield Served(daemon, client)
        finally:
            client.close()


def still_sorts(face: Served, shop: Shop, name: str = "after.jpg") -> None:
    """A photo that comes now is sorted."""
    shop.drop(name, photo("red"))
    face.daemon.wait_for("photo.sorted", file=name)


def form(files: Sequence[bytes], **fields: str) -> tuple[bytes, dict[str, str]]:
    """A form with files named 0.jpg, 1.jpg …, and with fields."""
    parts = [
        f'Content-Disposition: form-data; name="image"; filename="{number}.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode()
        + content
        for number, content in enumerate(files)
    ]
    parts += [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in fields.items()
    ]
    body = b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts)
    return body + f"--{BOUNDARY}--\r\n".encode(), {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"
    }


@contextmanager
def server(answers: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """One that is no daemon: its address, and what it was sent; each answer ends a connection."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as here:
        here.settimeout(PATIENCE_S)

        def serve() -> None:
            for said in answers:
                connection, _ = here.accept()
                with connection:
                    heard.append(connection.recv(1 << 16))
                    connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{here.getsockname()[1]}", heard
        finally:
            thread.join()


def answer(status: str, body: bytes, *headers: bytes) -> bytes:
    """As a server writes it."""
    head = [f"HTTP/1.1 {status}".encode(), b"Content-Length: %d" % len(body), b"Connection: close", *headers]
    return b"\r\n".join([*head, b"", body])
