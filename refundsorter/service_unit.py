"""The systemd units for a machine, each made from the one text of it in `systemd/`."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from refundsorter.core.fault import StartRefused
from refundsorter.core.text import printable

UNIT = "refundsorter.service"
SWEEP = "refundsorter-sweep.service"
TIMER = "refundsorter-sweep.timer"
STEPPED_RESTARTS = 254  # the first systemd that waits longer each time

# What a user's own manager has no right to do, or has done already.
SYSTEM_ONLY = (
    "After", "User", "Group", "StateDirectory", "StateDirectoryMode", "ReadWritePaths", "ProtectSystem",
    "ProtectHome", "ProtectProc", "ProtectClock", "ProtectHostname", "ProtectKernelLogs",
    "ProtectKernelModules", "ProtectKernelTunables", "ProtectControlGroups", "PrivateTmp", "PrivateDevices",
    "PrivateIPC", "PrivateMounts", "IPAddressDeny", "IPAddressAllow", "RemoveIPC", "CapabilityBoundingSet",
    "AmbientCapabilities", "Environment=REFUNDSORTER_STATE_DIR",
)  # fmt: skip


def of_system(config: Path, folders: Sequence[Path], *, sweep: bool = False) -> str:
    """The unit of a system's service, which writes to these folders alone: the daemon's, or a sweep's."""
    opened = [_quoted(path) for path in opened_for(folders)]
    own = {"ExecStart": [_command(config, sweep=sweep)], "ReadWritePaths": opened}
    return filled(_text(sweep=sweep), own)


def of_user(config: Path, *, sweep: bool = False) -> str:
    """The unit of a user's own service, likewise."""
    struck: dict[str, Sequence[str]] = dict.fromkeys(SYSTEM_ONLY, ())
    own = {
        "ExecStart": [_command(config, sweep=sweep)],
        "WantedBy": ["default.target"],
    }
    return filled(_text(sweep=sweep), struck | own)


def opened_for(folders: Sequence[Path]) -> Sequence[Path]:
    """The paths to open: one, if it can be, for between two a photo cannot be renamed."""
    common = Path(os.path.commonpath(folders))
    top = 4 if common.parts[1:2] in {("var",), ("usr",)} else 3  # /srv and /var/lib belong to others too
    return [common] if len(common.parts) >= top else folders


def filled(text: str, values: Mapping[str, Sequence[str]]) -> str:
    """The unit with other values for some keys; one without a value goes with its own comment."""
    kept: list[str] = []
    comment: list[str] = []
    has_lost = False  # a key below this comment is gone
    for line in text.splitlines():
        key = next((one for one in values if line.startswith(f"{one}=")), None)
        if line.startswith("#"):
            comment = [] if has_lost else comment
            comment.append(line)
            has_lost = False
        elif key:
            if values[key]:
                kept += [*comment, *(f"{key}={value}" for value in values[key])]
                comment = []
            else:
                has_lost = True
        else:
            comment = [] if has_lost and not line else comment
            kept += [*comment, line] if line or kept[-1:] != [""] else comment
            comment, has_lost = [], False
    return "\n".join(kept) + "\n"


def template(unit: str = UNIT) -> Path:
    """A unit's text: in a wheel beside this module, in a checkout in a folder of its own."""
    packaged = Path(__file__).with_name(unit)
    return packaged if packaged.exists() else packaged.parents[1] / "systemd" / unit


def systemd_version() -> int:
    """The version of systemd; 0 where there is none."""
    try:
        said = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=True)  # noqa: S607 - an administrator's PATH is trusted
        return int(said.stdout.split()[1])
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError):
        return 0


def _text(*, sweep: bool) -> str:
    text = template(SWEEP if sweep else UNIT).read_text(encoding="utf-8")
    return text.replace("\n#Restart", "\nRestart") if systemd_version() >= STEPPED_RESTARTS else text


def _command(config: Path, *, sweep: bool) -> str:
    python = _quoted(Path(sys.executable)).replace("$", "$$")
    # -P: modules come from where the program is installed, never from the folder it is started in.
    does = "sweep" if sweep else "run"
    return f"{python} -P -m refundsorter {does} --config {_quoted(config).replace('$', '$$')}"


def _quoted(path: Path) -> str:
    """A path as a unit writes it."""
    text = str(path)
    if printable(text) != text:
        raise StartRefused(f"{printable(text)}: a unit cannot hold such a name; give the folder another")
    text = text.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if set(text) & set(" \\'\"") else text
