"""Predictions over HTTP: asked of a real daemon, which sorts meanwhile."""

import base64
import json
import os
import threading
from typing import Any

from hostile import png_bomb
from http_face import Answer, Client, form, served, still_sorts
from pictures import large
from support import CATEGORY_OF, LABELS, PATIENCE_S, Shop, eventually, photo
from workbench import rows

BATCH = "/v1/predict/batch"
JSON = {"Content-Type": "application/json"}


def send(client: Client, *files: bytes, to: str = "/v1/predict", **fields: str) -> Answer:
    """Ask about files."""
    body, headers = form(files, **fields)
    return client.ask(to, method="POST", body=body, headers=headers)


def post(client: Client, body: Any, to: str = "/v1/predict") -> Answer:
    """Ask by JSON."""
    return client.ask(to, method="POST", body=json.dumps(body).encode(), headers=JSON)


def test_an_image_is_told_and_stays(shop: Shop) -> None:
    """The answer has the journal's fields; ledger, shelf and inbox are as they were."""
    content = photo("red")
    with served(shop) as face:
        answer = send(face.client, content, top_k="2")
        assert answer.status == 200, answer.body
        (found,) = answer.json["predictions"]
        assert (found["label"], found["category"], found["state"]) == ("red", "WARM", "sorted")
        assert (found["file"], found["bytes"], found["width"], found["height"]) == (
            "0.jpg",
            len(content),
            40,
            30,
        )
        assert (found["model"], found["cached"], len(found["top_predictions"])) == ("tiny/1.0.0", False, 2)
        assert found["infer_ms"] > 0
        assert found["decode_ms"] > 0
        assert face.daemon.stop() == 0
    assert rows(shop, "SELECT * FROM images") == []
    assert not shop.photos()


def test_json_names_an_image(shop: Shop) -> None:
    """By base64 or by its path below a root that may be read; the answer is the same."""
    (shop.base / "returns" / "may").mkdir(parents=True)
    file = shop.base / "returns" / "may" / "a.png"
    file.write_bytes(photo("blue", form="PNG"))
    with served(shop, REFUNDSORTER_HTTP__READ_ROOTS="[returns]") as face:
        by_path = post(face.client, {"path": str(file)}).json["predictions"][0]
        sent = base64.b64encode(file.read_bytes()).decode()
        by_content = post(face.client, {"base64": sent, "top_k": 1}).json["predictions"][0]
    assert (by_path["file"], by_path["label"], by_path["category"]) == ("a.png", "blue", "COLD")
    assert (by_content["file"], by_content["sha256"]) == (None, by_path["sha256"])
    assert len(by_content["top_predictions"]) == 1
    assert file.exists()


def test_no_path_leads_outside(shop: Shop) -> None:
    """Outside the roots, up by dots, by a link of any kind, or at no file: nothing is read."""
    root = shop.base / "returns"
    root.mkdir()
    (shop.base / "secret").mkdir()
    (shop.base / "secret" / "a.jpg").write_bytes(photo("red"))
    (root / "link.jpg").symlink_to(shop.base / "secret" / "a.jpg")
    (root / "folder").symlink_to(shop.base / "secret")
    os.mkfifo(root / "fifo")
    wrong = {
        f"{shop.base}/secret/a.jpg": 403,
        f"{root}/../secret/a.jpg": 403,
        f"{root}x": 403,
        "returns/a.jpg": 403,
        "/etc/passwd": 403,
        str(root): 403,
        f"{root}/\0": 403,
        f"{root}/link.jpg": 404,
        f"{root}/folder/a.jpg": 404,
        f"{root}/none.jpg": 404,
        f"{root}/fifo": 422,
        f"{root}/folder": 404,
    }
    with served(shop, REFUNDSORTER_HTTP__READ_ROOTS=f"[{root}]") as face:
        for path, status in wrong.items():
            answer = post(face.client, {"path": path})
            assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), (
                path
            )
        assert post(face.client, {"url": "http://127.0.0.1/a.jpg"}).status == 403
        still_sorts(face, shop)
    with served(shop) as face:
        assert post(face.client, {"path": str(root / "link.jpg")}).status == 403, (
            "nothing may be read unless set"
        )


def test_only_public_addresses_are_fetched(shop: Shop) -> None:
    """With `http.fetch` only public addresses are asked, and trouble is told; without it none is asked."""
    private = ("127.0.0.1", "169.254.169.254", "[::1]", "localhost", "[::ffff:10.0.0.1]")
    urls = [f"http://{host}/a.jpg" for host in private] + ["file:///etc/passwd"]
    fetching = {"REFUNDSORTER_HTTP__FETCH": "true", "REFUNDSORTER_HTTP__FETCH_TIMEOUT_S": "1"}
    with served(shop, **fetching) as face:
        for url in urls:
            answer = post(face.client, {"url": url})
            assert answer.status == 403, url
            assert "http.fetch" not in answer.json["detail"]
        assert post(face.client, {"url": "http://nowhere.invalid/a.jpg"}).status in (502, 504)
        sources = [{"url": urls[0]}, {"base64": base64.b64encode(photo("blue")).decode()}]
        mixed = post(face.client, {"images": sources}, to=BATCH).json["results"]
        assert (mixed[0]["problem"]["status"], mixed[1]["prediction"]["label"]) == (403, "blue")
        still_sorts(face, shop)
    with served(shop) as face:
        assert "http.fetch" in post(face.client, {"url": urls[0]}).json["detail"]


def test_one_bad_image_leaves_its_neighbours(shop: Shop) -> None:
    """In a batch each has its own result; a bomb, a text and a missing file are told with their reasons."""
    bad = {"too_many_pixels": png_bomb(), "not_an_image": b"no photo", "empty": b""}
    with served(shop) as face:
        contents = [photo("red"), *bad.values(), photo("green")]
        answer = send(face.client, *contents, to=BATCH)
        results = answer.json["results"]
        assert [one["problem"] and one["problem"]["reason"] for one in results] == [None, *bad, None]
        assert [one["prediction"] and one["prediction"]["label"] for one in results] == [
            "red", None, None, None, "green"
        ]  # fmt: skip
        sources = [{"path": "/etc/passwd"}, {"base64": base64.b64encode(photo("blue")).decode()}]
        mixed = post(face.client, {"images": sources}, to=BATCH).json["results"]
        assert (mixed[0]["problem"]["status"], mixed[1]["prediction"]["label"]) == (403, "blue")
        alone = send(face.client, png_bomb())
        assert (alone.status, alone.json["reason"]) == (422, "too_many_pixels")
        together = send(face.client, photo("red"), b"no photo")
        assert (together.status, together.json["errors"][0]["where"]) == (422, "body.image.1")
        still_sorts(face, shop)


def test_a_text_that_names_no_image_leaves_its_neighbours(shop: Shop) -> None:
    """In a batch an empty, a short, a wrong or an endless one is its own problem; a number is refused."""
    long = "a" * 100_000
    bad = [{"base64": text} for text in ("", "x", "====", "ä", "a" * 4096)]
    bad += [{"path": text} for text in ("", "\0", f"{shop.base}/{long}.jpg", f"{shop.base}/{'b/' * 10_000}")]
    bad += [{"url": text} for text in ("", "x", "http://", f"http://{long}/", f"http://[::1]/{long}")]
    settings = {"REFUNDSORTER_HTTP__READ_ROOTS": f"[{shop.base}]", "REFUNDSORTER_HTTP__FETCH": "true"}
    with served(shop, **settings) as face:
        good = {"base64": base64.b64encode(photo("blue")).decode()}
        answer = post(face.client, {"images": [*bad, good]}, to=BATCH)
        assert answer.status == 200, answer.body
        *others, last = answer.json["results"]
        assert {one["problem"]["status"] for one in others} <= {403, 404, 422}, others
        assert last["prediction"]["label"] == "blue"
        assert len(post(face.client, good | {"top_k": 2.0}).json["predictions"][0]["top_predictions"]) == 2
        asked = [post(face.client, good | {"top_k": number}).status for number in (None, 2.5, 0, "2")]
        assert asked == [200, 422, 422, 422]
        (flaw,) = post(face.client, {"path": 5}).json["errors"]
        assert flaw["problem"] == "Input should be a valid string"


def test_what_was_seen_before_is_answered_from_the_ledger(shop: Shop) -> None:
    """A sorted photo's content is not inferred again, unless more labels are asked for than were kept."""
    shop.config.write_text(shop.config.read_text() + "decision: {top_k: 2}\n")
    with served(shop) as face:
        shop.drop("a.jpg", photo("green"))
        eventually(lambda: face.client.get("/v1/images?state=sorted")["images"], "it is sorted")
        (seen,) = send(face.client, photo("green")).json["predictions"]
        (more,) = send(face.client, photo("green"), top_k="3").json["predictions"]
        (other,) = send(face.client, photo("green", seed=1)).json["predictions"]
    assert (seen["cached"], seen["infer_ms"], len(seen["top_predictions"])) == (True, None, 2)
    assert (more["cached"], len(more["top_predictions"]), more["confidence"]) == (
        False,
        3,
        seen["confidence"],
    )
    assert other["cached"] is False


def test_an_answer_is_kept_where_that_is_asked_for(shop: Shop) -> None:
    """It has a number and a line then, and is the answer to the same content later; nothing else is kept."""
    sent = base64.b64encode(photo("blue")).decode()
    with served(shop) as face:
        (plain,) = send(face.client, photo("red")).json["predictions"]
        (kept,) = send(face.client, photo("red"), record="true").json["predictions"]
        (again,) = send(face.client, photo("red")).json["predictions"]
        mixed = post(
            face.client, {"images": [{"path": "/x"}, {"base64": sent}], "record": True}, to=BATCH
        ).json
        assert send(face.client, photo("green"), b"none", record="true").status == 422
        assert send(face.client, photo("green"), record="perhaps").status == 422
        eventually(lambda: len(shop.lines()) == 2, "the lines are written")
    assert [plain["prediction"], kept["prediction"], again["prediction"]] == [None, 1, None]
    assert [plain["cached"], kept["cached"], again["cached"]] == [False, False, True]
    assert [one["prediction"] and one["prediction"]["prediction"] for one in mixed["results"]] == [None, 2]
    assert [(line["event"], line["prediction"], line["label"], line["by"]) for line in shop.lines()] == [
        ("predicted", 1, "red", None),
        ("predicted", 2, "blue", None),
    ]
    assert rows(shop, "SELECT * FROM images") == []


def test_many_ask_at_once_while_photos_are_sorted(shop: Shop) -> None:
    """Eight clients and a full inbox: every answer is that image's own, and every photo is sorted."""
    wrong: list[Any] = []

    def ask(address: str, number: int) -> None:
        client = Client(address)
        for turn in range(10):
            colour = LABELS[(number + turn) % len(LABELS)]
            (found,) = send(client, photo(colour, seed=100 + number * 10 + turn)).json["predictions"]
            if found["category"] != CATEGORY_OF[colour]:
                wrong.append((colour, found))
        client.close()

    with served(shop) as face:
        for number in range(40):
            shop.drop(f"{number}.jpg", photo(LABELS[number % len(LABELS)], seed=number + 1))
        clients = [threading.Thread(target=ask, args=(face.client.address, number)) for number in range(8)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(PATIENCE_S)
        eventually(lambda: len(shop.lines()) == 40, "every photo is sorted")
        assert face.daemon.stop() == 0
    assert wrong == []


def test_a_full_queue_is_told(shop: Shop) -> None:
    """What does not fit any more is 503 with Retry-After; what was taken is answered whole."""
    answers: list[Answer] = []
    slow, is_full = large(1500), threading.Event()

    def ask(address: str) -> None:
        client = Client(address)
        while not is_full.is_set():
            answers.append(send(client, *[slow] * 64, to=BATCH))
            if answers[-1].status == 503:
                is_full.set()
        client.close()

    with served(shop, REFUNDSORTER_HTTP__PREDICT_QUEUE="64", REFUNDSORTER_BATCH__WORKERS="1") as face:
        clients = [threading.Thread(target=ask, args=(face.client.address,)) for _ in range(2)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(PATIENCE_S)
        assert send(face.client, photo("red")).status == 200
    (refused,) = [one for one in answers if one.status != 200]
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert refused.headers["content-type"] == "application/problem+json"
    for one in answers:
        if one is not refused:
            assert [found["prediction"]["width"] for found in one.json["results"]] == [1500] * 64


def test_what_is_wrong_with_a_request_is_told(shop: Shop) -> None:
    """Each slip is a problem with its own status, and the next request on the connection is answered."""
    good, kind = form([photo("red")])
    wrong: list[tuple[int, bytes, dict[str, str]]] = [
        (415, b"<xml/>", {"Content-Type": "text/xml"}),
        (415, good, {}),
        (422, b"{}", JSON),
        (422, b"[", JSON),
        (422, b'{"base64": "x", "path": "/a"}', JSON),
        (422, b'{"base64": "***"}', JSON),
        (422, b'{"path": null}', JSON),
        (400, good[:-10], kind),
        (400, b"nonsense", kind),
        (400, good, {"Content-Type": "multipart/form-data"}),
        (422, *form([])),
        (422, *form([photo("red")], top_k="0")),
        (422, *form([photo("red")], top_k="many")),
        (422, *form([photo("red")], colour="red")),
        (422, *form([], image="no file")),
        (422, *form([photo("red")], record="1")),
        (422, *form([b"x"] * 65)),
    ]
    with served(shop, REFUNDSORTER_HTTP__MAX_BODY_BYTES="1 MiB") as face:
        for status, body, headers in wrong:
            answer = face.client.ask("/v1/predict", method="POST", body=body, headers=headers)
            assert answer.status == status, (body[:80], answer.body)
            assert answer.headers["content-type"] == "application/problem+json"
        assert send(face.client, photo("red")).status == 200
        announced = kind | {"Content-Length": str(2 << 20)}
        too_long = face.client.ask("/v1/predict", method="POST", body=good, headers=announced)
        assert (too_long.status, too_long.headers["connection"]) == (413, "close")
