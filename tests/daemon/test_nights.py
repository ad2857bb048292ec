"""Nights of the real daemon, and `refundsorter sweep` beside it."""

import json
import signal
import subprocess
from typing import Any

import pytest
from faults.account import take
from support import COMMAND, Shop, environment, eventually, photo
from workbench import rows

NIGHTS = "watch: {stability_s: 0}\nbatch: {workers: 1}\nmove: {min_free_bytes: 0}\n"
EVERY_DATE = "0 0 * * *"  # its night is always due
LAST, FIRST = "Etc/GMT+12", "Pacific/Kiritimati"  # zones that never have the same date
JOBS = "SELECT key, by_whom, state FROM jobs ORDER BY id"


@pytest.fixture
def at_night(shop: Shop) -> Shop:
    """A shop without waiting."""
    shop.config.write_text(NIGHTS)
    return shop


def night(shop: Shop, **variables: str) -> dict[str, Any]:
    """Run a daemon until its night is over; what it logged when it asked for it."""
    with shop.daemon(REFUNDSORTER_SWEEP__SCHEDULE=EVERY_DATE, **variables) as daemon:
        asked = daemon.wait_for("night.asked")
        daemon.wait_for("job.ended", job=asked["job"], state="done")
        assert daemon.stop() == 0
    return asked


def last_night(shop: Shop) -> dict[str, Any]:
    """What `status` tells of it."""
    last: dict[str, Any] = json.loads(shop.run("status", "--json").stdout)["nights"]["last"]
    return last


def test_a_night_that_was_missed_is_made_up_for_once(at_night: Shop) -> None:
    """The first start sweeps; a second start on the same date does not."""
    asked = night(at_night)
    with at_night.daemon(REFUNDSORTER_SWEEP__SCHEDULE=EVERY_DATE) as daemon:
        at_night.run("sweep")
        assert daemon.stop() == 0
        assert [one for one in daemon.events if one["event"] == "night.asked"] == []
    kept, by_hand = rows(at_night, JOBS)
    assert kept == {"key": f"night {asked['date']}", "by_whom": "schedule", "state": "done"}
    assert (by_hand["key"], by_hand["state"]) == (None, "done")


def test_status_and_doctor_tell_how_a_night_goes(at_night: Shop) -> None:
    """Its date, its job and what holds it up are told; a night that went well is no warning."""
    asked = night(at_night, REFUNDSORTER_SWEEP__TIMEZONE=LAST)
    told = at_night.run("status").stdout
    assert f"The night of {asked['date']} (job {asked['job']}): done at " in told
    away = at_night.base / "away"
    at_night.inbox.rename(away)
    with at_night.daemon(REFUNDSORTER_SWEEP__SCHEDULE=EVERY_DATE, REFUNDSORTER_SWEEP__TIMEZONE=FIRST):
        eventually(lambda: last_night(at_night)["trouble"], "the trouble told")
        last = last_night(at_night)
        checks = json.loads(at_night.run("doctor", "--json", check=False).stdout)
    (found,) = [one for one in checks if one["name"] == "nights"]
    assert (last["state"], last["date"] > asked["date"]) == ("running", True)
    assert last["trouble"] == f"{at_night.inbox}: could not be looked through"
    assert (found["verdict"], found["todo"]) == ("warning", f"see `refundsorter jobs show {last['job']}`")


def test_a_reload_brings_nights(at_night: Shop) -> None:
    """A schedule that SIGHUP brings counts at once, and one that never was is not asked for."""
    variables = environment()
    del variables["REFUNDSORTER_SWEEP__SCHEDULE"]
    at_night.config.write_text(f"{NIGHTS}sweep: {{schedule: null}}\nhttp: {{enabled: false}}\n")
    with subprocess.Popen(
        [*COMMAND, "run", "--config", str(at_night.config)], stderr=subprocess.PIPE, text=True, env=variables
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            event = json.loads(line)["event"]
            if event == "ready":
                text = f"{NIGHTS}sweep: {{schedule: {EVERY_DATE}, timezone: Asia/Kathmandu}}\n"
                at_night.config.write_text(text + "http: {enabled: false}\n")
                process.send_signal(signal.SIGHUP)
            if event == "settings.read":
                assert json.loads(line)["changed"] == ["sweep.schedule", "sweep.timezone"]
            if event == "job.ended":
                told = last_night(at_night)
                process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert told["state"] == "done"
    assert [one["by_whom"] for one in rows(at_night, JOBS)] == ["schedule"]


def test_a_sweep_beside_a_daemon_is_made_by_it(at_night: Shop) -> None:
    """The command hands the work over, follows it, and gives the account of the daemon's job."""
    at_night.config.write_text(NIGHTS.replace("stability_s: 0", "stability_s: 0, mode: jobs"))
    for number in range(5):
        at_night.drop(f"{number}.jpg", photo("red", seed=number + 1))
    before = at_night.photos()
    with at_night.daemon() as daemon:
        swept = at_night.run("sweep", "--json")
        told = at_night.run("sweep")
        assert f"process {daemon.process.pid} is sorting" in swept.stderr
        assert daemon.stop() == 0
    account = json.loads(swept.stdout)
    assert (account["found"], account["sorted"], account["left"]) == (5, 5, 0)
    assert (account["categories"], account["interrupted"], account["trouble"]) == ({"WARM": 5}, False, None)
    assert {line["job"] for line in at_night.lines()} == {account["job"]}
    assert told.stdout == "Nothing to sort: no photo waits in the inbox.\n"
    assert take(at_night, before).lines == 5


def test_a_sweep_that_the_daemon_does_not_end_says_so(at_night: Shop) -> None:
    """Where the daemon is stopped meanwhile the command ends with 3, and the next daemon goes on."""
    at_night.config.write_text(NIGHTS.replace("stability_s: 0", "stability_s: 0, mode: jobs"))
    at_night.drop("a.jpg", photo("red"))
    away = at_night.base / "away"
    with at_night.daemon() as daemon:
        at_night.inbox.rename(away)
        with subprocess.Popen(
            [*COMMAND, "sweep", "--json", "--config", str(at_night.config)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as command:
            eventually(lambda: rows(at_night, "SELECT trouble FROM jobs"), "the job begun")
            daemon.wait_for("job.started")
            assert daemon.stop() == 0
            account = json.loads(command.communicate()[0])
    assert (command.returncode, account["interrupted"]) == (3, True)
    away.rename(at_night.inbox)
    with at_night.daemon() as daemon:
        daemon.wait_for("job.ended", job=account["job"], state="done")
    assert len(at_night.lines()) == 1


def test_the_schedules_keys_are_its_own(at_night: Shop) -> None:
    """Nobody else can ask for a job by a key that begins like a night's: the night would be lost."""
    at_night.run("sweep")
    refused = at_night.run("jobs", "start", "--key", "night 2026-11-22", check=False)
    assert (refused.returncode, "such keys are those of the schedule" in refused.stderr) == (2, True)
