"""What is kept of the journal's files that were removed: the ends by which the chain goes on without them."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from refundsorter.core.fault import RefundsorterError, translate
from refundsorter.edges import durable
from refundsorter.edges.filesystem import FileSystem

FILE = "anchors.json"  # in the journal's folder
MODE = 0o640  # as the journal's files


class AnchorsDamaged(RefundsorterError):
    """The file cannot be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """What is known of files that are gone."""

    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # hashes of ends, by the file's name
    highest_id: int = 0  # the highest number of a photo in any of them

    @property
    def tips(self) -> list[str]:
        """The hashes of all lines that lines which are still there may carry."""
        return [tip for tips in self.files.values() for tip in tips]

    def beside(self, name: str, tips: tuple[str, ...], highest_id: int) -> "Anchors":
        """Those of one more file, which may have been there before."""
        known = dict.fromkeys((*self.files.get(name, ()), *tips))
        return Anchors(files={**self.files, name: tuple(known)}, highest_id=max(self.highest_id, highest_id))


def read(folder: Path) -> Anchors:
    """What was kept; nothing where no file was ever removed.

    Raises:
        AnchorsDamaged: It cannot be understood.
        PassingTrouble: It cannot be read now.
    """
    path = folder / FILE
    with suppress(FileNotFoundError, NotADirectoryError):
        try:
            found = json.loads(path.read_bytes())
            files = {str(name): tuple(map(str, tips)) for name, tips in found["files"].items()}
            return Anchors(files=files, highest_id=int(found["highest_id"]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise AnchorsDamaged(
                f"{path} is damaged, so the chain of the journal cannot be followed beyond removed files: "
                "take it from a backup, or remove it, and the first line that is left is told as a flaw"
            ) from error
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            raise translate(error, f"reading {str(path)!r}") from error
    return Anchors()


def keep(folder: Path, anchors: Anchors, files: FileSystem) -> None:
    """Put them in the place of those that were kept, durably.

    Raises:
        PassingTrouble: The disk does not allow it now.
        Vanished: The folder is gone.
    """
    content = {"files": anchors.files, "highest_id": anchors.highest_id}
    durable.replace(folder / FILE, json.dumps(content).encode() + b"\n", files, mode=MODE)
