"""`active.yaml`: the small file in the models' folder that says which bundles are in use.

It is replaced atomically, so a reader finds the old choice or the new one, and by one process at a time.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from refundsorter.core.choice import Choice
from refundsorter.core.fault import BundleRefused, translate
from refundsorter.edges import durable, plain_yaml
from refundsorter.edges.filesystem import FileSystem

ACTIVE = "active.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A choice that was written."""

    before: Choice  # what the file said
    after: Choice  # what it says
    stamp: str  # of the file that says so


class ChoiceFile:
    """The choice in one folder of bundles."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.path = root / ACTIVE
        self._files = FileSystem()

    def read(self) -> Choice:
        """Which bundles are in use; none where there is no file.

        Raises:
            BundleRefused: It cannot be read, or is wrong.
        """
        if not self.path.exists():
            return Choice()
        found = read_yaml(self.path)
        try:
            return Choice.from_mapping(found)
        except BundleRefused as refused:
            raise BundleRefused(f"{self.path}: {refused}") from refused

    def stamp(self) -> str:
        """What tells the file from every other one that was or will be there; empty when none is there.

        Raises:
            PassingTrouble: It cannot be looked at now.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise translate(error, f"looking at {str(self.path)!r}") from error
        return f"{found.st_ino}:{found.st_mtime_ns}:{found.st_size}"

    def change(self, step: Callable[[Choice], Choice]) -> Change:
        """Take a step from the choice that stands to another one.

        Raises:
            BundleRefused: The step refuses, or the choice that stands cannot be read; nothing is changed.
            PassingTrouble: The disk does not allow it now.
            Vanished: There is no folder of bundles.
        """
        with self.locked():
            before = self.read()
            after = step(before)
            self._write(after)  # also when it says the same: a daemon that refused it tries it again
            return Change(before=before, after=after, stamp=self.stamp())

    def undo(self, change: Change) -> bool:
        """Put back what a change has replaced, unless somebody has changed it since; whether it was done.

        Raises:
            PassingTrouble: The disk does not allow it now.
        """
        with self.locked():
            if self.stamp() != change.stamp or change.before == change.after:
                return False
            self._write(change.before)
            return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time change the choice; where the file system has no such lock, go without.

        Raises:
            PassingTrouble: The folder cannot be opened now.
            Vanished: There is none.
        """
        try:
            descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise translate(error, f"opening {str(self._root)!r}") from error
        try:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, choice: Choice) -> None:
        durable.replace(self.path, plain_yaml.dump(choice.to_mapping()).encode(), self._files)


def read_yaml(path: Path) -> object:
    """What one of the store's files holds.

    Raises:
        BundleRefused: It cannot be read, or is no plain YAML.
    """
    try:
        return plain_yaml.load(path)
    except OSError as error:
        raise BundleRefused(f"{path}: cannot be read: {error.strerror}") from error
    except plain_yaml.NotPlain as unplain:
        raise BundleRefused("; ".join(unplain.at(path))) from unplain
