"""The model store: a folder a bundle, and one small file that says which of them are in use.

A version is written once and never changed: it is made under a hidden name and appears whole, and it is
hidden again before it is removed. Whatever does not verify is refused. Which are in use says `choice`.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from refundsorter.core.bundle import Bundle, split_reference
from refundsorter.core.choice import superfluous
from refundsorter.core.fault import BundleRefused, translate
from refundsorter.edges import durable, plain_yaml
from refundsorter.edges.choice import ACTIVE, Change, ChoiceFile, read_yaml
from refundsorter.edges.filesystem import FileSystem

MANIFEST = "bundle.yaml"
WEIGHTS = "model.tflite"
CARD = "MODEL_CARD.md"
EXTRA = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}\.[a-z0-9]{1,8}")  # no path, and not hidden
PRUNED = ".pruned-"  # what the hidden name of a bundle that is being removed starts with


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBundle:
    """A bundle whose files are there and whose weights are those that its manifest names."""

    manifest: Bundle  # what it says of itself
    weights: Path  # model.tflite
    content: bytes = field(repr=False)  # of it, its hash verified


class BundleStore:
    """The bundles under one folder, `models/` in the configuration."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.choices = ChoiceFile(root)  # which of them are in use
        self._files = FileSystem()

    def active(self) -> StoredBundle:
        """Load the bundle that `active.yaml` names.

        Raises:
            BundleRefused: Nothing is active, or what is active does not verify.
        """
        reference = self.choices.read().active
        if reference is None:
            raise BundleRefused(
                f"{self._root / ACTIVE}: no bundle is active; it should say `active: name/version`, one of: "
                + (", ".join(self.references()) or "none is there yet, train one")
            )
        return self.load(reference)

    def load(self, reference: str) -> StoredBundle:
        """Load the bundle "name/version" and verify its weights.

        Raises:
            BundleRefused: It is not there, its manifest is wrong, or its weights are not the ones it names.
        """
        manifest = self.manifest(reference)
        weights = self._folder(reference) / WEIGHTS
        content = _content(weights)
        found = hashlib.sha256(content).hexdigest()
        if found != manifest.sha256:
            raise BundleRefused(
                f"{weights}: its SHA-256 is {found}, the manifest says {manifest.sha256}: it was changed "
                "or cut short; restore it, or train again"
            )
        return StoredBundle(manifest=manifest, weights=weights, content=content)

    def manifest(self, reference: str) -> Bundle:
        """What the bundle "name/version" says of itself; its weights are not looked at.

        Raises:
            BundleRefused: It is not there, or its manifest is wrong.
        """
        folder = self._folder(reference)
        if not folder.is_dir():
            raise BundleRefused(f"{folder}: there is no such bundle; `refundsorter models list` names all")
        found = read_yaml(folder / MANIFEST)
        try:
            manifest = Bundle.from_mapping(found)
        except BundleRefused as refused:
            raise BundleRefused(f"{folder}: {refused}") from refused
        if manifest.reference != reference:
            raise BundleRefused(f"{folder / MANIFEST}: says it is {manifest.reference}, not {reference}")
        return manifest

    def size(self, reference: str) -> int:
        """How many bytes a bundle's files have.

        Raises:
            PassingTrouble: They cannot be looked at now.
            Vanished: Somebody removes them.
        """
        folder = self._folder(reference)
        try:
            return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
        except OSError as error:
            raise translate(error, f"looking through {str(folder)!r}") from error

    def references(self) -> tuple[str, ...]:
        """Every "name/version" that has a manifest, sorted by name and then by version's text."""
        return tuple(
            sorted("/".join(path.parts[-3:-1]) for path in self._root.glob(f"[!.]*/[!.]*/{MANIFEST}"))
        )

    def activate(self, reference: str) -> Change:
        """Make `reference` the active bundle and remember the one before it.

        Raises:
            BundleRefused: It does not verify; nothing is changed.
            PassingTrouble: The disk does not allow it now.
        """
        self.load(reference)
        return self.choices.change(lambda choice: choice.activated(reference))

    def prune(self, *, keep: int, in_use: frozenset[str], dry_run: bool) -> dict[str, int]:
        """Remove bundles that nobody needs; see `core.choice.superfluous`.

        A bundle is hidden before it is removed, so nobody ever finds half of one. What a prune that was cut
        short has left hidden is removed too. A bundle whose manifest is wrong stays: a person must look.

        Args:
            keep: How many of each name stay beside those in use.
            in_use: References that stay beside those that the choice names.
            dry_run: Change nothing.

        Returns:
            The bytes of each that was removed, or would be, by its reference.

        Raises:
            BundleRefused: The choice cannot be read: it cannot be told what is in use.
            PassingTrouble: The disk does not allow it now.
        """
        with self.choices.locked():
            in_use |= self.choices.read().named()
            gone = superfluous(self._manifests(), in_use=in_use, keep=keep)
            found = {one.reference: self.size(one.reference) for one in gone}
            if dry_run:
                return found
            for one in gone:
                self._hide(one.reference)
        for hidden in self._root.glob(f"[!.]*/{PRUNED}*"):
            try:
                shutil.rmtree(hidden)
            except OSError as error:
                raise translate(error, f"removing {str(hidden)!r}") from error
        return found

    def write(
        self,
        manifest: Mapping[str, Any],
        weights: bytes,
        card: str,
        extras: Mapping[str, bytes] = MappingProxyType({}),
    ) -> str:
        """Add a bundle; it becomes visible whole, and is not made active.

        Args:
            manifest: What `Bundle.from_mapping` reads, less `sha256`, which is taken from `weights`.
            weights: The content of model.tflite.
            card: The text of MODEL_CARD.md.
            extras: Further files that lie beside them, such as the card's pictures, by their plain names.

        Returns:
            Its reference.

        Raises:
            BundleRefused: The manifest is wrong, an extra's name is no plain one, or the version exists
                already.
        """
        for name in extras:
            if not EXTRA.fullmatch(name) or name in (WEIGHTS, MANIFEST, CARD):
                raise BundleRefused(f"{name!r}: no name for a file beside a model; expected such as plot.svg")
        bundle = Bundle.from_mapping({**manifest, "sha256": hashlib.sha256(weights).hexdigest()})
        folder = self._root / bundle.name / bundle.version
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{bundle.version}-", dir=folder.parent))
        try:
            making.chmod(0o755)
            for name, content in (
                (WEIGHTS, weights),
                (MANIFEST, plain_yaml.dump(bundle.to_mapping()).encode()),
                (CARD, card.encode()),
                *extras.items(),
            ):
                durable.write(making / name, content, self._files)
            _sync_folder(making)
            _publish(making, folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        _sync_folder(folder.parent)
        _sync_folder(self._root)
        return bundle.reference

    def _manifests(self) -> list[Bundle]:
        found = []
        for reference in self.references():
            with suppress(BundleRefused):
                found.append(self.manifest(reference))
        return found

    def _hide(self, reference: str) -> None:
        folder = self._folder(reference)
        self._files.replace(str(folder), str(folder.with_name(f"{PRUNED}{folder.name}-{os.getpid()}")))
        self._files.fsync_folder(str(folder.parent))

    def _folder(self, reference: str) -> Path:
        name, version = split_reference(reference)
        return self._root / name / version


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleRefused(f"{path}: cannot be read: {error.strerror}") from error


def _publish(making: Path, folder: Path) -> None:
    """Rename a finished folder to its place.

    A rename onto a folder with content fails, so a version that exists is never overwritten, not even by a
    second writer at the same moment.
    """
    try:
        making.rename(folder)
    except OSError as error:
        if folder.exists():
            raise BundleRefused(f"{folder}: exists already; choose another version") from error
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
