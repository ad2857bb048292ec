"""Requests made up by schemathesis from what the description allows, and does not, sent to a daemon."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from http_face import Client, Served, served
from support import COLOURS, Shop, environment, photo

from refundsorter.exits import ExitCode

HERE = Path(__file__).parent
REPORT = "report.json"
PHASES = ("examples", "coverage", "fuzzing", "stateful")
PATIENCE_S = 280.0
SHARED = {
    "REFUNDSORTER_INBOX": "[inbox, shared]",
    "REFUNDSORTER_WATCH__ROOTS": "{shared: jobs}",  # so that jobs with classes can be started
}


@pytest.fixture
def face(shop: Shop) -> Any:
    """A daemon that asks for tokens and has filed photos; and a token that may do everything."""
    (shop.base / "shared").mkdir()
    token = shop.run("token", "add", "schemathesis", "--role", "operate").stdout.strip()
    with served(shop, **SHARED, REFUNDSORTER_HTTP__READ_ROOTS=f"[{shop.base}]") as found:
        for seed, colour in enumerate(COLOURS, start=1):
            shop.drop(f"{colour}.jpg", photo(colour, seed=seed))
            found.daemon.wait_for("photo.sorted")
        shop.drop("none.jpg", b"no photo")
        found.daemon.wait_for("photo.rejected")
        yield found, token


@pytest.mark.timeout(PATIENCE_S + 20)
def test_schemathesis_finds_nothing(face: tuple[Served, str], tmp_path: Path) -> None:
    """With all checks on, no operation answers otherwise than the description says, in any phase."""
    if importlib.util.find_spec("schemathesis") is None:
        if os.environ.get("CI"):
            pytest.fail("no schemathesis")
        pytest.skip("no schemathesis")
    asked, token = face
    reading = threading.Thread(target=asked.daemon.drain)
    reading.start()
    ran = _run(asked.client.address, token, tmp_path)
    operations = _operations(asked.client, token)
    asked.daemon.process.terminate()
    reading.join(PATIENCE_S)
    assert ran.returncode == 0, ran.stdout[-10_000:] + ran.stderr
    found = json.loads((tmp_path / REPORT).read_bytes())
    assert found["failures"] == found["errors"] == []
    assert {phase: found["phases"][phase]["status"] for phase in PHASES} == dict.fromkeys(PHASES, "success")
    assert found["operations"]["tested"] == operations
    assert asked.daemon.process.wait(PATIENCE_S) == ExitCode.OK


def _run(address: str, token: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Have it ask; its report lies in the folder."""
    inherited = environment()
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml"),
            *("run", f"{address}/openapi.json", "--header", f"Authorization: Bearer {token}", "--no-color"),
            *("--report", "json", "--report-json-path", REPORT),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=inherited | {"PYTHONPATH": os.pathsep.join([str(HERE), inherited.get("PYTHONPATH", "")])},
    )


def _operations(client: Client, token: str) -> int:
    """How many the description has."""
    described = client.ask("/openapi.json", headers={"Authorization": f"Bearer {token}"}).json
    return sum(len(methods) for methods in described["paths"].values())
