"""Telling from the mount table whether a folder has to be polled."""

import os
from pathlib import Path

import pytest

from refundsorter.edges.mounts import (
    Mount,
    _followed,
    is_changed_from_elsewhere,
    parse_mount_table,
    resolved,
    type_of,
    why_polling,
)

TABLE = rb"""22 1 254:0 / / rw,relatime - ext4 /dev/root rw
23 22 0:20 / /proc rw,nosuid shared:5 - proc proc rw
30 22 0:40 / /mnt/share rw,relatime shared:7 master:3 - nfs4 server:/photos rw,vers=4.2
31 22 0:41 / /mnt/share2 rw - tmpfs tmpfs rw
32 30 0:42 / /mnt/share/local rw - xfs /dev/sdb rw
33 22 0:43 / /mnt/with\040space\011tab\012line\134back rw - cifs //server/x rw
34 22 0:44 / /mnt/auto rw - autofs systemd-1 rw
35 34 0:45 / /mnt/auto rw - fuse.sshfs host:/ rw
"""


@pytest.mark.parametrize(
    ("path", "file_system"),
    [
        ("/", "ext4"),
        ("/home/x", "ext4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/inbox", "nfs4"),
        ("/mnt/share2/inbox", "tmpfs"),
        ("/mnt/share/local/inbox", "xfs"),
        ("/mnt/share/locality", "nfs4"),
        ("/mnt/with space\ttab\nline\\back/inbox", "cifs"),
        ("/mnt/auto/inbox", "fuse.sshfs"),
    ],
)
def test_longest_and_latest_mount_counts(path: str, file_system: str) -> None:
    """A path lies on the mount with the longest matching point, and of two on one point on the later."""
    assert type_of(path, parse_mount_table(TABLE)) == file_system


def test_path_outside_every_mount_has_no_type() -> None:
    """Where no mount covers a path, nothing is claimed."""
    assert type_of("/a", [Mount(point="/b", type="ext4")]) is None


def test_mount_point_of_any_bytes_is_read() -> None:
    """A mount point that is no UTF-8 compares equal to the path that os.fsdecode gives."""
    table = b"36 22 0:46 / /mnt/\xff\\040 rw - nfs server:/ rw\n"
    assert type_of(os.fsdecode(b"/mnt/\xff /inbox"), parse_mount_table(table)) == "nfs"


def test_damaged_lines_are_passed_over() -> None:
    """A line that is no mount does not hide the others."""
    assert parse_mount_table(b"nonsense\n1 2 3 - x\n" + TABLE) == parse_mount_table(TABLE)


@pytest.mark.parametrize(
    "file_system", ["nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse", "fuse.sshfs", "fuseblk", "9p", "virtiofs"]
)
def test_remote_file_systems_are_polled(file_system: str) -> None:
    """File systems that others write to without this kernel knowing are polled."""
    assert is_changed_from_elsewhere(file_system)


@pytest.mark.parametrize("file_system", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "vfat"])
def test_local_file_systems_are_not(file_system: str) -> None:
    """File systems that only this kernel writes to are left to inotify."""
    assert not is_changed_from_elsewhere(file_system)


def test_own_mount_table_is_read(tmp_path: Path) -> None:
    """The real table knows the file system of a real folder, and /proc is not polled."""
    mounts = parse_mount_table(Path("/proc/self/mountinfo").read_bytes())
    assert type_of("/proc", mounts) == "proc"
    assert type_of(str(tmp_path.resolve()), mounts) is not None
    assert why_polling(Path("/proc")) is None


def test_links_are_followed(tmp_path: Path) -> None:
    """Where no share is on the way a path is resolved as the system does it."""
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "absolute").symlink_to(tmp_path / "real")
    (tmp_path / "relative").symlink_to("absolute/deep/../deep")
    (tmp_path / "loop").symlink_to("loop/loop")
    for way in ("real", "absolute", "relative", "relative/../x", "absolute/.", "missing/x"):
        assert resolved(tmp_path / way) == Path(os.path.realpath(tmp_path / way))
    assert resolved(tmp_path / "loop").is_relative_to(tmp_path.resolve())


def test_nothing_is_asked_of_a_share(tmp_path: Path) -> None:
    """What lies on a share keeps its spelling."""
    (tmp_path / "link").symlink_to(tmp_path / "share" / "folder")
    (tmp_path / "share" / "folder").mkdir(parents=True)
    (tmp_path / "share" / "folder" / "inner").symlink_to("/")
    table = parse_mount_table(f"30 22 0:40 / {tmp_path.resolve()}/share rw - nfs4 server:/ rw\n".encode())
    found = _followed(str(tmp_path / "link" / "inner"), table)
    assert found == str(tmp_path.resolve() / "share" / "folder" / "inner")
