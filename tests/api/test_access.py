"""The door, tried from the wrong side; the daemon goes on sorting each time."""

import json
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from http_face import SERVED, Client, Served, form, served, still_sorts
from support import COMMAND, PATIENCE_S, Shop, environment, photo

CERTIFY = [
    *(
        "openssl",
        "req",
        "-x509",
        "-nodes",
        "-days",
        "1",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ),
    *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
]
JOB = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SMALL = {"REFUNDSORTER_HTTP__TIMEOUT_S": "0.3", "REFUNDSORTER_HTTP__MAX_REQUESTS": "2"}


def made(shop: Shop, name: str, role: str) -> dict[str, str]:
    """A new token, as the header of a request."""
    return {"Authorization": f"Bearer {shop.run('token', 'add', name, '--role', role).stdout.strip()}"}


@pytest.fixture
def locked(shop: Shop) -> Iterator[tuple[Served, dict[str, str], dict[str, str]]]:
    """A daemon that asks for tokens, one that may read, and one that may operate."""
    read, operate = made(shop, "reader", "read"), made(shop, "operator", "operate")
    with served(shop) as face:
        yield face, read, operate


Locked = tuple[Served, dict[str, str], dict[str, str]]


def test_every_route_but_two_needs_a_token(locked: Locked, shop: Shop) -> None:
    """401 without one or with a wrong one, for each method of each route, and for what is no route."""
    face, read, _ = locked
    client = face.client
    assert client.get("/livez") == client.get("/readyz") == {"status": "ok"}
    routes = json.loads(client.ask("/openapi.json", headers=read).body)["paths"]
    asked = [(method.upper(), path) for path, methods in routes.items() for method in methods]
    asked += [("GET", "/openapi.json"), ("GET", "/nothing"), ("GET", "/livez/"), ("GET", "//livez")]
    for method, path in asked:
        if path in ("/livez", "/readyz"):
            continue
        answer = client.ask(path, method=method)
        assert answer.status == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
    wrong = [
        "Bearer ",
        "Bearer x",
        "Basic eDp5",
        read["Authorization"] + "x",
        read["Authorization"][:-1],
        "\xff",
    ]
    for said in wrong:
        assert client.ask("/v1/status", headers={"Authorization": said}).status == 401
    still_sorts(face, shop)


def test_who_may_read_may_not_operate(locked: Locked, shop: Shop) -> None:
    """403 with the role that is needed; a token that may operate may also read."""
    face, read, operate = locked
    body, typed = b'{"kind": "sweep"}', {"Content-Type": "application/json"}
    assert face.client.ask("/v1/jobs", headers=read).json == {"jobs": [], "next": None}
    refused = face.client.ask("/v1/jobs", method="POST", body=body, headers=read | typed)
    assert refused.status == 403
    assert "operate" in refused.json["detail"]
    assert face.client.ask("/v1/jobs/1", method="DELETE", headers=read).status == 403
    image, kind = form([photo("red")])
    assert face.client.ask("/v1/images", method="POST", body=image, headers=read | kind).status == 403
    assert face.client.ask("/v1/predict", method="POST", body=image, headers=read | kind).status == 200
    assert face.client.ask("/v1/predict/batch", method="POST", body=image, headers=read | kind).status == 200
    assert face.client.ask("/v1/jobs", headers=operate).json == {"jobs": [], "next": None}
    assert face.client.ask("/v1/jobs", method="POST", body=body, headers=operate | typed).status == 201
    still_sorts(face, shop)


def test_who_asks_is_told_by_the_token(locked: Locked, shop: Shop) -> None:
    """A job and a correction are by the token's name, whatever the request says of itself."""
    face, read, operate = locked
    typed = operate | {"Content-Type": "application/json"}
    job = b'{"kind": "sweep", "by": "somebody else"}'
    assert face.client.ask("/v1/jobs", method="POST", body=job, headers=typed).json["by"] == "operator"
    still_sorts(face, shop)
    (found,) = face.client.ask("/v1/images", headers=read).json["images"]
    right = b'{"category": "COLD", "by": "somebody else"}'
    place = f"/v1/images/{found['id']}/correct"
    assert face.client.ask(place, method="POST", body=right, headers=typed).status == 200
    assert [one["by"] for one in shop.lines() if one["event"] == "corrected"] == ["operator"]


def test_a_revoked_token_is_worthless_at_once(locked: Locked, shop: Shop) -> None:
    """Without a restart, and also when it was the last; a new one counts at once, too."""
    face, read, operate = locked
    assert face.client.ask("/v1/info", headers=read).status == 200
    shop.run("token", "revoke", "reader")
    assert face.client.ask("/v1/info", headers=read).status == 401
    shop.run("token", "revoke", "operator")
    assert face.client.ask("/v1/info", headers=operate).status == 401
    assert face.client.ask("/v1/info").status == 401
    assert face.client.ask("/v1/info", headers=made(shop, "next", "read")).status == 200


def test_tokens_that_cannot_be_read_any_more_let_nobody_in(locked: Locked, shop: Shop) -> None:
    """503 for everybody, and the log says why; sorting goes on."""
    face, read, _ = locked
    (shop.state / "tokens.json").chmod(0o644)
    assert face.client.ask("/v1/info", headers=read).status == 503
    assert "chmod 600" in face.daemon.wait_for("http.tokens")["trouble"]
    still_sorts(face, shop)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{host: 0.0.0.0}", "http.tls_certificate and http.tls_key, or http.behind_proxy"),
        ("{host: '::'}", "http.tls_certificate and http.tls_key, or http.behind_proxy"),
        ("{host: 192.0.2.1, tls_certificate: a.pem}", "http.tls_key: found null"),
        ("{behind_proxy: true}", "refundsorter token add"),
        ("{host: 0.0.0.0, behind_proxy: true}", "refundsorter token add"),
        ("{tls_certificate: a.pem, tls_key: b.pem}", "No such file"),
        ("{cors_origins: ['*']}", "http.cors_origins"),
    ],
)
def test_a_door_that_would_stand_open_is_refused_at_start(shop: Shop, settings: str, said: str) -> None:
    """Status 78, with the reason and what to do; `config check` says the same."""
    with shop.config.open("a") as file:
        file.write(f"http: {settings}\n")
    for command in (["run"], ["config", "check"]):
        ran = started(shop, *command)
        assert ran.returncode == 78
        assert said in ran.stderr


def test_a_key_of_another_certificate_is_told_as_that(shop: Shop, tmp_path: Path) -> None:
    """In words, for what OpenSSL says tells nobody what is wrong."""
    for name in ("one", "two"):
        pair = ["-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.pem")]
        subprocess.run([*CERTIFY, *pair], check=True, capture_output=True)
    with shop.config.open("a") as file:
        file.write(f"http: {{tls_certificate: {tmp_path}/one.pem, tls_key: {tmp_path}/two.key}}\n")
    assert "the key is not this certificate's" in started(shop, "run").stderr


def started(shop: Shop, *command: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself, with the HTTP face on."""
    return subprocess.run(
        [*COMMAND, *command, "--config", str(shop.config)],
        env=environment() | {"REFUNDSORTER_HTTP__ENABLED": "true"},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def test_doctor_tells_of_a_door_that_would_stand_open(shop: Shop) -> None:
    """Before a start does."""
    ran = subprocess.run(
        [*COMMAND, "doctor", "--json", "--config", str(shop.config)],
        env=environment() | SERVED | {"REFUNDSORTER_HTTP__BEHIND_PROXY": "true"},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    (found,) = (check for check in json.loads(ran.stdout) if check["name"] == "http")
    assert found["verdict"] == "failed"
    assert "refundsorter token add" in found["found"]
    assert "\n" not in found["found"]  # a line on a terminal; there it would be an escape


def test_it_speaks_tls(shop: Shop, tmp_path: Path) -> None:
    """By the certificate of the settings; whoever speaks without it gets nothing."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [*CERTIFY, "-keyout", key, "-out", certificate],
        check=True, capture_output=True, timeout=PATIENCE_S,
    )  # fmt: skip
    paths = {"REFUNDSORTER_HTTP__TLS_CERTIFICATE": str(certificate), "REFUNDSORTER_HTTP__TLS_KEY": str(key)}
    with shop.daemon(**SERVED | paths) as daemon:
        address = daemon.wait_for("http.listening")["address"]
        assert address.startswith("https://127.0.0.1:")
        port = urlsplit(address).port
        context = ssl.create_default_context(cafile=str(certificate))
        with (
            socket.create_connection(("127.0.0.1", port), PATIENCE_S) as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1") as safe,
        ):
            safe.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert read_all(safe).startswith(b"HTTP/1.1 200 OK\r\n")
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain:
            plain.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b"HTTP/1.1 200" not in read_all(plain)


def test_a_socket_in_the_file_system_takes_the_place_of_the_port(shop: Shop) -> None:
    """Only owner and group may use it; one that a killed daemon left is replaced; it goes with the daemon."""
    place = shop.base / "http.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place))
    with shop.daemon(**SERVED | {"REFUNDSORTER_HTTP__UNIX_SOCKET": str(place)}) as daemon:
        assert daemon.wait_for("http.listening")["address"] == f"unix:{place}"
        assert stat.S_IMODE(place.stat().st_mode) & 0o007 == 0
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(place))
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n")
            assert read_all(client).startswith(b"HTTP/1.1 200 OK\r\n")
        assert daemon.stop() == 0
        assert not place.exists()


def test_a_page_that_calls_this_machine_by_its_own_name_is_refused(shop: Shop) -> None:
    """421 for any name but this machine's: a browser that was told another address for it says that name."""
    with served(shop, REFUNDSORTER_HTTP__HOST="'::1'") as face:
        port = urlsplit(face.client.address).port
        assert face.client.address == f"http://[::1]:{port}"
        ours = (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", "LOCALHOST")
        for host in ours:
            assert face.client.ask("/v1/info", headers={"Host": host}).status == 200
        wrong = [
            f"evil.example:{port}",
            "127.0.0.1.evil.example",
            "0.0.0.0",
            "[::1",
            "",
            "localhost@evil.example:1",
        ]
        for host in wrong:
            assert face.client.ask("/v1/info", headers={"Host": host}).status == 421, host
        still_sorts(face, shop)


def test_a_page_from_elsewhere_can_start_nothing(shop: Shop) -> None:
    """403 for a form that a browser sends along with another page's origin; this machine's own may."""
    body, typed = b'{"kind": "sweep"}', {"Content-Type": "application/json"}
    with served(shop) as face:
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "", "://"):
            answer = face.client.ask("/v1/jobs", method="POST", body=body, headers=typed | {"Origin": origin})
            assert answer.status == 403, origin
        own = typed | {"Origin": face.client.address}
        assert face.client.ask("/v1/jobs", method="POST", body=body, headers=own).status == 201
        assert len(face.client.get("/v1/jobs")["jobs"]) == 1


def test_other_pages_may_read_only_where_the_settings_name_them(shop: Shop) -> None:
    """No answer has a CORS header by default; with `http.cors_origins` only those for that origin do."""
    asked = {"Origin": "https://portal.example", "Access-Control-Request-Method": "POST"}
    with served(shop) as face:
        assert "access-control-allow-origin" not in face.client.ask("/v1/info", headers=asked).headers
        assert face.client.ask("/v1/jobs", method="OPTIONS", headers=asked).status in (403, 405)
    token = made(shop, "portal", "read")
    with served(shop, REFUNDSORTER_HTTP__CORS_ORIGINS="['https://portal.example']") as face:
        preflight = face.client.ask("/v1/jobs", method="OPTIONS", headers=asked)
        assert preflight.status == 200
        assert preflight.headers["access-control-allow-origin"] == "https://portal.example"
        stranger = asked | {"Origin": "https://evil.example"}
        refused = face.client.ask("/v1/jobs", method="OPTIONS", headers=stranger)
        assert (refused.status, refused.json["detail"]) == (400, "Disallowed CORS origin.")
        assert refused.headers["content-type"] == "application/problem+json"
        assert "access-control-allow-origin" not in refused.headers
        answer = face.client.ask("/v1/info", headers=token | asked)
        assert answer.headers["access-control-allow-origin"] == "https://portal.example"
        other = face.client.ask("/v1/info", headers=token | {"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side hangs up."""
    found = b""
    try:
        while piece := connection.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found


def spoken(face: Served, said: bytes) -> bytes:
    """What comes back when this is said and then nothing more, until the daemon hangs up."""
    place = urlsplit(face.client.address)
    with socket.create_connection((place.hostname, place.port), PATIENCE_S) as connection:
        connection.sendall(said)
        return read_all(connection)


def test_slow_clients_are_not_waited_for(shop: Shop) -> None:
    """Who says nothing, half a head or half a body gets 408 and is hung up on; others are answered."""
    half = [
        b"",
        b"GET /v1/info HTT",
        JOB,
        JOB + b"Content-Length: 17\r\n\r\n",
        JOB + b'Content-Length: 17\r\n\r\n{"kind": ',
        JOB + b"Transfer-Encoding: chunked\r\n\r\n3\r\n{",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /liv",
    ]  # fmt: skip
    with served(shop, **SMALL) as face:
        for said in half:
            assert b"HTTP/1.1 408 Request Timeout\r\n" in spoken(face, said), said
            other = Client(face.client.address)
            assert other.get("/livez") == {"status": "ok"}
            other.close()
        still_sorts(face, shop)


def test_bodies_have_a_limit(shop: Shop) -> None:
    """413 for one that says it has 5 GB, and for one that never says; the connection ends."""
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with served(shop) as face:
        assert spoken(face, JOB + b"Content-Length: 5000000000\r\n\r\n{").startswith(b"HTTP/1.1 413 ")
        endless = spoken(face, JOB + b"Transfer-Encoding: chunked\r\n\r\n" + piece * 17)
        assert endless.startswith(b"HTTP/1.1 413 ")
        asking = b"GET /v1/info HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000000\r\n\r\n"
        assert spoken(face, asking).startswith(b"HTTP/1.1 413 ")
        unread = spoken(face, asking.replace(b"5000000000", b"1000000"))
        assert unread.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in unread.lower()
        still_sorts(face, shop)


def test_a_crowd_is_told_to_come_later(shop: Shop) -> None:
    """While as many as allowed are in hand others get 503 with `Retry-After`; health is told anyway."""
    head = JOB + b"Expect: 100-continue\r\n"
    with served(shop, REFUNDSORTER_HTTP__MAX_REQUESTS="2") as face:
        place = urlsplit(face.client.address)
        slow = [socket.create_connection((place.hostname, place.port), PATIENCE_S) for _ in range(2)]
        for one in slow:
            one.sendall(head + b"Content-Length: 17\r\n\r\n")
            assert one.recv(64).startswith(b"HTTP/1.1 100")  # it is in hand: its body is asked for
        answer = face.client.ask("/v1/info")
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert face.client.get("/livez") == {"status": "ok"}
        still_sorts(face, shop)
        for one in slow:
            one.sendall(b'{"kind": "sweep"}')
            assert one.recv(64).startswith(b"HTTP/1.1 201")
            one.close()
        assert face.client.ask("/v1/info").status == 200


def test_what_is_no_http_is_a_problem_too(shop: Shop) -> None:
    """400 as RFC 9457 says, and the end of the connection."""
    with served(shop) as face:
        for said in (
            b"\x16\x03\x01\x02\x00\x01",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ):
            answer = spoken(face, said + b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert b"application/problem+json" in answer
        long = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000
        assert spoken(face, long).startswith(b"HTTP/1.1 400 ")
        still_sorts(face, shop)
