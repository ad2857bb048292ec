"""Photos are sent, tried again, and put right over HTTP."""

import hashlib
import json
import os
import signal
import socket
from typing import Any
from urllib.parse import urlsplit

from http_face import BOUNDARY, Answer, Client, form, served
from support import Shop, eventually, photo
from workbench import rows

JSON = {"Content-Type": "application/json"}
HELD = "watch: {stability_s: 0, mode: jobs}\nbatch: {workers: 1}\nretry: {base_s: 1000, max_s: 1000}\n"


def send(client: Client, *photos: bytes, names: tuple[str, ...] = ()) -> Answer:
    """Send photos, under names."""
    body, headers = form(photos)
    for number, name in enumerate(names):
        body = body.replace(f'filename="{number}.jpg"'.encode(), f'filename="{name}"'.encode())
    return client.ask("/v1/images", method="POST", body=body, headers=headers)


def post(client: Client, path: str, body: Any = None) -> Answer:
    """Ask for something to be done."""
    return client.ask(path, method="POST", body=json.dumps(body).encode(), headers=JSON)


def hidden(shop: Shop) -> list[str]:
    """What lies in the inbox under hidden names."""
    return [name for name in os.listdir(shop.inbox) if name.startswith(".")]


def test_photos_that_are_sent_are_sorted(shop: Shop) -> None:
    """Each gets a number at once, under which it is found sorted, byte for byte."""
    contents = [photo("red"), photo("green")]
    with served(shop) as face:
        answer = send(face.client, *contents, names=("a.jpg", "b.jpg"))
        assert answer.status == 202, answer.body
        for sent, content, where in zip(
            answer.json["images"], contents, ("WARM/a.jpg", "COLD/b.jpg"), strict=True
        ):
            assert sent["sha256"] == hashlib.sha256(content).hexdigest()
            place = f"/v1/images/{sent['id']}"
            eventually(lambda place=place: face.client.get(place)["state"] == "sorted", "it is sorted")
            found = face.client.get(place)
            assert (found["source"], found["destination"]) == (sent["source"], f"{shop.sorted}/{where}")
            assert face.client.ask(f"{place}/content").body == content
        assert face.daemon.stop() == 0
    assert len(shop.lines()) == 2
    assert hidden(shop) == []


def test_a_name_leads_nowhere_and_replaces_nothing(shop: Shop) -> None:
    """Whatever the client calls a photo, it lies in the inbox itself, under a free name that is looked at."""
    shop.config.write_text(HELD)
    names = (
        "../../a.jpg",
        "/etc/a.jpg",
        "C:\\photos\\a.jpg",
        ".hidden",
        "x.part",
        "..",
        "",
        "é" * 200 + ".jpg",
    )
    with served(shop) as face:
        answer = send(face.client, *[photo("red", seed=n + 1) for n in range(len(names))], names=names)
        assert answer.status == 202, answer.body
        sent = answer.json["images"]
        assert [one["file"] for one in sent] == [
            "a.jpg", "a (2).jpg", "a (3).jpg", "hidden", "upload",
             "upload (2)", "upload (3)", "é" * 98 + ".jpg"
        ]  # fmt: skip
        assert {one["id"] for one in sent} == {None}, "only a job takes them"
    assert sorted(os.listdir(shop.inbox)) == sorted(one["file"] for one in sent)
    assert sorted(os.listdir(shop.base)) == ["config", "inbox", "models", "sorted", "state"]


def test_what_is_not_sent_to_its_end_leaves_nothing(shop: Shop) -> None:
    """A client that hangs up, a body that is too long, a form that is none: nothing lies in the inbox."""
    shop.config.write_text(HELD)
    with served(shop, REFUNDSORTER_HTTP__MAX_BODY_BYTES="1 MiB") as face:
        place = urlsplit(face.client.address)
        assert place.hostname
        head = "POST /v1/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n"
        head += f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        body, headers = form([photo("red")])
        with socket.create_connection((place.hostname, place.port or 80)) as connection:
            connection.sendall(head.encode() + body[:-40])
            eventually(lambda: hidden(shop), "the photo has begun to come")
        eventually(lambda: not hidden(shop), "it is cleared away")
        for status, wrong in (
            (400, body[:-10]),
            (400, body.replace(b'filename="', b'filename="\r\n')),
            (422, form([])[0]),
            (422, body.replace(b'name="image"', b'name="photo"')),
            (422, form([photo("red")], colour="red")[0]),
            (422, form([b"x"] * 65)[0]),
        ):
            answer = face.client.ask("/v1/images", method="POST", body=wrong, headers=headers)
            assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
        assert post(face.client, "/v1/images", {}).status == 415
        announced = headers | {"Content-Length": str(2 << 20)}
        assert face.client.ask("/v1/images", method="POST", body=body, headers=announced).status == 413
        assert face.daemon.stop() == 0  # and its log has nothing but events: it is read to its end
    assert os.listdir(shop.inbox) == []


def test_what_a_killed_daemon_left_half_sent_is_removed(shop: Shop) -> None:
    """The next upload to the next daemon clears it away; what another machine's left stays."""
    shop.config.write_text(HELD)
    (shop.inbox / ".refundsorter-0123456789abcdef-upload-1").write_bytes(b"of another machine")
    with served(shop) as face:
        place = urlsplit(face.client.address)
        body, headers = form([photo("red")])
        head = "POST /v1/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n"
        head += f"Content-Type: {headers['Content-Type']}\r\n\r\n"
        with socket.create_connection((place.hostname or "", place.port or 80)) as connection:
            connection.sendall(head.encode() + body[:-40])
            eventually(lambda: len(hidden(shop)) == 2, "the photo has begun to come")
            face.daemon.process.send_signal(signal.SIGKILL)
            face.daemon.process.wait()
    assert len(hidden(shop)) == 2
    with served(shop) as face:
        assert send(face.client, photo("red")).status == 202
    assert hidden(shop) == [".refundsorter-0123456789abcdef-upload-1"]


def test_a_photo_that_is_held_back_is_tried_now(shop: Shop) -> None:
    """A photo that would wait for long is sorted once it is asked for; one that is filed is refused."""
    shop.config.write_text(HELD.replace(", mode: jobs", ""))
    (shop.sorted / "WARM").write_bytes(b"in the way")
    with served(shop) as face:
        number = send(face.client, photo("red")).json["images"][0]["id"]
        eventually(lambda: face.client.get(f"/v1/images/{number}")["not_before"], "it is held back")
        (shop.sorted / "WARM").unlink()
        assert post(face.client, f"/v1/images/{number}/retry").status == 202
        eventually(lambda: face.client.get(f"/v1/images/{number}")["state"] == "sorted", "it is sorted")
        assert post(face.client, f"/v1/images/{number}/retry").status == 409
        assert post(face.client, "/v1/images/99/retry").status == 404
        assert post(face.client, "/v1/images/0/retry").status == 422


def test_a_photo_is_put_right(shop: Shop) -> None:
    """It lies in its category and the journal has the line; what cannot be is refused."""
    with served(shop) as face:
        number = send(face.client, photo("red")).json["images"][0]["id"]
        eventually(lambda: face.client.get(f"/v1/images/{number}")["state"] == "sorted", "it is sorted")
        place = f"/v1/images/{number}/correct"
        answer = post(face.client, place, {"category": "COLD", "by": "clerk"})
        assert (answer.status, answer.json["state"]) == (200, "done"), answer.body
        assert answer.json["destination"].startswith(f"{shop.sorted}/COLD/")
        assert os.path.exists(answer.json["destination"])
        again = post(face.client, place, {"category": "COLD"})
        assert (again.status, "already" in again.json["detail"]) == (409, True)
        unknown = post(face.client, place, {"category": "TOYS"})
        assert (unknown.status, "COLD, PLAIN, WARM" in unknown.json["detail"]) == (409, True)
        assert post(face.client, place, {"category": "TOYS", "new_category": True}).status == 200
        assert post(face.client, place, {"category": "../x", "new_category": True}).status == 422
        assert post(face.client, "/v1/images/99/correct", {"category": "COLD"}).status == 404
        assert face.daemon.stop() == 0
    assert [(one["to"], one["by"]) for one in shop.lines() if one["event"] == "corrected"] == [
        ("COLD", "clerk"),
        ("TOYS", None),
    ]
    assert rows(shop, "SELECT * FROM correction WHERE stage <> 'done'") == []


def test_a_photo_is_put_back(shop: Shop) -> None:
    """It lies where it came from, is not sorted again, and the journal has the line; once more is refused."""
    content = photo("red")
    with served(shop) as face:
        sent = send(face.client, content).json["images"][0]
        place = f"/v1/images/{sent['id']}"
        eventually(lambda: face.client.get(place)["state"] == "sorted", "it is sorted")
        answer = post(face.client, f"{place}/undo", {"by": "clerk"})
        assert (answer.status, answer.json["state"]) == (200, "done"), answer.body
        assert answer.json["destination"] == sent["source"]
        found = face.client.get(place)
        assert (found["state"], found["destination"]) == ("undone", sent["source"])
        assert [(one["how"], one["to_category"]) for one in found["corrections"]] == [("undone", None)]
        assert face.client.ask(f"{place}/content").body == content
        assert post(face.client, f"{place}/undo").status == 409
        assert post(face.client, f"{place}/retry").status == 409
        assert post(face.client, f"{place}/correct", {"category": "COLD"}).status == 409
        assert post(face.client, "/v1/images/99/undo").status == 404
        assert post(face.client, f"{place}/undo", {"category": "COLD"}).status == 422
        assert face.client.ask(f"{place}/undo", method="POST").status == 409
        job = post(face.client, "/v1/jobs", {"kind": "sweep", "undone": True}).json["id"]
        eventually(lambda: face.client.get(f"/v1/jobs/{job}")["sorted"] == 1, "it is sorted again")
        assert face.daemon.stop() == 0
    _, line, _ = shop.lines()
    assert (line["event"], line["by"]) == ("undone", "clerk")
