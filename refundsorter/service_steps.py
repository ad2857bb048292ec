"""The steps of an installation: each a value that says what it does, and how it is taken."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from refundsorter.core.fault import StartRefused

SHARED_MODE = 0o2775  # clerks of the group drop and take photos, and what they make stays the group's


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, and how it is taken."""

    does: str  # what it does, in one line
    take: Callable[[], object] | None = None  # None: it is so already


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a service and what belongs to it lie."""

    unit: Path
    config: Path  # the folder of settings and taxonomy
    models: Path
    state_dir: Path
    photos: Path  # the folder of inbox and shelf, unless others are named
    owner: str  # whose the folders of photos are; empty: of whoever installs
    manager: tuple[str, ...]  # the command that speaks to the manager

    @property
    def settings(self) -> Path:
        """The settings' file."""
        return self.config / "refundsorter.yaml"


def take(step: Step) -> None:
    """Take a step.

    Raises:
        StartRefused: It failed; the message names it.
    """
    os.umask(0o022)  # settings and folders above are for every user to read, whoever installs
    try:
        if step.take:
            step.take()
    except OSError as error:
        raise StartRefused(f"{step.does}: {error.strerror} ({error.filename})") from error
    except subprocess.CalledProcessError as error:
        raise StartRefused(f"{step.does}: {error.stderr.strip() or error}") from error


def kept(path: Path) -> Step:
    """What is there and stays."""
    return Step(does=f"{path} is there")


def written(path: Path, content: str) -> Step:
    """A file that is written where it has another content."""
    if path.exists() and path.read_text(encoding="utf-8") == content:
        return kept(path)

    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    return Step(does=f"write {path}", take=write)


def folder(path: Path, owner: str) -> Step:
    """A folder for photos; one that is there keeps its owner and its rights."""
    if path.is_dir():
        return kept(path)
    if os.path.lexists(path):
        raise StartRefused(f"{path} is no folder: name another one, or move it away")

    def make() -> None:
        path.mkdir(parents=True)
        if owner:
            shutil.chown(path, owner, owner)
            path.chmod(SHARED_MODE)

    whose = f", which the group {owner} may write to" if owner else ""
    return Step(does=f"make {path}{whose}", take=make)


def unit_removal(place: Place, unit: Path) -> list[Step]:
    """A unit that is stopped and removed, where it is there."""
    if not unit.exists():
        return []
    stop = partial(call, *place.manager, "disable", "--now", unit.name)
    return [
        Step(does=f"stop and disable {unit.name}", take=stop),
        Step(does=f"remove {unit}", take=unit.unlink),
    ]


def reload(place: Place) -> Step:
    """Units are read again."""
    return Step(
        does="tell systemd of it (daemon-reload)", take=partial(call, *place.manager, "daemon-reload")
    )


def call(*command: str) -> None:
    """Run a command to its end; `CalledProcessError` where it fails."""
    subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - words of ours
