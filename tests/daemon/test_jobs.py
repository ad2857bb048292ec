"""Jobs of a running daemon: what they sort, keep and leave, and that their counts add up whatever happens."""

import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from faults.account import take
from support import LABELS, Shop, eventually, photo
from workbench import rows

from refundsorter import jobs
from refundsorter import settings as configuration
from refundsorter.core.job import JobOver, JobRefused, JobReport, KeyReused
from refundsorter.inquiry import Inquiry
from refundsorter.settings import Settings

ON_REQUEST = """\
watch: {stability_s: 0, mode: jobs}
batch: {workers: 1, max_size: 2}
retry: {base_s: 0.05, max_s: 0.1}
move: {min_free_bytes: 0}
"""


@pytest.fixture
def on_request(shop: Shop) -> Shop:
    """A shop whose inbox is not watched."""
    shop.config.write_text(ON_REQUEST)
    return shop


def fill(shop: Shop, count: int) -> Counter[str]:
    """Photos of every colour; what lies there then."""
    for number in range(count):
        colour = LABELS[number % len(LABELS)]
        shop.drop(f"{number:03}-{colour}.jpg", photo(colour, seed=number + 1))
    return shop.photos()


def configured(shop: Shop) -> Settings:
    """The shop's settings."""
    return configuration.load(shop.config, environment={}, overrides={})


def start(shop: Shop, *, key: str | None = None, **scope: Any) -> int:
    """Ask a daemon, from another process, for a job; its number."""
    settings = configured(shop)
    made, _ = jobs.start(settings, jobs.scope_of(settings, **scope), by="Anna Ångström", key=key)
    return made.id


def job(shop: Shop, number: int) -> JobReport:
    """How a job stands."""
    return jobs.one(jobs.ledger_path(configured(shop)), number)


def over(shop: Shop, number: int) -> JobReport:
    """How a job stands when it is over."""
    return Inquiry(configured(shop), token=None).wait(number, lambda *_: None)


def adds_up(found: JobReport) -> bool:
    """Whether the counts of a job are of the same photos."""
    assert found.sorted == sum(found.categories.values())
    assert found.rejected == sum(found.failures.values())
    assert found.done == found.sorted + found.review + found.rejected + found.kept
    return found.found == found.done + found.left


def test_nothing_is_sorted_without_a_job(on_request: Shop) -> None:
    """An inbox of mode jobs is left alone until a job is started, and its photos then name that job."""
    before = fill(on_request, 5)
    with on_request.daemon() as daemon:
        idle = over(on_request, start(on_request, glob="*.png"))
        assert (idle.found, on_request.lines()) == (0, [])
        found = over(on_request, start(on_request))
        assert daemon.stop() == 0
    assert (found.state, found.found, found.percent, found.left) == ("done", 5, 100.0, 0)
    assert (found.by, found.categories) == ("Anna Ångström", {"COLD": 2, "PLAIN": 2, "WARM": 1})
    assert adds_up(found)
    assert {line["job"] for line in on_request.lines()} == {found.id}
    assert take(on_request, before).lines == 5


def test_photos_of_other_classes_are_left_untouched(on_request: Shop) -> None:
    """A job for a category and a label sorts these; every other file stays what and where it is, unlined."""
    before = fill(on_request, 20)
    on_request.drop("torn.jpg", photo("red")[:200])
    before = on_request.photos()
    was = {path.name: path.lstat() for path in on_request.inbox.iterdir()}
    with on_request.daemon() as daemon:
        found = over(on_request, start(on_request, classes=["WARM", "black"]))
        again = over(on_request, start(on_request, classes=["WARM", "black"]))
        assert daemon.stop() == 0
    assert (found.found, found.categories, found.kept) == (21, {"WARM": 4, "PLAIN": 4}, 13)
    assert (again.found, again.kept, again.left) == (13, 13, 0)
    left = {path.name: path.lstat() for path in on_request.inbox.iterdir()}
    assert left == {name: stat for name, stat in was.items() if not name.endswith(("red.jpg", "black.jpg"))}
    assert {line["label"] for line in on_request.lines()} == {"red", "black"}
    assert (take(on_request, before).inbox, rows(on_request, "SELECT * FROM kept")) == (13, [])


def test_paths_and_a_pattern_narrow_a_job(on_request: Shop) -> None:
    """Only files at a path or below it, and of the pattern, belong to the job."""
    on_request.config.write_text(ON_REQUEST.replace("mode: jobs", "mode: jobs, recursive: true"))
    for folder in ("monday", "mondays"):
        (on_request.inbox / folder).mkdir()
        for name in ("a.jpg", "b.png"):
            on_request.drop(f"{folder}/{name}", photo("red", seed=len(folder) + ord(name[0])))
    with on_request.daemon():
        found = over(on_request, start(on_request, paths=[str(on_request.inbox / "monday")], glob="*.jpg"))
    assert found.found == 1
    assert [Path(line["source"]).parts[-2:] for line in on_request.lines()] == [("monday", "a.jpg")]


@pytest.mark.parametrize("classes", [(), ("COLD",)])
def test_a_job_survives_a_kill(on_request: Shop, classes: tuple[str, ...]) -> None:
    """Killed in the middle, the daemon goes on with the job at its next start, and no photo counts twice."""
    before = fill(on_request, 150)
    with on_request.daemon() as daemon:
        number = start(on_request, classes=classes)
        daemon.wait_for("photo.sorted")
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
    cut_short = job(on_request, number)
    assert (cut_short.state, adds_up(cut_short)) == ("running", True)
    assert cut_short.done < 150
    with on_request.daemon() as daemon:
        daemon.wait_for("job.ended", job=number, state="done")
        assert daemon.stop() == 0
    found = job(on_request, number)
    kept = 90 if classes else 0
    assert (found.found, found.kept, found.sorted, found.left) == (150, kept, 150 - kept, 0)
    assert adds_up(found)
    assert take(on_request, before).lines == 150 - kept
    assert {line["job"] for line in on_request.lines()} == {number}


def test_a_cancelled_job_leaves_everything_accounted_for(on_request: Shop) -> None:
    """What was in hand is filed, the rest lies in the inbox, found is their sum, and a later job goes on."""
    before = fill(on_request, 150)
    with on_request.daemon() as daemon:
        number = start(on_request)
        daemon.wait_for("photo.sorted")
        jobs.cancel(configured(on_request), number)
        daemon.wait_for("job.ended", job=number, state="cancelled")
        ended = job(on_request, number)
        lines = len(on_request.lines())
        assert (ended.state, ended.found, adds_up(ended)) == ("cancelled", lines + ended.left, True)
        assert 0 < lines < 150
        assert len(os.listdir(on_request.inbox)) == 150 - lines
        with pytest.raises(JobOver):
            jobs.cancel(configured(on_request), number)
        rest = over(on_request, start(on_request))
        assert daemon.stop() == 0
    assert (rest.found, job(on_request, number)) == (150 - lines, ended)
    assert take(on_request, before).lines == 150


def test_the_same_key_is_the_same_job(on_request: Shop) -> None:
    """Asked for twice by one key there is one job; by that key nothing else can be asked for."""
    fill(on_request, 3)
    with on_request.daemon():
        first = start(on_request, key="nightly", classes=["WARM", "COLD"])
        assert start(on_request, key="nightly", classes=["COLD", "WARM", "WARM"]) == first
        with pytest.raises(KeyReused, match=f"job {first} was asked for"):
            start(on_request, key="nightly", classes=["WARM"])
        over(on_request, first)
        assert start(on_request, key="nightly", classes=["WARM", "COLD"]) == first
    assert [row["id"] for row in rows(on_request, "SELECT id FROM jobs")] == [first]


def test_a_job_waits_for_a_daemon(on_request: Shop) -> None:
    """Asked for while nobody sorts, a job is begun by the next daemon; one that is cancelled is not."""
    on_request.run("sweep")
    before = fill(on_request, 2)
    number = start(on_request)
    cancelled = start(on_request)
    jobs.cancel(configured(on_request), cancelled)
    assert job(on_request, number).state == "queued"
    with on_request.daemon() as daemon:
        daemon.wait_for("job.ended", job=number, state="done")
        assert daemon.stop() == 0
    assert job(on_request, cancelled).state == "cancelled"
    assert take(on_request, before).lines == 2


def test_trouble_holds_a_job_up_until_another_waits(on_request: Shop) -> None:
    """A photo that cannot be moved keeps its job running; the next job takes it over and sorts it."""
    before = fill(on_request, 1)
    (on_request.sorted / "WARM").write_bytes(b"in the way")
    with on_request.daemon() as daemon:
        first = start(on_request)
        daemon.wait_for("photo.held_back")
        eventually(lambda: job(on_request, first).trouble, "the trouble told")
        assert job(on_request, first).state == "running"
        second = start(on_request)
        daemon.wait_for("job.ended", job=first, state="done")
        (on_request.sorted / "WARM").unlink()
        daemon.wait_for("job.ended", job=second, state="done")
        assert daemon.stop() == 0
    given_up, found = job(on_request, first), job(on_request, second)
    assert (given_up.found, given_up.left, adds_up(given_up)) == (1, 1, True)
    assert (found.found, found.sorted, found.trouble) == (1, 1, None)
    assert take(on_request, before).lines == 1


def test_what_a_cancelled_job_leaves_is_for_the_watch(shop: Shop) -> None:
    """In an inbox that is watched a cancelled job's photos wait on, for no job, until they are sorted."""
    watched = ON_REQUEST.replace("mode: jobs", "mode: auto")
    shop.config.write_text(watched.replace("{base_s: 0.05, max_s: 0.1}", "{base_s: 60}"))
    (shop.sorted / "WARM").write_bytes(b"in the way")
    with shop.daemon() as daemon:
        shop.drop("a.jpg", photo("red"))
        daemon.wait_for("photo.held_back")
        number = start(shop)
        eventually(lambda: job(shop, number).trouble, "it is the job's, was tried again, and is held back")
        jobs.cancel(configured(shop), number)
        daemon.wait_for("job.ended", job=number, state="cancelled")
        assert daemon.stop() == 0
    assert (job(shop, number).found, job(shop, number).left) == (1, 1)
    assert [(row["state"], row["job"]) for row in rows(shop)] == [("waiting", None)]
    (shop.sorted / "WARM").unlink()
    shop.run("sweep")
    assert [line["job"] for line in shop.lines()] == [number + 1]


def test_a_slip_is_told(on_request: Shop) -> None:
    """What cannot be a job is refused with what could be."""
    slips: list[tuple[str, dict[str, Any]]] = [
        ("its categories are COLD, PLAIN, WARM", {"classes": ["TOYS"]}),
        ("'/etc' lies in no inbox", {"paths": ["/etc"]}),
        ("lies in no inbox", {"paths": [f"{on_request.inbox}/../sorted"]}),
        ("'inbox/a.jpg' is no absolute path", {"paths": ["inbox/a.jpg"]}),
        ("'/x' is no pattern", {"glob": "/x"}),
        ("'' is no pattern", {"glob": ""}),
    ]
    for told, scope in slips:
        with pytest.raises(JobRefused) as refused:
            jobs.scope_of(configured(on_request), **scope)
        assert told in str(refused.value)
    on_request.config.write_text(ON_REQUEST.replace("mode: jobs", "mode: auto"))
    with pytest.raises(JobRefused, match=r"set `watch\.mode: jobs`"):
        jobs.scope_of(configured(on_request), classes=["WARM"])


def test_the_commands_tell_it(on_request: Shop) -> None:
    """start, show, list and cancel say for people and programs how a job stands, and what nobody can do."""
    refused = on_request.run("jobs", "start", check=False)
    assert (refused.returncode, "`refundsorter run` makes one" in refused.stderr) == (78, True)
    fill(on_request, 3)
    on_request.run("sweep")
    said = on_request.run("jobs", "start", "--class", "WARM", "--by", "Anna Ångström").stdout
    assert said.startswith("Job 2 is queued; ")
    assert "Nobody is sorting now" in said
    assert on_request.run("jobs", "cancel", "2").stdout == "Job 2 is cancelled.\n"
    newest, sweep = json.loads(on_request.run("jobs", "list", "--json").stdout)
    assert (newest["state"], newest["by"], newest["classes"]) == ("cancelled", "Anna Ångström", ["WARM"])
    assert (sweep["state"], sweep["found"], sweep["sorted"], sweep["left"]) == ("done", 3, 3, 0)
    shown = on_request.run("jobs", "show", "1").stdout
    assert shown.startswith("Job 1 is done: 100 % of its photos are done.\n")
    missing = on_request.run("jobs", "show", "9", check=False)
    assert (missing.returncode, missing.stderr) == (1, "refundsorter: there is no job 9\n")
