"""Pulling with the real kagglehub, from a server of the tests that answers as Kaggle does."""

import io
import itertools
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import kagglesdk.kaggle_env
import numpy as np
import pytest
from disks import small_disk
from shapes import draw
from support import Shop

from refundsorter.cli import app
from refundsorter.core.fault import PassingTrouble
from refundsorter.edges.bundle import BundleStore
from refundsorter.training import dataset
from refundsorter.training.dataset import DatasetRefused
from refundsorter.training.progress import Progress
from refundsorter.training.pull import pull

SET = "kaggle:someone/shapes"
PARTS = ("train", "val", "check")
CATEGORIES = {"TOOLS": "red disc", "TOYS": "blue bar"}


def archive(photos: int = 1) -> bytes:
    """The nine-department set's layout in small: SHAPES/{train,val,check}/<CATEGORY>/*.jpeg."""
    out, draws = io.BytesIO(), np.random.default_rng(0)
    with zipfile.ZipFile(out, "w") as packed:
        for part, category, number in itertools.product(PARTS, CATEGORIES, range(photos)):
            content = io.BytesIO()
            draw(CATEGORIES[category], draws).save(content, "JPEG")
            name = f"SHAPES/{part}/{category}/{number}_{category}_{part}.jpeg"
            packed.writestr(name, content.getvalue())
    return out.getvalue()


@dataclass
class Kaggle:
    """What the server answers, and what it was asked."""

    status: int = 200
    content: bytes = field(default_factory=archive)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)


@pytest.fixture
def kaggle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kaggle]:
    """A server on a free port, to which kagglehub's own switch for a local Kaggle leads; nobody's token."""
    shop = Kaggle()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            shop.asked.append(self.path.rsplit("/", 1)[-1])
            shop.tokens.add(self.headers.get("Authorization", ""))
            named = shop.asked[-1] == "GetDataset"
            body = json.dumps({"currentVersionNumber": 3}).encode() if named else shop.content
            self.send_response(shop.status)
            self.send_header("Content-Type", "application/json" if named else "application/zip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setitem(
            kagglesdk.kaggle_env._env_to_endpoint, kagglesdk.kaggle_env.KaggleEnv.LOCAL, place
        )
        for key in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
            monkeypatch.delenv(key, raising=False)
        for key, value in {
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "KAGGLE_CONFIG_DIR": str(tmp_path / "none"),
            "KAGGLEHUB_CACHE": str(tmp_path / "cache"),
            "HOME": str(tmp_path / "home"),
        }.items():
            monkeypatch.setenv(key, value)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield shop
        server.shutdown()
        serving.join()


def ignore(_: Progress) -> None:
    """Take no notice of progress."""


def test_a_pulled_set_is_read_with_its_parts(kaggle: Kaggle, capsys: pytest.CaptureFixture[str]) -> None:
    """What was unpacked is read with category and part, the archive's own folder notwithstanding."""
    told: list[Progress] = []
    folder = pull(SET, None, told.append)
    found = {(s.category, s.label, s.split, s.source) for s in dataset.read(folder, source=SET)}
    assert found == {(c, c, p, SET) for c in ("TOOLS", "TOYS") for p in ("train", "val", "check")}
    assert [(one.done, one.total) for one in told] == [(0, 1), (1, 1)]
    assert capsys.readouterr() == ("", "")
    assert kaggle.tokens == {""}


def test_what_is_there_is_not_fetched_again(kaggle: Kaggle, tmp_path: Path) -> None:
    """The second pull of the same version, into the cache or a folder, asks for its number only."""
    for to in (None, tmp_path / "here"):
        first = pull(SET, to, ignore)
        kaggle.asked.clear()
        assert pull(SET, to, ignore) == first
        assert kaggle.asked == ["GetDataset"]
    assert (tmp_path / "here" / "SHAPES" / "check" / "TOYS").is_dir()


def test_the_token_of_the_environment_is_used(kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch) -> None:
    """KAGGLE_API_TOKEN reaches Kaggle."""
    monkeypatch.setenv("KAGGLE_API_TOKEN", "a-token")
    pull(SET, None, ignore)
    assert kaggle.tokens == {"Bearer a-token"}


@pytest.mark.parametrize(
    ("status", "token", "said"),
    [
        (404, "", "Kaggle has no such data set"),
        (403, "", "does not exist, or needs a token: make a token"),
        (401, "a-token", "this token may not have it: accept its terms"),
    ],
)
def test_a_set_that_is_not_to_be_had_is_told(
    kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch, status: int, token: str, said: str
) -> None:
    """An unknown set, a missing token and one without the right are told apart; no token is shown."""
    if token:
        monkeypatch.setenv("KAGGLE_API_TOKEN", token)
    kaggle.status = status
    with pytest.raises(DatasetRefused, match=said) as refused:
        pull(SET, None, ignore)
    assert SET in str(refused.value)
    assert "a-token" not in str(refused.value)


def test_trouble_at_kaggle_is_passing(kaggle: Kaggle) -> None:
    """A server's error is not the set's fault: try again later."""
    kaggle.status = 503
    with pytest.raises(PassingTrouble, match="answered 503"):
        pull(SET, None, ignore)


@pytest.mark.usefixtures("kaggle")
def test_offline_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network the message says what to do instead."""
    port = "http://127.0.0.1:9"  # discard: nobody listens
    monkeypatch.setitem(kagglesdk.kaggle_env._env_to_endpoint, kagglesdk.kaggle_env.KaggleEnv.LOCAL, port)
    with pytest.raises(PassingTrouble, match="cannot be reached; try again"):
        pull(SET, None, ignore)


def test_a_folder_with_something_else_is_left_alone(kaggle: Kaggle, tmp_path: Path) -> None:
    """A folder that is not empty is refused before anything is fetched."""
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(DatasetRefused, match="holds something else"):
        pull(SET, tmp_path, ignore)
    assert kaggle.asked == ["GetDataset"]
    assert (tmp_path / "mine").read_text() == "mine"


def test_what_is_no_archive_is_refused(kaggle: Kaggle) -> None:
    """An answer that is neither a zip nor a tar file is told, with the set's name."""
    kaggle.content = b"<html>"
    with pytest.raises(DatasetRefused, match="someone/shapes: Unsupported archive"):
        pull(SET, None, ignore)


def test_a_full_disk_is_passing_trouble(
    kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A disk without room for the set is told as such; it needs root, to mount one."""
    kaggle.content = bytes(1 << 21)
    with small_disk(tmp_path / "disk") as disk:
        monkeypatch.setenv("KAGGLEHUB_CACHE", str(disk))
        with pytest.raises(PassingTrouble, match="No space left on device"):
            pull(SET, None, ignore)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3 to NumPy 2
def test_a_set_becomes_a_bundle_in_one_go(
    kaggle: Kaggle, tmp_path: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command pulls, trains on two parts of the set, measures on the third, and writes a bundle."""
    kaggle.content = archive(photos=12)
    models = tmp_path / "models"
    small = ("--base", "random", "--size", "32", "--width", "0.35", "--steps", "2")
    monkeypatch.chdir(tmp_path)
    app(["train", SET, "--out", str(models), "--config", str(shop.config), *small], standalone_mode=False)
    manifest = BundleStore(models).load("shapes/1.0.0").manifest
    assert [(source.name, source.photos) for source in manifest.data] == [(SET, 48)]
    assert manifest.metrics["check_photos"] == 24
    assert manifest.labels[:2] == ("TOOLS", "TOYS")
    assert "keeps for measuring" in (models / "shapes/1.0.0/MODEL_CARD.md").read_text()


@pytest.mark.parametrize("reference", ["kaggle:", "kaggle:shapes", "kaggle:a/b/c", "kaggle:../x", "a/b"])
def test_what_names_no_set_is_refused(reference: str) -> None:
    """A reference is OWNER/NAME and nothing that could be a path."""
    with pytest.raises(DatasetRefused, match="write kaggle:OWNER/NAME"):
        pull(reference, None, ignore)
