"""Fetching over TLS, from a real server with a certificate of the test."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from refundsorter.core.fetching import FetchLimits, NotFetched, Why
from refundsorter.edges.fetch import fetch

PUBLIC = "93.184.215.14"  # any address that everybody can reach; the test's own server answers for it
HOST = "shop.example"
LIMITS = FetchLimits(max_bytes=1000, timeout_s=10.0)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nphoto"
CERTIFY = (
    "openssl req -x509 -nodes -days 1 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
    f"-subj /CN={HOST} -addext subjectAltName=DNS:{HOST}"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of the host that signs itself, with its key beside it."""
    folder = tmp_path_factory.mktemp("tls")
    out = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([*CERTIFY.split(), *out], check=True, capture_output=True)
    return folder / "certificate.pem"


@contextmanager
def serving(certificate: Path, answer: bytes = ANSWER) -> Iterator[Callable[..., bytes]]:
    """A server that speaks TLS, once, and what fetches from it by the host's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))

    def serve(listening: socket.socket) -> None:
        opened, _ = listening.accept()
        with opened, suppress(OSError), context.wrap_socket(opened, server_side=True) as connection:
            connection.recv(65536)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        place = listening.getsockname()
        yield partial(
            fetch,
            limits=LIMITS,
            resolve=lambda _name, _port: [PUBLIC],
            connect=lambda _address, _port, timeout_s: socket.create_connection(place, timeout_s),
        )
        thread.join(LIMITS.timeout_s)


def trusting(certificate: Path) -> Callable[[], ssl.SSLContext]:
    """What trusts the certificate, and is else as strict as ever."""
    return partial(ssl.create_default_context, cafile=str(certificate))


def test_a_photo_comes_over_tls(certificate: Path) -> None:
    """Where the other side proves to be the host of the URL."""
    with serving(certificate) as get:
        assert get(f"https://{HOST}/a.jpg", tls=trusting(certificate)) == b"photo"


def test_who_cannot_prove_it_is_not_asked(certificate: Path) -> None:
    """A certificate that nobody signs for, and one of another host, both come to nothing."""
    with serving(certificate) as get, pytest.raises(NotFetched) as found:
        get(f"https://{HOST}/a.jpg")
    assert found.value.why is Why.FAILED
    with serving(certificate) as get, pytest.raises(NotFetched) as found:
        get("https://other.example/a.jpg", tls=trusting(certificate))
    assert found.value.why is Why.FAILED


def test_no_redirect_leads_out_of_tls(certificate: Path) -> None:
    """From https only https follows."""
    away = b"HTTP/1.1 302 Found\r\nLocation: http://shop.example/a.jpg\r\nContent-Length: 0\r\n\r\n"
    with serving(certificate, away) as get, pytest.raises(NotFetched) as found:
        get(f"https://{HOST}/a.jpg", tls=trusting(certificate))
    assert found.value.why is Why.REFUSED
