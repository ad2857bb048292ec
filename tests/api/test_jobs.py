"""Jobs over HTTP: started, asked about, ended."""

import json
from typing import Any

import pytest
from faults.account import take
from http_face import Answer, Client, served
from support import LABELS, Shop, eventually, photo
from workbench import rows

ON_REQUEST = "watch: {stability_s: 0, mode: jobs}\nbatch: {workers: 1, max_size: 2}\n"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def on_request(shop: Shop) -> Shop:
    """A shop whose inbox is not watched, with ten photos."""
    shop.config.write_text(ON_REQUEST)
    for number in range(10):
        shop.drop(f"{number}.jpg", photo(LABELS[number % len(LABELS)], seed=number + 1))
    return shop


def post(client: Client, body: Any, **headers: str) -> Answer:
    """Ask for a job."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.ask("/v1/jobs", method="POST", body=json.dumps(body).encode(), headers=JSON | sent)


def over(client: Client, number: int) -> dict[str, Any]:
    """A job that is over."""
    eventually(lambda: client.get(f"/v1/jobs/{number}")["ended"], f"job {number} over")
    found: dict[str, Any] = client.get(f"/v1/jobs/{number}")
    return found


def test_a_job_is_started_and_told(on_request: Shop) -> None:
    """201 with its place; there stand counts that add up, what it keeps among them, and by whom."""
    before = on_request.photos()
    with served(on_request) as face:
        answer = post(face.client, {"kind": "sweep", "classes": ["red", "PLAIN"], "by": "portal"})
        assert (answer.status, answer.json["state"] in ("queued", "running")) == (201, True)
        assert answer.headers["location"] == f"/v1/jobs/{answer.json['id']}"
        found = over(face.client, answer.json["id"])
        assert face.daemon.stop() == 0
    assert (found["found"], found["done"], found["left"], found["percent"]) == (10, 10, 0, 100.0)
    assert (found["kept"], found["categories"]) == (4, {"PLAIN": 4, "WARM": 2})
    assert (found["by"], found["classes"], found["state"]) == ("portal", ["PLAIN", "red"], "done")
    assert take(on_request, before).inbox == 4


def test_a_repeated_request_is_one_job(on_request: Shop) -> None:
    """By its key the same request answers with the same job; another request by that key is refused."""
    with served(on_request) as face:
        first = post(face.client, {"kind": "sweep"}, Idempotency_Key="a")
        again = post(face.client, {"kind": "sweep"}, Idempotency_Key="a")
        other = post(face.client, {"kind": "sweep", "glob": "*.png"}, Idempotency_Key="a")
        assert (first.status, again.status, other.status) == (201, 201, 409)
        assert again.headers["location"] == first.headers["location"]
        assert over(face.client, first.json["id"])["sorted"] == 10
    assert len(rows(on_request, "SELECT id FROM jobs")) == 1


def test_a_job_is_cancelled(on_request: Shop) -> None:
    """DELETE ends it; found is what was done and what is left, and once it is over that is told by 409."""
    before = on_request.photos()
    (on_request.sorted / "WARM").write_bytes(b"in the way")
    with served(on_request) as face:
        number = post(face.client, {"kind": "sweep"}).json["id"]
        eventually(lambda: face.client.get(f"/v1/jobs/{number}")["trouble"], "two photos held back")
        assert face.client.ask(f"/v1/jobs/{number}", method="DELETE").status == 200
        found = over(face.client, number)
        assert (found["state"], found["found"], found["sorted"], found["left"]) == ("cancelled", 10, 8, 2)
        assert face.client.ask(f"/v1/jobs/{number}", method="DELETE").status == 409
        assert face.daemon.stop() == 0
    (on_request.sorted / "WARM").unlink()
    assert take(on_request, before).inbox == 2


def test_jobs_are_listed_page_by_page(on_request: Shop) -> None:
    """The newest first; a cursor goes on where the page ended, and a state narrows the list."""
    with served(on_request) as face:
        numbers = [post(face.client, {"kind": "sweep", "glob": f"{name}.jpg"}).json["id"] for name in "012"]
        over(face.client, numbers[-1])
        page = face.client.get("/v1/jobs?limit=2")
        rest = face.client.get(f"/v1/jobs?limit=2&cursor={page['next']}")
        assert [one["id"] for one in (*page["jobs"], *rest["jobs"])] == numbers[::-1]
        assert rest["next"] is None
        assert len(face.client.get("/v1/jobs?state=done")["jobs"]) == 3
        assert face.client.get("/v1/jobs?state=running") == {"jobs": [], "next": None}


def test_what_is_wrong_with_a_request_is_told(on_request: Shop) -> None:
    """Every slip is a problem that says what is allowed, and none makes a job."""
    wrong: list[tuple[int, Any, str]] = [
        (422, {"kind": "dance"}, "'sweep'"),
        (409, {"kind": "sweep", "classes": ["TOYS"]}, "its categories are COLD, PLAIN, WARM"),
        (409, {"kind": "sweep", "paths": ["/etc"]}, "lies in no inbox"),
        (409, {"kind": "sweep", "paths": [f"{on_request.inbox}/../sorted"]}, "lies in no inbox"),
        (422, {"kind": "sweep", "paths": ["a.jpg"]}, "should match pattern"),
        (422, {"kind": "sweep", "glob": "/etc/*"}, "should match pattern"),
        (422, {"kind": "sweep", "colour": "red"}, "Extra inputs are not permitted"),
        (422, [], "should be"),
    ]
    with served(on_request) as face:
        for status, body, told in wrong:
            answer = post(face.client, body)
            assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
            assert told in answer.json["detail"] + str(answer.json.get("errors")), answer.body
        for path, status in (("9", 404), ("x", 422), ("0", 422)):
            assert face.client.ask(f"/v1/jobs/{path}").status == status
            assert face.client.ask(f"/v1/jobs/{path}", method="DELETE").status == status
    assert rows(on_request, "SELECT * FROM jobs") == []
