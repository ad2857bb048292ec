"""The steps of a night of the real daemon, and the commands that tell of them."""

import io
import json
import os
import signal
import time
import urllib.request
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import Shop, photo
from workbench import Events, rows

from refundsorter import settings as configuration
from refundsorter.core.night_steps import CutShort, Outcome, Step
from refundsorter.exits import ExitCode
from refundsorter.night_work import review
from refundsorter.quality import measure

EVERY_DATE = "0 0 * * *"  # its night is always due
STEPS = ["health", "sweep", "quality", "drift", "report", "retention"]


def shown(shop: Shop) -> dict[str, Any]:
    """The last night."""
    found: dict[str, Any] = json.loads(shop.run("nights", "show", "--json", check=False).stdout)
    return found


def scene(seed: int, size: tuple[int, int] = (160, 120), quality: int = 90) -> bytes:
    """A picture of some coloured blocks, drawn large and saved in a size and quality."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    picture = Image.fromarray(blocks).resize((320, 240), Image.Resampling.BICUBIC).resize(size)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def test_a_night_does_its_steps_once(shop: Shop) -> None:
    """They are done in their order behind the sweep, told by command and metrics, and not done again."""
    shop.drop("1.jpg", photo("red", seed=1, size=(60, 50)))
    on = {"REFUNDSORTER_SWEEP__SCHEDULE": EVERY_DATE}
    http = {"REFUNDSORTER_HTTP__ENABLED": "true", "REFUNDSORTER_HTTP__PORT": "0"}
    with shop.daemon(**on, **http) as daemon:
        address = daemon.wait_for("http.listening")["address"]
        daemon.wait_for("night.step", step="retention")
        with urllib.request.urlopen(f"{address}/metrics") as answer:
            told = answer.read().decode()
        assert daemon.stop() == 0
    assert all(f'refundsorter_night_step_success{{step="{step}"}} 1.0' in told for step in STEPS)
    night = shown(shop)
    assert [one["step"] for one in night["steps"]] == STEPS
    assert [one["told"] for one in night["steps"] if one["told"]["outcome"] != "done"] == []
    assert (night["well"], night["steps"][2]["told"]["details"]["states"]) == (True, {"sorted": 1})
    with shop.daemon(**on) as daemon:
        shop.run("sweep")
        assert daemon.stop() == 0
    assert shown(shop) == night
    assert "all well" in shop.run("nights", "list").stdout
    assert "nothing has shifted" in shop.run("nights", "show").stdout


def test_a_night_that_was_killed_goes_on(shop: Shop) -> None:
    """What was over before a SIGKILL stays as it was, and the next start does the rest."""
    with shop.daemon(REFUNDSORTER_SWEEP__SCHEDULE=EVERY_DATE) as daemon:
        daemon.wait_for("night.step", step="health")
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
    before = [one for one in shown(shop)["steps"] if one["ended"]]
    with shop.daemon(REFUNDSORTER_SWEEP__SCHEDULE=EVERY_DATE) as daemon:
        daemon.wait_for("night.step", step="retention")
        assert daemon.stop() == 0
    steps = shown(shop)["steps"]
    assert ([one["step"] for one in steps], steps[: len(before)]) == (STEPS, before)


def test_another_bundle_looks_at_review_once(shop: Shop) -> None:
    """What it is sure of is filed by the daemon in the night; the night after it has looked already."""
    shop.config.write_text(shop.config.read_text() + "sweep: {review: true}\n")
    taxonomy = shop.config.parent / "taxonomy.yaml"
    sure = taxonomy.read_text()
    taxonomy.write_text(sure.replace("  WARM:\n", "  WARM:\n    threshold: 1.0\n"))
    shop.drop("a.jpg", photo("red"))
    shop.run("sweep")
    assert rows(shop)[0]["state"] == "review"
    taxonomy.write_text(sure)
    with shop.daemon(REFUNDSORTER_SWEEP__SCHEDULE=EVERY_DATE) as daemon:
        daemon.wait_for("night.step", step="retention")
        assert daemon.stop() == 0
    (step,) = [one for one in shown(shop)["steps"] if one["step"] == "review"]
    assert step["told"]["sentence"] == "tiny/1.0.0 has looked at 1 photo in review and filed 1"
    assert (shop.sorted / "WARM" / "a.jpg").exists()
    settings = configuration.load(shop.config, environment={}, overrides={})
    again = review(settings, Events(), lambda: False)
    assert again.sentence == "tiny/1.0.0 has looked at what lay there before"
    line = next(one for one in shop.lines() if one["event"] == "corrected")
    assert (line["from"], line["to"], line["how"]) == ("_review", "WARM", "reclassified")


def test_what_a_step_finds_is_told_in_the_morning(shop: Shop) -> None:
    """A step that fails is named by doctor and by `nights show`, which ends with 3; the rest was done."""
    (shop.state).mkdir()
    os.mkfifo(shop.state / "prune.lock")
    with shop.daemon(REFUNDSORTER_SWEEP__SCHEDULE=EVERY_DATE) as daemon:
        daemon.wait_for("night.step", step="retention", outcome="failed")
        assert daemon.stop() == 0
    told = shop.run("nights", "show", check=False)
    assert (told.returncode, "no lock of refundsorter's" in told.stdout) == (ExitCode.LEFT, True)
    checks = json.loads(shop.run("doctor", "--json", check=False).stdout)
    (found,) = [one for one in checks if one["name"] == "nights"]
    assert (found["verdict"], found["todo"]) == ("warning", "see `refundsorter nights show`")
    assert "retention" in found["found"]


def test_a_date_of_which_nothing_is_kept(shop: Shop) -> None:
    """It is told, with the dates that are."""
    done = shop.run("nights", "show", check=False)
    assert (done.returncode, "of any night nothing is kept" in done.stderr) == (ExitCode.FAILED, True)
    assert shop.run("nights", "list").stdout == "No night was kept yet.\n"
    assert "'2026-01-01'" in shop.run("nights", "show", "2026-01-01", check=False).stderr


@pytest.fixture
def of_a_night(shop: Shop) -> Shop:
    """A shop with six scenes, one of them twice smaller as well, a copy, a small photo, and a broken one."""
    for number in range(6):
        shop.drop(f"{number}.jpg", scene(number))
    shop.drop("3 again.jpg", scene(3, (80, 60), 70))
    shop.drop("copy of 2.jpg", scene(2))
    shop.drop("small.jpg", scene(99, (24, 18)))
    shop.drop("broken.jpg", scene(98)[:900])
    shop.run("sweep")
    return shop


def test_photos_that_look_alike_are_found(of_a_night: Shop) -> None:
    """A photo that was scaled and saved again is found beside its first, and nothing else is."""
    settings = configuration.load(of_a_night.config, environment={}, overrides={})
    found = measure(settings, since=0.0, until=time.time() + 1)
    names = {row["id"]: os.path.basename(row["path"]) for row in rows(of_a_night)}
    assert [{names[one], names[other]} for one, other in found.alike] == [{"3.jpg", "3 again.jpg"}]
    assert (found.filed, found.copies, found.small, found.rejected) == (10, 1, 1, {"truncated": 1})
    assert (found.looked_at, found.of, found.stopped) == (8, 8, None)


def test_looking_at_photos_is_bounded(of_a_night: Shop) -> None:
    """Where there is no time left it is told what was not looked at; a daemon that stops does not wait."""
    settings = configuration.load(of_a_night.config, environment={}, overrides={})
    found = measure(settings, since=0.0, until=time.time() + 1, limit_s=-1.0)
    assert (found.looked_at, found.of, found.alike) == (0, 8, [])
    assert found.stopped is not None
    with pytest.raises(CutShort):
        measure(settings, since=0.0, until=time.time() + 1, is_stopping=lambda: True)
    assert measure(settings, since=time.time() + 1, until=time.time() + 2).filed == 0


def test_a_night_with_a_pair_is_for_a_person(of_a_night: Shop) -> None:
    """The step has found something, and names the pair."""
    with of_a_night.daemon(REFUNDSORTER_SWEEP__SCHEDULE=EVERY_DATE) as daemon:
        step = daemon.wait_for("night.step", step=Step.QUALITY)
        assert daemon.stop() == 0
    assert (step["outcome"], step["level"]) == (Outcome.FOUND, "warning")
    assert "1 pair looks alike of 8 compared" in step["told"]
    assert "These look alike" in of_a_night.run("nights", "show", check=False).stdout
