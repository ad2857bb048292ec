"""Photos over HTTP: what is told of one, its file, its small picture; and what no request gets."""

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hostile import png_of
from http_face import Client, Served, served
from http_inside import applied
from PIL import Image
from support import Shop, eventually, make_shop, photo
from workbench import opened, sort_all

from refundsorter.pictures import WAITING, Pictures

HOSTILE = os.fsdecode(b"<script>\x1b[2J\xff.jpg")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """One shop for all tests of this module."""
    return make_shop(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def face(shop: Shop) -> Iterator[Served]:
    """A daemon that has sorted photo 1, rejected photo 2 and sorted photo 3, whose name is hostile."""
    with served(shop) as found:
        for name, content, event in (
            ("a.jpg", photo("red", size=(400, 300)), "photo.sorted"),
            ("b.jpg", b"no photo", "photo.rejected"),
            (HOSTILE, photo("blue", form="PNG"), "photo.sorted"),
        ):
            shop.drop(name, content)
            found.daemon.wait_for(event)
        eventually(lambda: len(shop.lines()) == 3, "three lines")
        yield found


def test_a_photo_is_told_as_in_the_journal(shop: Shop, face: Served) -> None:
    """Every field of its line has the same value over HTTP, in the list and alone."""
    for line in shop.lines():
        del line["schema"], line["event"], line["previous"]
        told = face.client.get(f"/v1/images/{line['id']}")
        if line["id"] != 3:  # whose name JSON cannot hold as it is
            assert line.items() <= told.items()
        (listed,) = (one for one in face.client.get("/v1/images")["images"] if one["id"] == line["id"])
        assert told == listed | {"corrections": []}


def test_pages_follow_each_other(face: Served) -> None:
    """The cursor of one page leads to the next, to the end; also in the order of time."""
    for order in ("", "&since=2020-01-01T00:00:00Z"):
        found: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            page = face.client.get(f"/v1/images?limit=1{order}{cursor and f'&cursor={cursor}'}")
            found += [one["id"] for one in page["images"]]
            cursor = page["next"]
        assert found == [3, 2, 1]


def test_the_file_itself_is_given(shop: Shop, face: Served) -> None:
    """Byte by byte, with its type and an ETag by which it is given once."""
    answer = face.client.ask("/v1/images/1/content")
    assert answer.body == (shop.sorted / "WARM" / "a.jpg").read_bytes()
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''a.jpg"
    again = face.client.ask("/v1/images/1/content", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_a_small_picture_has_the_photos_proportions(face: Served) -> None:
    """A JPEG within 256 × 256 pixels, of the photo's colour."""
    answer = face.client.ask("/v1/images/1/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(answer.body)).convert("RGB")
    assert picture.size == (256, 192)
    pixel = picture.getpixel((128, 96))
    assert isinstance(pixel, tuple)
    red, _, blue = pixel
    assert red > 200
    assert blue < 50


def test_what_is_no_photo_is_not_drawn_and_not_shown_as_one(face: Served) -> None:
    """Its bytes come as bytes; there is no small picture of it, and the reason is told."""
    assert face.client.ask("/v1/images/2/content").headers["content-type"] == "application/octet-stream"
    answer = face.client.ask("/v1/images/2/thumbnail")
    assert answer.status == 404
    assert answer.json["detail"] == "Photo 2 cannot be drawn: its content begins like no picture."


def test_a_hostile_name_is_escaped(face: Served) -> None:
    """In JSON and in headers; no byte of it gives an order to a terminal, a browser or the protocol."""
    told = face.client.get("/v1/images/3")
    assert told["file"] == r"<script>\x1b[2J\xff.jpg"
    answer = face.client.ask("/v1/images/3/content")
    assert answer.headers["content-disposition"].endswith("%3Cscript%3E%5Cx1b%5B2J%5Cxff.jpg")
    assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/images/4", 404),
        ("/v1/images/0", 422),
        ("/v1/images/9223372036854775808", 422),
        ("/v1/images/..%2f..%2fetc%2fpasswd/content", 404),
        ("/v1/images/%2fetc%2fpasswd/content", 404),
        ("/v1/images/../../etc/passwd", 404),
        ("/v1/images/1%00/content", 422),
        ("/v1/images?state=gone", 422),
        ("/v1/images?since=yesterday", 422),
        ("/v1/images?since=1767225600", 422),
        ("/v1/images?since=2026-01-01T00:00:00", 422),
        ("/v1/images?min_confidence=nan", 422),
        ("/v1/images?limit=201", 422),
        ("/v1/images?cursor=1e999~3&since=2026-01-01T00:00:00Z", 422),
        ("/v1/images?cursor=next", 422),
        ("/v1/images?cursor=1.000000000~9999999999999999999&label=no", 200),
        ("/v1/images?path=/etc/passwd", 422),
        ("/v1/images?label=%27%20OR%201=1%20--", 200),
    ],
)
def test_what_is_wrong_is_refused(face: Served, path: str, status: int) -> None:
    """Each with its status, as a problem; nothing in a request names a file."""
    answer = face.client.ask(path)
    assert answer.status == status
    assert b"root:" not in answer.body
    if status == 200:
        assert answer.json == {"images": [], "next": None}
    else:
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_file_that_was_taken_or_replaced_is_not_given(shop: Shop, face: Served) -> None:
    """404 where it is gone, is another file, or is a link; and the photo again once it is back."""
    place, away = shop.sorted / "WARM" / "a.jpg", shop.base / "away"
    secret = shop.base / "secret"
    secret.write_bytes(b"x" * place.stat().st_size)
    place.rename(away)

    def refused() -> bool:
        answers = [face.client.ask(f"/v1/images/1/{what}") for what in ("content", "thumbnail")]
        return all(
            one.status == 404 and one.json["detail"].endswith("since it was sorted.") for one in answers
        )

    assert refused()
    place.symlink_to(secret)
    assert refused()
    place.unlink()
    os.mkfifo(place)
    assert refused()
    place.unlink()
    place.write_bytes(b"another file")
    assert refused()
    place.unlink()
    away.rename(place)
    assert face.client.ask("/v1/images/1/content").status == 200


def test_a_bomb_harms_nothing(shop: Shop, face: Served) -> None:
    """A picture of forty billion pixels is rejected, and asking for it small changes nothing."""
    shop.drop("bomb.png", png_of(200_000, 200_000, b""))
    face.daemon.wait_for("photo.rejected")
    number = face.client.get("/v1/images?name=bomb.png")["images"][0]["id"]
    assert face.client.ask(f"/v1/images/{number}/thumbnail").status == 404
    assert face.client.get("/livez") == {"status": "ok"}
    assert Path(f"/proc/{face.daemon.process.pid}").exists()


def test_statistics_count_what_was_filed(shop: Shop) -> None:
    """Totals, categories, the day, the last photos and the reasons are those of what was filed."""
    other = make_shop(shop.base / "other")
    with served(other) as face:
        other.drop("a.jpg", photo("red"))
        face.daemon.wait_for("photo.sorted")
        other.drop("b.jpg", b"no photo")
        eventually(lambda: len(other.lines()) == 2, "two lines")
        told = face.client.get("/v1/stats")
        status = face.client.get("/v1/status")
    nothing = {"waiting": 0, "claimed": 0, "classified": 0, "review": 0, "undone": 0}
    assert told["totals"] == status["photos"] == nothing | {"sorted": 1, "rejected": 1}
    assert told["categories"] == [{"category": "WARM", "sorted": 1, "review": 0, "rejected": 0}]
    assert [(day["sorted"], day["rejected"]) for day in told["days"]] == [(1, 1)]
    assert [one["file"] for one in told["recent"]] == ["b.jpg", "a.jpg"]
    assert told["errors"] == {"rejected": {"not_an_image": 1}, "waiting": {}}
    assert told["latency"]["photos"] == 2
    assert 0 < told["latency"]["total_s"]["p50"] <= told["latency"]["total_s"]["p99"]


def test_more_thumbnails_than_are_drawn_are_told_to_come_later(tmp_path: Path) -> None:
    """While as many wait as may, the next one is 503 at once with `Retry-After`; the others get theirs."""
    shop = make_shop(tmp_path)
    shop.drop("a.jpg", photo("red"))
    with opened(shop) as workshop:
        sort_all(workshop)
        with applied(workshop) as (client, ports), ThreadPoolExecutor(WAITING) as threads:
            assert isinstance(ports.pictures, Pictures)
            clients = [Client(client.address) for _ in range(WAITING)]
            with ports.pictures._drawing:
                waiting = [threads.submit(one.ask, "/v1/images/1/thumbnail") for one in clients]
                eventually(lambda: ports.pictures._places._value == 0, "no place is left")
                refused = client.ask("/v1/images/1/thumbnail")
                assert client.ask("/v1/images/1/content").status == 200
            assert (refused.status, refused.headers["retry-after"]) == (503, "5")
            assert [one.result().status for one in waiting] == [200] * WAITING
            for one in clients:
                one.close()
