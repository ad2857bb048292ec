"""Which file system a folder lies on, and whether inotify tells of what other machines do there.

On a network or user-space file system inotify sees only what this machine does, so a folder there has to
be polled. The answer comes from the kernel's own mount table.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MOUNT_TABLE = Path("/proc/self/mountinfo")
_MAX_LINKS = 40  # in one path, as the kernel has it
_ESCAPED = re.compile(rb"\\([0-7]{3})")

# File systems that are changed from elsewhere without this kernel being told.
_REMOTE = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "gfs2",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "prl_fs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
    }
)
_REMOTE_PREFIXES = ("fuse", "smb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of the mount table."""

    point: str  # where it is mounted, decoded as os.fsdecode does
    type: str  # the file system's type: ext4, nfs4, fuse.sshfs


def parse_mount_table(table: bytes) -> tuple[Mount, ...]:
    """Read the text of `/proc/self/mountinfo`; a line that is no mount is passed over."""
    mounts = []
    for line in table.split(b"\n"):
        before, separator, after = line.partition(b" - ")
        fields, rest = before.split(b" "), after.split(b" ")
        if separator and len(fields) > 4:  # noqa: PLR2004 - the fifth field is the mount point
            mounts.append(Mount(point=_unescaped(fields[4]), type=os.fsdecode(rest[0])))
    return tuple(mounts)


def type_of(path: str, mounts: Sequence[Mount]) -> str | None:
    """The type of the file system that an absolute, resolved path lies on; None when no mount covers it."""
    best: Mount | None = None
    for mount in mounts:
        # A later mount of the same length lies on top of the earlier one.
        if _covers(mount.point, path) and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best.type if best else None


def is_changed_from_elsewhere(file_system: str) -> bool:
    """Whether files on this type of file system can change without this kernel being told."""
    return file_system in _REMOTE or file_system.startswith(_REMOTE_PREFIXES)


def why_polling(folder: Path) -> str | None:
    """Why this folder has to be polled, in words for a person; None when inotify will do."""
    mounts = _mounted()
    file_system = type_of(_followed(str(folder), mounts), mounts)
    if file_system is None or not is_changed_from_elsewhere(file_system):
        return None
    return f"{file_system} does not tell of changes that other machines make"


def resolved(path: Path) -> Path:
    """An absolute path with its links followed; of a share nothing is asked, for it may not answer.

    What lies on a share, or below one, keeps the spelling it has.
    """
    return Path(_followed(str(path), _mounted()))


def _followed(path: str, mounts: Sequence[Mount], links: int = _MAX_LINKS) -> str:
    folder, name = os.path.split(path)
    if folder == path:
        return path
    above = _followed(folder, mounts, links)
    if name in {"", os.curdir, os.pardir}:
        return os.path.dirname(above) if name == os.pardir else above
    here = os.path.join(above, name)
    if links == 0 or is_changed_from_elsewhere(type_of(here, mounts) or ""):
        return here
    try:
        target = os.readlink(here)
    except OSError:  # no link, or not there
        return here
    return _followed(os.path.join(above, target), mounts, links - 1)


def _mounted() -> tuple[Mount, ...]:
    """The mount table; nothing where there is no /proc: the periodic scan covers what inotify misses."""
    try:
        return parse_mount_table(_MOUNT_TABLE.read_bytes())
    except FileNotFoundError:
        return ()


def _covers(point: str, path: str) -> bool:
    return path == point or path.startswith(point if point.endswith("/") else f"{point}/")


def _unescaped(field: bytes) -> str:
    return os.fsdecode(_ESCAPED.sub(lambda escaped: bytes((int(escaped[1], 8),)), field))
