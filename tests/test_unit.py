"""The systemd unit: systemd finds nothing wrong with it, and it agrees with the program."""

import configparser
import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import Shop, environment, photo

from refundsorter.daemon import SILENCE_S
from refundsorter.exits import ExitCode
from refundsorter.settings import Settings
from refundsorter.settings_source import variable

UNIT = Path(__file__).parents[1] / "systemd" / "refundsorter.service"
SWEEP, TIMER = UNIT.with_name("refundsorter-sweep.service"), UNIT.with_name("refundsorter-sweep.timer")
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1  # prctl(2), since Linux 6.3

WITHOUT_WRITABLE_CODE = f"""
import ctypes, sys
assert ctypes.CDLL(None).prctl({PR_SET_MDWE}, {REFUSE_EXEC_GAIN}, 0, 0, 0) == 0
from refundsorter.cli import main
main()
"""


@pytest.fixture
def service() -> configparser.SectionProxy:
    """The unit's section [Service]."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser documents it
    unit.read(UNIT)
    return unit["Service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("text", [UNIT, SWEEP, TIMER], ids=lambda path: path.name)
def test_systemd_takes_it(tmp_path: Path, text: Path) -> None:
    """`systemd-analyze verify` has nothing to say."""
    for one in (UNIT, SWEEP, TIMER):  # which name a program that is there
        (tmp_path / one.name).write_text(
            one.read_text().replace("/opt/refundsorter/bin/refundsorter", "/bin/true")
        )
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / text.name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("text", [UNIT, SWEEP], ids=lambda path: path.name)
def test_it_exposes_little(text: Path) -> None:
    """`systemd-analyze security` counts no more than 1.5 of 10."""
    counted = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", text],
        capture_output=True,
        text=True,
        check=False,
    )
    assert counted.returncode == 0, counted.stdout


def test_it_waits_longer_for_a_stop_than_the_daemon(service: configparser.SectionProxy) -> None:
    """The daemon's own deadline comes first, so it can say what it gave up."""
    deadline_s = Settings().stop_timeout_s
    assert deadline_s < float(service["TimeoutStopSec"]) <= deadline_s + 10


def test_a_hang_is_noticed_before_the_watchdog_acts(service: configparser.SectionProxy) -> None:
    """A loop that is silent stops the messages early enough for systemd to act within twice that time."""
    assert float(service["WatchdogSec"]) == 2 * SILENCE_S


def test_a_wrong_configuration_is_not_tried_again(service: configparser.SectionProxy) -> None:
    """The status that asks for a person is the one that prevents a restart; the others do not."""
    assert service["RestartPreventExitStatus"].split() == [str(ExitCode.CONFIGURATION.value)]


def test_a_sweep_is_locked_in_as_the_daemon_is() -> None:
    """User, limits and sandbox of both are the same, line by line."""
    begin = "# A user of its own"
    daemon = UNIT.read_text().partition(begin)[2].partition("[Install]")[0].strip()
    assert daemon == SWEEP.read_text().partition(begin)[2].strip()


def test_a_sweep_that_cannot_be_now_is_tried_again() -> None:
    """Every status but 75 is final; that one is not."""
    (found,) = re.findall("^RestartPreventExitStatus=(.*)$", SWEEP.read_text(), re.MULTILINE)
    final = {code for code in ExitCode if code not in (ExitCode.OK, ExitCode.TEMPORARY)}
    assert set(found.split()) == {str(code.value) for code in final}


def test_the_timer_makes_up_for_what_was_missed() -> None:
    """It is persistent, and starts the sweep at the time of the default schedule."""
    minute, hour = (Settings().sweep.schedule or "").split()[:2]
    assert f"OnCalendar=*-*-* {int(hour):02}:{int(minute):02}:00\n" in TIMER.read_text()
    assert "\nPersistent=true\n" in TIMER.read_text()


def test_its_variables_are_settings() -> None:
    """What it sets in the environment is known to the settings, or is Python's."""
    names = re.findall("^Environment=([^=]*)", UNIT.read_text(), re.MULTILINE)
    assert names == ["PYTHONFAULTHANDLER", variable("state_dir")]


def test_every_part_is_explained() -> None:
    """Each block of lines in [Service] begins with a comment or continues one."""
    blocks = UNIT.read_text().partition("[Service]\n")[2].partition("[Install]")[0].strip().split("\n\n")
    assert [block for block in blocks if not re.match("#", block)] == []


def test_it_needs_no_page_that_is_written_and_executed(shop: Shop) -> None:
    """What `MemoryDenyWriteExecute=` forbids is never done: a sweep works without it."""
    if ctypes.CDLL(None).prctl(PR_SET_MDWE + 1, 0, 0, 0, 0) < 0:
        pytest.skip("this kernel cannot forbid it (before Linux 6.3)")
    shop.drop("a.jpg", photo("red"))
    subprocess.run(
        [sys.executable, "-c", WITHOUT_WRITABLE_CODE, "sweep", "--config", os.fspath(shop.config)],
        check=True,
        capture_output=True,
        env=environment(),
    )
    assert (shop.sorted / "WARM" / "a.jpg").exists()
