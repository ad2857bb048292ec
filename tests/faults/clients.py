"""Clients of a storm: they send photos, ask for predictions and jobs, of a daemon that is killed meanwhile.

The daemon listens at a socket in the file system: that place is the same after every start.
"""

import hashlib
import http.client
import json
import os
import random
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from http_face import form
from support import Shop, every_file

SOCKET = "http.sock"
SENDING = "-upload-"  # in the hidden name of a photo that is being sent
LONGEST_WAIT_S = 20.0  # for an answer, or for the daemon to take more
SLOW_PIECES = 10  # of a body that is sent slowly


class Connection(http.client.HTTPConnection):
    """One to a socket in the file system."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=LONGEST_WAIT_S)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


@dataclass(slots=True)
class Promises:
    """What clients were answered, or not; each is kept by one thread at a time."""

    sent: Counter[str] = field(default_factory=Counter)  # the sha256 of photos that are there: 202
    perhaps: set[str] = field(default_factory=set)  # of photos whose request had no good answer
    predictions: set[int] = field(default_factory=set)  # the numbers of those that are recorded
    jobs: set[int] = field(default_factory=set)  # likewise
    asked: int = 0  # predictions that were answered

    def has_each_kind(self) -> bool:
        """Whether photos, predictions and jobs were each answered."""
        return bool(self.sent and self.asked and self.jobs)


def is_open(shop: Shop) -> bool:
    """Whether a daemon takes requests now."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(os.fspath(shop.base / SOCKET)) == 0


def ask(
    shop: Shop, path: str, body: bytes, headers: dict[str, str], *, pause: Any = None
) -> tuple[int, Any] | None:
    """Post something; its status and answer, or None where there was none.

    Args:
        shop: Whose daemon is asked.
        path: The route.
        body: What is sent.
        headers: Of the request.
        pause: Called between the pieces of a body that is sent slowly; None: it is sent at once.
    """
    connection = Connection(shop.base / SOCKET)
    step = max(1, len(body) // SLOW_PIECES) if pause else max(1, len(body))
    try:
        connection.putrequest("POST", path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        for at in range(0, len(body), step):
            connection.send(body[at : at + step])
            if pause:
                pause()
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None  # nobody listens, or it died
    finally:
        connection.close()


def send(shop: Shop, promises: Promises, photos: Sequence[bytes], *, pause: Any = None) -> bool:
    """Send photos that nobody else has; whether they are there."""
    body, headers = form(photos)
    found = ask(shop, "/v1/images", body, headers, pause=pause)
    contents = [hashlib.sha256(one).hexdigest() for one in photos]
    if found is None or found[0] == http.HTTPStatus.SERVICE_UNAVAILABLE:
        promises.perhaps.update(contents)
        return False
    assert found[0] == http.HTTPStatus.ACCEPTED, found
    assert [one["sha256"] for one in found[1]["images"]] == contents
    promises.sent.update(contents)
    return True


def predict(shop: Shop, promises: Promises, photos: Sequence[bytes], *, record: bool) -> None:
    """Ask about photos."""
    body, headers = form(photos, record="true" if record else "false")
    found = ask(shop, "/v1/predict", body, headers)
    if found is None or found[0] == http.HTTPStatus.SERVICE_UNAVAILABLE:
        return
    assert found[0] == http.HTTPStatus.OK, found
    answers = found[1]["predictions"]
    assert [one["sha256"] for one in answers] == [hashlib.sha256(one).hexdigest() for one in photos]
    promises.asked += len(answers)
    if record:
        promises.predictions.update(one["prediction"] for one in answers)


def start_job(shop: Shop, promises: Promises, key: str) -> None:
    """Ask for a sweep, twice by the same key: it is one job, or none that is known of."""
    body, headers = json.dumps({"kind": "sweep"}).encode(), {"Content-Type": "application/json"}
    answers = [ask(shop, "/v1/jobs", body, headers | {"Idempotency-Key": key}) for _ in range(2)]
    told = [one for one in answers if one and one[0] != http.HTTPStatus.SERVICE_UNAVAILABLE]
    assert all(status == http.HTTPStatus.CREATED for status, _ in told), told
    ids = {job["id"] for _, job in told}
    assert len(ids) <= 1, "a request that was sent again is another job"
    promises.jobs |= ids


def lying(folders: Sequence[Path]) -> Counter[str]:
    """The sha256 of what lies there whole: photos that are still being sent are not."""
    files = [path for folder in folders for path in every_file(folder) if SENDING not in path.name]
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def require_kept(shop: Shop, promises: Promises) -> None:
    """Hold what was answered about jobs and predictions against what is told at the end."""
    listed = json.loads(shop.run("jobs", "list", "--limit", "1000", "--json").stdout)
    told = {one["id"]: one for one in listed}
    assert promises.jobs <= told.keys(), "a job that was answered for is lost"
    for number in promises.jobs:
        job = told[number]
        assert job["state"] == "done", job
        assert job["found"] == job["done"] + job["left"], job
        assert job["done"] == sum(job[name] for name in ("sorted", "review", "rejected", "kept")), job
    written = [line["prediction"] for line in shop.lines() if line["event"] == "predicted"]
    assert promises.predictions <= set(written), "a recorded prediction is lost"
    assert len(set(written)) == len(written), "a prediction has two lines"


def many(numbers: random.Random, content: Any) -> list[bytes]:
    """One to three photos of a request."""
    return [content(numbers) for _ in range(numbers.randrange(1, 4))]
