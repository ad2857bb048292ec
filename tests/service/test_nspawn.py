"""The service under a real systemd: installed, started, killed, hung, reloaded, stopped, removed."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from container import Container, NotBooted, booted, impossible
from support import eventually, every_file, make_shop, photo

INBOX, SHELF = "srv/refundsorter/inbox", "srv/refundsorter/sorted"
SETTINGS = "etc/refundsorter/refundsorter.yaml"
STOP_S = 25  # as TimeoutStopSec= says
HASTE = "[Service]\nWatchdogSec=5\nRestartSec=200ms\n"

# What a decoding child does: it is forked, gets its photo by a descriptor, and lowers its own limits.
CHILD = """\
import array, os, resource, signal, socket, subprocess, sys
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
memory = os.memfd_create("photo")
os.write(memory, b"pixels")
socket.send_fds(ours, [b"take"], [memory])
child = os.fork()
if not child:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    message, (received, *_), *_ = socket.recv_fds(theirs, 16, 1)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.prlimit(0, resource.RLIMIT_NOFILE, (64, 64))
    signal.setitimer(signal.ITIMER_PROF, 10)
    assert os.pread(received, 6, 0) == b"pixels"
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
limiting = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))"
subprocess.run([sys.executable, "-c", limiting], check=True)
"""

# A daemon with a child that neither SIGTERM nor the end of its parent ends.
PARENT = """\
import os, signal
if not os.fork():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        signal.pause()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
signal.pause()
"""


class Service:
    """The installed service and its photos."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.inbox = container.root / INBOX
        self.shelf = container.root / SHELF
        self.dropped = 0

    def ctl(self, *arguments: str, check: bool = True) -> str:
        """Ask systemd."""
        return self.container.call("systemctl", *arguments, check=check)

    def shows(self, name: str) -> str:
        """A property of the service."""
        return self.ctl("show", "--value", f"--property={name}", "refundsorter").strip()

    def kill(self, signal: str) -> None:
        """Send the daemon a signal, and nobody else."""
        self.ctl("kill", "--kill-whom=main", f"--signal={signal}", "refundsorter")

    def drop(self, count: int) -> None:
        """Drop photos that nobody has dropped before."""
        for number in range(self.dropped + 1, self.dropped + count + 1):
            partial = self.inbox / f".{number}.part"
            partial.write_bytes(photo("red", seed=number))
            partial.rename(self.inbox / f"{number}.jpg")
        self.dropped += count

    def is_complete(self) -> bool:
        """Whether every photo lies on the shelf, once, with one line."""
        photos = [one for one in every_file(self.shelf) if not {"_journal", "_reports"} & {*one.parts}]
        hashes = Counter(hashlib.sha256(one.read_bytes()).hexdigest() for one in photos)
        lines = [
            json.loads(line)["sha256"]
            for one in (self.shelf / "_journal").glob("*.jsonl")
            for line in one.read_text().splitlines()
        ]
        return len(photos) == self.dropped and Counter(lines) == hashes and set(hashes.values()) <= {1}

    def log(self) -> str:
        """What the journal has of it."""
        return self.container.call("journalctl", "--unit=refundsorter", "--output=cat", "--no-pager")


def sandboxed(container: Container, name: str, kind: str, script: str) -> None:
    """Make a service of a script that runs as the installed unit lets the daemon run."""
    container.write(f"/opt/{name}.py", script)
    unit = (container.root / "etc/systemd/system/refundsorter.service").read_text()
    daemons = ("ExecStart", "Type", "Watchdog", "Restart")
    lines = [line for line in unit.splitlines() if not line.startswith(daemons)]
    at = lines.index("[Service]") + 1
    lines[at:at] = [f"Type={kind}", f"ExecStart=/opt/refundsorter/bin/python /opt/{name}.py"]
    container.write(f"/etc/systemd/system/{name}.service", "\n".join(lines))
    container.call("systemctl", "daemon-reload")


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """A container with the program, not yet a service."""
    if (
        os.environ.get("CI")
        and os.geteuid() == 0
        and not shutil.which("systemd-nspawn")
        and shutil.which("apt-get")
    ):
        subprocess.run(["apt-get", "update", "--quiet"], check=True)
        subprocess.run(
            ["apt-get", "install", "--yes", "--no-install-recommends", "systemd-container"], check=True
        )
    if why := impossible():
        pytest.skip(why)
    base = tmp_path_factory.mktemp("nspawn")
    with ExitStack() as stack:
        try:
            made = stack.enter_context(booted(make_shop(base / "shop"), base / "console.log"))
        except NotBooted as failed:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no container boots on this machine: {failed}")
        made.install_python()
        yield made


@pytest.fixture(scope="module")
def installed(container: Container) -> tuple[Service, str]:
    """The service as it is after `install-service`, and what that said."""
    said = container.refundsorter("install-service", "--config", "/opt/shop/config/refundsorter.yaml")
    container.write("/etc/systemd/system/refundsorter.service.d/haste.conf", HASTE)
    container.call("systemctl", "daemon-reload")
    return Service(container), said


@pytest.fixture
def service(installed: tuple[Service, str]) -> Service:
    """The service, running."""
    installed[0].ctl("enable", "--now", "refundsorter")
    return installed[0]


def test_installing_starts_nothing(installed: tuple[Service, str]) -> None:
    """Every step is told, folders are the service's own, and what comes next is for a person to type."""
    service, said = installed
    assert "done  make the user refundsorter" in said
    assert "systemctl enable --now refundsorter" in said
    assert service.ctl("is-enabled", "refundsorter", check=False).strip() == "disabled"
    for folder in (service.inbox, service.shelf):
        assert folder.stat().st_mode & 0o7777 == 0o2775
        assert folder.stat().st_uid == folder.stat().st_gid != 0


def test_installing_again_changes_nothing(service: Service) -> None:
    """All but the message to systemd is so already."""
    said = service.container.refundsorter("install-service")
    assert [line for line in said.splitlines() if line.startswith("done")] == [
        "done  tell systemd of it (daemon-reload)"
    ]


def test_the_doctor_finds_nothing_wrong(service: Service) -> None:
    """As the service's user, every check is well."""
    said = service.container.call(
        *(
            "setpriv",
            "--reuid=refundsorter",
            "--regid=refundsorter",
            "--init-groups",
            "/opt/refundsorter/bin/python",
            "-P",
            "-m",
            "refundsorter",
        ),
        *("doctor", "--config", f"/{SETTINGS}"),
    )
    assert "failed" not in said


def test_photos_are_sorted(service: Service) -> None:
    """What is dropped lies on the shelf, in folders of the service's own; the daemon has no privileges."""
    service.drop(5)
    eventually(service.is_complete, "5 photos are sorted")
    owners = {path.parent.stat().st_uid for path in every_file(service.shelf)}
    assert owners == {service.shelf.stat().st_uid}
    status = service.container.call("cat", f"/proc/{service.shows('MainPID')}/status")
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (told["Seccomp"], told["NoNewPrivs"], int(told["CapBnd"], 16)) == ("2", "1", 0)


def test_after_a_kill_it_is_back_and_complete(service: Service) -> None:
    """`kill -9` in the middle of 40 photos: another process finishes, each photo once."""
    before = service.shows("MainPID")
    service.drop(40)
    service.kill("KILL")
    eventually(lambda: service.shows("MainPID") not in {"0", before}, "it is back")
    eventually(service.is_complete, "all is sorted")


def test_a_hang_is_ended_by_the_watchdog(service: Service) -> None:
    """A daemon that stands still is ended and started again; the log has the reason and where it stood."""
    before = service.shows("MainPID")
    service.kill("STOP")
    service.drop(3)
    eventually(lambda: service.shows("MainPID") not in {"0", before}, "it is back")
    eventually(service.is_complete, "all is sorted")
    log = service.log()
    assert "Watchdog timeout" in log
    assert "Fatal Python error: Aborted" in log


def test_a_reload_reads_the_settings(service: Service) -> None:
    """`systemctl reload` returns, the same process goes on, and the log names what has changed."""
    before = service.shows("MainPID")
    file = service.container.root / SETTINGS
    kept = file.read_text()
    file.write_text(kept + "retry: {max_s: 60.0}\n")
    service.ctl("reload", "refundsorter")
    eventually(lambda: '"changed": ["retry.max_s"]' in service.log(), "settings are read")
    file.write_text(kept)
    assert service.shows("MainPID") == before


def test_the_log_is_read_by_journalctl(service: Service) -> None:
    """Each line of the daemon is a JSON object with event, level and time."""
    lines = service.container.call(
        "journalctl", "--unit=refundsorter", "--identifier=refundsorter", "--output=cat", "--no-pager"
    )
    events = [json.loads(line) for line in lines.splitlines() if line.startswith("{")]
    assert "ready" in {one["event"] for one in events}
    assert all({"event", "level", "timestamp"} <= one.keys() for one in events)


def test_a_stop_is_clean_and_in_time(service: Service) -> None:
    """`systemctl stop` amid work ends with 0, within the deadline; the next start does the rest."""
    service.drop(20)
    service.ctl("stop", "refundsorter")
    assert (service.shows("Result"), service.shows("ExecMainStatus")) == ("success", "0")
    took = int(service.shows("InactiveEnterTimestampMonotonic")) - int(
        service.shows("ActiveExitTimestampMonotonic")
    )
    assert 0 < took < STOP_S * 1_000_000
    service.ctl("start", "refundsorter")
    eventually(service.is_complete, "all is sorted")


def test_a_wrong_configuration_is_not_tried_again(service: Service) -> None:
    """It ends with 78 and stays failed; the log says what to mend, and mended it starts."""
    service.ctl("stop", "refundsorter")
    file = service.container.root / SETTINGS
    kept = file.read_text()
    file.write_text(kept + "colour: blue\n")
    service.ctl("start", "refundsorter", check=False)
    assert [service.shows(one) for one in ("ActiveState", "SubState", "ExecMainStatus", "NRestarts")] == [
        "failed", "failed", "78", "0",
    ]  # fmt: skip
    assert "colour: unknown key" in service.log()
    file.write_text(kept)
    service.ctl("start", "refundsorter")
    assert service.shows("ActiveState") == "active"


def test_what_never_comes_up_is_given_up(service: Service) -> None:
    """A program that dies at every start is left failed after as many tries as the limit allows."""
    service.ctl("stop", "refundsorter")
    dropped = "/etc/systemd/system/refundsorter.service.d/wreck.conf"
    service.container.write(
        dropped, "[Unit]\nStartLimitBurst=3\n[Service]\nRestartSec=10ms\nExecStart=\nExecStart=/bin/false\n"
    )
    service.ctl("daemon-reload")
    service.ctl("reset-failed", "refundsorter")
    service.ctl("start", "refundsorter", check=False)
    eventually(lambda: service.shows("ActiveState") == "failed", "it is given up")
    assert int(service.shows("NRestarts")) <= 3
    (service.container.root / dropped.lstrip("/")).unlink()
    service.ctl("daemon-reload")
    service.ctl("reset-failed", "refundsorter")


def test_the_sandbox_allows_what_decoding_needs(service: Service) -> None:
    """In the unit's sandbox a child is forked, gets a descriptor, lowers its limits and sets a timer."""
    sandboxed(service.container, "child", "oneshot", CHILD)
    service.ctl("start", "child", check=False)
    result = service.ctl("show", "--value", "--property=Result", "child").strip()
    assert result == "success", service.container.call("journalctl", "--unit=child", "--no-pager")


def test_children_do_not_delay_a_stop(service: Service) -> None:
    """One that is left when the daemon has ended is killed at once, not after the deadline."""
    container = service.container
    sandboxed(container, "parent", "simple", PARENT)
    service.ctl("start", "parent")
    read_log = ("journalctl", "--unit=parent", "--output=cat", "--no-pager")
    eventually(lambda: "ready" in container.call(*read_log), "it is ready")
    began = time.monotonic()
    service.ctl("stop", "parent")
    assert time.monotonic() - began < STOP_S / 2
    assert container.call("sh", "-c", "grep -ls '[/]opt/parent.py' /proc/[0-9]*/cmdline", check=False) == ""


def test_removal_leaves_photos_ledger_and_settings(service: Service) -> None:
    """The unit is gone and its process too; nothing else is. Installed again, it goes on."""
    said = service.container.refundsorter("uninstall-service")
    assert "Left alone" in said
    root = service.container.root
    assert not (root / "etc/systemd/system/refundsorter.service").exists()
    assert (root / "var/lib/refundsorter").is_dir()
    assert (root / SETTINGS).is_file()
    assert service.is_complete()
    assert service.shows("MainPID") == "0"
    service.container.refundsorter("install-service")
    service.ctl("start", "refundsorter")
    service.drop(1)
    eventually(service.is_complete, "all is sorted")


def test_a_user_has_a_service_of_ones_own(container: Container) -> None:
    """Without root: `install-service --user`, started by the user's manager, sorts; removed, photos stay."""
    manager = "[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n"  # /etc has no rules for PAM
    container.write("/etc/systemd/system/user@.service.d/plain.conf", manager)
    container.call("systemctl", "daemon-reload")
    container.call("useradd", "--create-home", "--user-group", "clerk")
    number = container.call("id", "-u", "clerk").strip()
    container.call("systemctl", "start", f"user@{number}")

    def as_clerk(*command: str) -> str:
        become = ("setpriv", "--reuid=clerk", "--regid=clerk", "--init-groups")
        return container.call(
            *become, "env", "HOME=/home/clerk", f"XDG_RUNTIME_DIR=/run/user/{number}", *command
        )

    python = ("/opt/refundsorter/bin/python", "-P", "-m", "refundsorter")
    as_clerk(*python, "install-service", "--user", "--config", "/opt/shop/config/refundsorter.yaml")
    as_clerk("systemctl", "--user", "enable", "--now", "refundsorter")
    home = container.root / "home/clerk/refundsorter"
    (home / "inbox" / "a.jpg").write_bytes(photo("green"))
    eventually((home / "sorted" / "COLD" / "a.jpg").exists, "it is sorted")
    as_clerk(*python, "uninstall-service", "--user")
    assert as_clerk("systemctl", "--user", "list-units", "--no-legend", "refundsorter*") == ""
    assert (home / "sorted" / "COLD" / "a.jpg").exists()
