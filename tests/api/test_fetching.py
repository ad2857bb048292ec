"""Photos by URL over HTTP, where public addresses lead to servers of the test."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from http_face import Client
from http_inside import applied
from support import Shop, photo
from workbench import opened

from refundsorter.edges.fetch import fetch
from refundsorter.sending import Sources

PUBLIC = "93.184.215.14"  # any address that everybody can reach
MANY = 64
TIMEOUT_S = 0.5
FETCHING = f"http: {{fetch: true, fetch_timeout_s: {TIMEOUT_S}}}\n"


@contextmanager
def asked(shop: Shop, port: int) -> Iterator[Client]:
    """A client of the application, which finds a server of the test at every public address."""

    def connect(_address: str, _port: int, timeout_s: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout_s)

    with opened(shop) as workshop:
        sources = Sources(workshop.settings, get=partial(fetch, connect=connect))
        with applied(workshop, sources=sources) as (client, _):
            yield client


def batch(client: Client, count: int) -> tuple[list[int | None], float]:
    """Ask about so many URLs; the status of each problem, None for an answer, and the seconds that took."""
    urls = [{"url": f"http://{PUBLIC}/{number}.jpg"} for number in range(count)]
    began = time.monotonic()
    answer = client.ask(
        "/v1/predict/batch",
        method="POST",
        body=json.dumps({"images": urls}).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status == 200, answer.body
    results = answer.json["results"]
    return [one["problem"] and one["problem"]["status"] for one in results], time.monotonic() - began


def test_many_dead_urls_cost_one_time(shop: Shop) -> None:
    """Of a server that takes connections and says nothing, 64 take as long as one, and all are 504."""
    shop.config.write_text(shop.config.read_text() + FETCHING)
    with socket.create_server(("127.0.0.1", 0)) as silent, asked(shop, silent.getsockname()[1]) as client:
        statuses, took_s = batch(client, MANY)
    assert statuses == [504] * MANY
    assert took_s < 5 * TIMEOUT_S


def test_photos_by_url_are_told_in_their_order(shop: Shop) -> None:
    """They are fetched at once, and answered in the order in which they were asked for."""
    shop.config.write_text(shop.config.read_text() + FETCHING.replace(str(TIMEOUT_S), "20"))
    content = photo("red")

    def serve(listening: socket.socket) -> None:
        for _ in range(MANY):
            connection, _ = listening.accept()
            with connection:
                number = int(connection.recv(65536).split(b"/")[1].partition(b".")[0])
                status = b"200 OK" if number % 2 else b"404 Not Found"
                connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(content)))
                connection.sendall(content)

    with socket.create_server(("127.0.0.1", 0), backlog=MANY) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        with asked(shop, listening.getsockname()[1]) as client:
            statuses, _ = batch(client, MANY)
    assert statuses == [502, None] * (MANY // 2)
