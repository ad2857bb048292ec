"""The life of the HTTP face beside the daemon, and what every answer has in common."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime

import pytest
from http_face import SERVED, Client, served
from processes import family
from support import PATIENCE_S, Shop, eventually, photo

from refundsorter import __version__


def test_it_is_opened_when_the_daemon_is_ready_and_tells_how_it_does(shop: Shop) -> None:
    """Live, ready, and what serves; every loop, folder and the ledger are among what was looked at."""
    with served(shop) as face:
        client = face.client
        assert client.get("/livez") == client.get("/readyz") == {"status": "ok"}
        health = client.get("/healthz")
        assert health["live"]
        assert health["ready"]
        names = [check["name"] for check in health["checks"]]
        assert names == [
            "sorter",
            "nights",
            f"intake {shop.inbox}",
            "daemon",
            "bundle",
            "ledger",
            "inbox",
            "shelf",
        ]
        info = client.get("/v1/info")
        assert info["version"] == __version__
        assert info["model"] == "tiny/1.0.0"
        assert info["pid"] == face.daemon.process.pid
        assert client.get("/v1/status")["http"] == client.address
        assert f"It answers HTTP at {client.address}." in shop.run("status").stdout
        assert info["limits"]["max_bytes"] == 100 << 20
        assert face.daemon.stop() == 0


def test_it_tells_how_the_nights_stand(shop: Shop) -> None:
    """The schedule, the next night and the last one; the night is the last sweep of the metrics."""
    with served(shop, REFUNDSORTER_SWEEP__SCHEDULE="0 0 * * *") as face:
        eventually(lambda: '"done"' in face.client.ask("/v1/status").body.decode(), "the night over")
        nights = face.client.get("/v1/status")["nights"]
        assert (nights["schedule"], nights["last"]["job"], nights["last"]["state"]) == (
            "0 0 * * *",
            1,
            "done",
        )
        assert nights["next"] > nights["last"]["ended"]
        (line,) = [
            one
            for one in face.client.ask("/metrics").body.decode().splitlines()
            if one.startswith("refundsorter_sweep_last_success_timestamp_seconds ")
        ]
        ended = datetime.fromisoformat(nights["last"]["ended"]).timestamp()
        assert float(line.split()[1]) == pytest.approx(ended, abs=0.002)


def test_nothing_of_it_is_loaded_before_the_daemon_is_ready() -> None:
    """The daemon's own imports, and those of every command, bring no web framework in."""
    late = {"fastapi", "refundsorter.api", "uvicorn"}
    code = f"import sys, refundsorter.cli, refundsorter.daemon; print({late} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_a_taken_port_stops_no_photo_and_is_tried_again(shop: Shop) -> None:
    """It is told, photos are sorted meanwhile, and once the port is free the face opens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with shop.daemon(**SERVED | {"REFUNDSORTER_HTTP__PORT": str(port)}) as daemon:
            refused = daemon.wait_for("http.refused")
            assert refused["address"] == f"http://127.0.0.1:{port}"
            assert refused["trouble"] == "Address already in use"
            told = f"http://127.0.0.1:{port}: Address already in use"
            eventually(lambda: json.loads(shop.run("status", "--json").stdout)["http_refused"] == told, told)
            checks = json.loads(shop.run("doctor", "--json").stdout)
            assert [(one["verdict"], one["found"]) for one in checks if one["name"] == "http"] == [
                ("warning", told)
            ]
            shop.drop("a.jpg", photo("red"))
            daemon.wait_for("photo.sorted", file="a.jpg")
            taken.close()
            address = daemon.wait_for("http.listening")["address"]
            client = Client(address)
            assert client.get("/livez") == {"status": "ok"}
            client.close()


def test_it_is_not_ready_without_its_shelf(shop: Shop) -> None:
    """503 with the reason as a problem; it is alive all the same."""
    with served(shop) as face:
        shop.sorted.rename(shop.base / "away")
        answer = face.client.ask("/readyz")
        assert answer.status == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["reasons"] == [f"shelf: {shop.sorted}: it is not there"]
        assert face.client.get("/livez") == {"status": "ok"}
        (shop.base / "away").rename(shop.sorted)
        assert face.client.get("/readyz") == {"status": "ok"}


def test_nothing_is_sent_to_whoever_the_environment_names(shop: Shop) -> None:
    """Variables by which the web framework would export what it measures change nothing; nobody is called."""
    with socket.socket() as collector:
        collector.bind(("127.0.0.1", 0))
        collector.listen()
        collector.settimeout(0)
        address = f"http://127.0.0.1:{collector.getsockname()[1]}"
        told = {"FASTAPI_OTEL_AUTO_CONFIGURE": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": address}
        with served(shop, **told) as face:
            assert face.client.get("/livez") == {"status": "ok"}
            assert face.client.ask("/v1/images?limit=0").status == 422
            assert face.daemon.stop() == 0
        with pytest.raises(BlockingIOError):
            collector.accept()


def test_what_nobody_expected_is_told_to_the_log_alone(shop: Shop) -> None:
    """A row that is no longer what it was is 500, without a trace; the log has it, and sorting goes on."""
    with served(shop) as face:
        shop.drop("a.jpg", photo("red"))
        eventually(lambda: len(shop.lines()) == 1, "a line")
        with closing(sqlite3.connect(shop.state / "ledger.sqlite3")) as connection, connection:
            connection.execute("UPDATE images SET top_predictions = '[' WHERE id = 1")
        for path in ("/v1/images/1", "/v1/images", "/v1/images/1/content"):
            answer = face.client.ask(path)
            assert answer.status == 500
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.json["detail"] == "An error that nobody expected; the log tells more."
            assert "JSONDecodeError" in face.daemon.wait_for("http.failed", path=path)["exception"]
        shop.drop("b.jpg", photo("green"))
        face.daemon.wait_for("photo.sorted", file="b.jpg")
        assert face.daemon.stop() == 0


def test_it_is_not_ready_while_it_stops(shop: Shop) -> None:
    """From SIGTERM on `/readyz` is 503 and says why, while a photo that is in hand is finished."""
    with served(shop) as face:
        decoding = [pid for pid in family(face.daemon.process.pid) if pid != face.daemon.process.pid]
        for pid in decoding:
            os.kill(pid, signal.SIGSTOP)
        try:
            shop.drop("a.jpg", photo("red"))
            eventually(lambda: face.client.get("/v1/status")["photos"]["claimed"] == 1, "it is in hand")
            face.daemon.process.terminate()
            eventually(lambda: face.client.ask("/readyz").status == 503, "it is not ready")
            assert face.client.ask("/readyz").json["reasons"] == ["daemon: it is stopping"]
        finally:
            for pid in decoding:
                os.kill(pid, signal.SIGCONT)
        face.daemon.wait_for("photo.sorted", file="a.jpg")
        face.daemon.drain()
        assert face.daemon.process.wait(PATIENCE_S) == 0


def test_a_method_that_is_not_there_is_told_which_are(shop: Shop) -> None:
    """405 names every method that the place has, though each has a route of its own."""
    with served(shop) as face:
        answer = face.client.ask("/v1/jobs/1", method="PUT")
        assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET")


def test_what_is_not_there_is_a_problem(shop: Shop) -> None:
    """Every refusal has RFC 9457's form, and the headers that keep a browser from using it otherwise."""
    wrong = [
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/v1/info/", 404, "Not Found"),
        ("GET", "/docs", 404, "Not Found"),
        ("POST", "/livez", 405, "Method Not Allowed"),
    ]
    with served(shop) as face:
        for method, path, status, title in wrong:
            answer = face.client.ask(path, method=method)
            assert answer.status == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json == {"type": "about:blank", "title": title, "status": status}
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "server" not in answer.headers
