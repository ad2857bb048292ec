"""A real systemd in a container of this machine's own /usr, and the program installed in it.

`systemd-nspawn --volatile=yes` gives it an empty /etc and /var in memory, so nothing is downloaded, it is up
in seconds, and this machine's own services are not in it.
"""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support import Shop, eventually

ROOT = Path(__file__).parents[1]
PREFIX = Path("/opt/refundsorter")
NAME = f"refundsorter-{os.getpid()}"
GROUPS = [Path("/sys/fs/cgroup", hierarchy, NAME) for hierarchy in ("systemd", "unified")]
HAS_SYSTEMD = Path("/run/systemd/system").is_dir()
# Puts a command into groups of its own, where no systemd of this machine does it.
INTO_GROUPS = (
    'for group in $CONTAINER_GROUPS; do mkdir -p $group && echo $$ > $group/cgroup.procs; done; exec "$@"'
)


class NotBooted(Exception):
    """The container did not come up."""


class Container:
    """A booted container."""

    def __init__(self, leader: int) -> None:
        self._leader = leader  # its first process, as this machine numbers it
        self.root = Path(f"/proc/{leader}/root")

    def call(self, *command: str, check: bool = True) -> str:
        """Run a command inside, as root; what it says."""
        entered = ["nsenter", f"--target={self._leader}", "--all", "--wdns=/", *command]
        environment = {"PATH": "/usr/sbin:/usr/bin", "LANG": "C.UTF-8"}
        done = subprocess.run(
            entered, capture_output=True, text=True, check=False, env=environment, timeout=120
        )
        assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def write(self, path: str, content: str) -> None:
        """Write a file inside."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)

    def install_python(self) -> None:
        """Make a virtual environment that sees this one's packages and the checkout."""
        self.write("/etc/ld.so.conf", "/opt/python/lib\n")  # a Python that was moved finds its library
        self.call("ldconfig")
        python = _python()
        self.call(str(python), "-m", "venv", "--without-pip", str(PREFIX))
        packages = self.call(
            f"{PREFIX}/bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"
        )
        self.write(f"{packages.strip()}/program.pth", "/opt/checkout\n/opt/packages\n")

    def refundsorter(self, *arguments: str, check: bool = True) -> str:
        """Run a command of the program inside."""
        return self.call(f"{PREFIX}/bin/python", "-P", "-m", "refundsorter", *arguments, check=check)


def impossible() -> str | None:
    """Why no container can be booted here."""
    if os.geteuid() != 0:
        return "booting a container is root's"
    if shutil.which("systemd-nspawn") is None:
        return "systemd-nspawn is not installed: apt-get install systemd-container"
    if not HAS_SYSTEMD and not os.access("/sys/fs/cgroup", os.W_OK):
        return "/sys/fs/cgroup cannot be written to: a container cannot have groups of its own"
    return None


@contextmanager
def booted(shop: Shop, log: Path) -> Iterator[Container]:
    """A container that has booted; the shop is at /opt/shop."""
    binds = {
        ROOT: "/opt/checkout",
        Path(sysconfig.get_path("purelib")): "/opt/packages",
        shop.base: "/opt/shop",
    }
    if _python().is_relative_to("/opt/python"):
        binds[Path(sys.base_prefix)] = "/opt/python"
    command = ["systemd-nspawn", "--quiet", "--boot", "--directory=/", "--volatile=yes", f"--machine={NAME}"]
    command += ["--private-network", "--console=pipe", "--register=no", "--tmpfs=/usr/local/share"]
    command += [f"--bind-ro={here}:{there}" for here, there in binds.items()]
    if not HAS_SYSTEMD:  # nobody here could give it a unit of its own
        command = ["sh", "-ec", INTO_GROUPS, "sh", *command, "--keep-unit"]
    command.append(
        "systemd.unit=basic.target"
    )  # with an empty /etc every service of this /usr counts as enabled
    groups = " ".join(str(group) for group in GROUPS if group.parent.is_dir())
    with log.open("w") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={**os.environ, "CONTAINER_GROUPS": groups},
        )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        try:
            eventually(lambda: process.poll() is not None or _is_up(children), "the container is up")
        except AssertionError as late:
            raise NotBooted(log.read_text()) from late
        if process.poll() is not None:
            raise NotBooted(log.read_text())
        yield Container(int(children.read_text().split()[0]))
    finally:
        with suppress(OSError, IndexError):  # SIGKILL to its first process ends all of it at once
            os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
        process.terminate()
        process.wait(30)
        _leave_groups()


def _is_up(children: Path) -> bool:
    """Whether the first process below nspawn is a systemd that has started all it had to."""
    with suppress(OSError, IndexError):
        said = Container(int(children.read_text().split()[0])).call(
            "systemctl", "is-system-running", check=False
        )
        return said.strip() in {"running", "degraded"}
    return False


def _python() -> Path:
    """This Python as the container sees it."""
    name = f"bin/python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(sys.base_prefix if sys.base_prefix == "/usr" else "/opt/python") / name


def _leave_groups() -> None:
    for group in GROUPS:
        for folder, _, _ in os.walk(group, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)
