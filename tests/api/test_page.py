"""docs/http.md: each of its commands runs, and answers what the page says."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from http_face import Served, served
from support import PATIENCE_S, Shop, make_shop, photo

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
ADDRESS = "http://127.0.0.1:8080"
SHARED = {
    "REFUNDSORTER_INBOX": "[inbox, shared]",
    "REFUNDSORTER_WATCH__ROOTS": "{shared: jobs}",  # for jobs that leave photos where they are
}
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """A command of the page, and the answer that it shows, if any."""

    command: str
    shown: Any


def steps() -> list[Step]:
    """The page's commands, in their order; one that has no answer below it shares that of the next."""
    found: list[Step] = []
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "sh":
            found.append(Step(text.strip(), None))
        else:
            found[-1] = Step(found[-1].command, json.loads(text))
    return found


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A daemon that has sorted a photo and rejected another."""
    shop: Shop = make_shop(tmp_path_factory.mktemp("page"))
    (shop.base / "shared").mkdir()
    readable = tmp_path_factory.getbasetemp()
    with served(shop, **SHARED, REFUNDSORTER_HTTP__READ_ROOTS=f"[{readable}]") as found:
        shop.drop("IMG_0001.jpg", photo("red", size=(400, 300)))
        found.daemon.wait_for("photo.sorted")
        shop.drop("IMG_0002.jpg", b"no photo")
        found.daemon.wait_for("photo.rejected")
        yield found


@pytest.mark.parametrize("step", steps(), ids=lambda step: step.command.split(ADDRESS)[-1].strip("'"))
def test_a_command_of_the_page_runs(step: Step, face: Served, tmp_path: Path) -> None:
    """It succeeds, with JSON, a JPEG, numbers or events; what the page shows has the fields that came."""
    (tmp_path / "IMG_0042.jpg").write_bytes(photo("green", size=(400, 300), seed=42))
    command = step.command.replace(ADDRESS, face.client.address).replace("/srv/returns", str(tmp_path))
    ran = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, timeout=PATIENCE_S, check=True
    )
    written = [path.read_bytes() for path in tmp_path.iterdir() if path.name != "IMG_0042.jpg"]
    if written:
        assert written[0].startswith((b"\xff\xd8\xff", b"# HELP", b"retry: "))
        return
    answer = json.loads(ran.stdout)
    if step.shown is not None:
        assert answer.keys() == step.shown.keys()
        if "status" in answer:
            assert answer == step.shown


def test_the_page_has_every_route(face: Served) -> None:
    """No route that the description tells is missing from the page."""
    paths = [re.sub(r"\?.*|'", "", step.command.split(ADDRESS)[-1]) for step in steps()]
    told = {path.replace("images/1", "images/{image}").replace("jobs/1", "jobs/{number}") for path in paths}
    assert set(face.client.get("/openapi.json")["paths"]) <= told
