"""/metrics of a daemon that sorted, read by Prometheus' own checker and by the parsers of its client."""

import os
import re
import shutil
import subprocess
from typing import Any

import pytest
from http_face import Client, served
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain
from support import Shop, eventually, photo

ASKS = {"Accept": "application/openmetrics-text; version=1.0.0"}
UNITS = ("seconds", "bytes", "ratio", "total", "info", "files", "lines", "up", "fds", "psi", "success")
NOT_BASE = re.compile(
    r"(milli|micro|nano)?seconds?$|_(ms|us|minutes|hours|days|kib|mib|kilobytes|percent)(_|$)"
)


def told(client: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample, by its name without the prefix and its labels."""
    answer = client.ask("/metrics", headers=ASKS)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    return {
        (sample.name.removeprefix("refundsorter_"), frozenset(sample.labels.items())): sample.value
        for family in openmetrics(answer.body.decode())  # type: ignore[no-untyped-call]
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """A sample's key."""
    return name, frozenset(labels.items())


@pytest.fixture(scope="session")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Prometheus' own checker; in CI it comes out of Debian's package, without its server."""
    if found := shutil.which("promtool"):
        return found
    if not os.environ.get("CI"):
        pytest.skip("promtool is not installed: apt-get install prometheus")
    folder = tmp_path_factory.mktemp("promtool")
    subprocess.run(["apt-get", "update", "--quiet"], check=True)
    subprocess.run(["apt-get", "download", "--quiet", "prometheus"], cwd=folder, check=True)
    (package,) = folder.glob("prometheus_*.deb")
    subprocess.run(["dpkg-deb", "--extract", str(package), str(folder)], check=True)
    return str(folder / "usr" / "bin" / "promtool")


def test_promtool_finds_nothing(shop: Shop, promtool: str) -> None:
    """`promtool check metrics` is clean after photos were sorted, rejected and asked about."""
    with served(shop) as face:
        shop.drop("a.jpg", photo("red"))
        face.daemon.wait_for("photo.sorted")
        shop.drop("b.jpg", b"no photo")
        face.daemon.wait_for("photo.rejected")
        face.client.ask("/v1/images?limit=1000")
        found = face.client.ask("/metrics").body
    checked = subprocess.run([promtool, "check", "metrics"], input=found, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_it_tells_what_was_done(shop: Shop) -> None:
    """Of a photo that was sorted and one that was rejected: sources, outcomes, stages, queue, requests."""
    with served(shop) as face:
        shop.drop("IMG_SECRET.jpg", photo("red"))
        face.daemon.wait_for("photo.sorted")
        shop.drop("IMG_SECRET_2.jpg", b"no photo")
        face.daemon.wait_for("photo.rejected")
        eventually(lambda: face.client.get("/v1/status")["lines_owed"] == 0, "the lines are written")
        assert face.client.ask("/v1/images/77").status == 404
        assert face.client.ask("/nothing/IMG_SECRET").status == 404
        found = told(face.client)
    assert found[key("files_seen_total", source="event")] == 2
    assert found[key("files_total", outcome="sorted", category="WARM")] == 1
    assert found[key("files_total", outcome="rejected", category="none")] == 1
    assert found[key("errors_total", stage="decode", reason="not_an_image")] == 1
    assert found[key("retries_total")] == found[key("scan_recovered_files_total")] == 0
    for stage, count in {"stable": 2, "queue": 2, "decode": 2, "infer": 1, "move": 2, "journal": 2}.items():
        assert found[key("stage_duration_seconds_count", stage=stage)] == count, stage
    assert found[key("batch_files_sum")] == found[key("photo_duration_seconds_count")] == 2
    assert found[key("confidence_ratio_count")] == 1
    assert found[key("queue_files", state="waiting")] == found[key("oldest_waiting_age_seconds")] == 0
    assert found[key("ledger_up")] == 1
    assert found[key("free_bytes", place="shelf")] > 1 << 20
    assert found[key("http_requests_total", route="/v1/images/{image}", method="GET", status="404")] == 1
    assert found[key("http_requests_total", route="other", method="GET", status="404")] == 1
    assert ("model", "tiny/1.0.0") in next(labels for name, labels in found if name == "bundle_info")
    assert not any("SECRET" in value for _, labels in found for _, value in labels)


def test_the_last_sweep_is_told(shop: Shop) -> None:
    """When it was done, and what it took; nothing before the first."""
    with served(shop) as face:
        body, typed = b'{"kind": "sweep"}', {"Content-Type": "application/json"}
        assert key("sweep_last_success_timestamp_seconds") not in told(face.client)
        assert face.client.ask("/v1/jobs", method="POST", body=body, headers=typed).status == 201
        eventually(lambda: face.client.get("/v1/jobs/1")["state"] == "done", "the job is done")
        found = told(face.client)
    assert found[key("sweep_last_success_timestamp_seconds")] > 1.7e9
    assert found[key("sweep_last_duration_seconds")] >= 0


def test_its_form_is_what_prometheus_asks_for(shop: Shop) -> None:
    """Help and a type for each, base units, `_total` for counters alone, few series."""
    with served(shop) as face:
        shop.drop("a.jpg", photo("red"))
        face.daemon.wait_for("photo.sorted")
        text = face.client.ask("/metrics")
        assert text.headers["content-type"].startswith("text/plain; version=")
        families: list[Any] = list(plain(text.body.decode()))
    ours = [one for one in families if one.name.startswith("refundsorter_")]
    assert len(ours) == 22
    for family in families:
        assert family.documentation
        assert family.type in {"counter", "gauge", "histogram"}
        names = {sample.name for sample in family.samples}
        assert {name.endswith("_total") for name in names} <= {family.type == "counter"}
        assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
    for family in ours:
        if family.type != "counter":
            assert family.name.endswith(UNITS), family.name
        assert "milli" not in family.name
        assert len(family.samples) < 200
