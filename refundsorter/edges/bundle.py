"""The model store: a folder a bundle, and one small file that names the active one.

A version is written once and never changed: it is made under a hidden name and appears whole. `active.yaml`
is replaced atomically, so a reader finds the old choice or the new one. Whatever does not verify is refused.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from refundsorter.core.bundle import Bundle, split_reference
from refundsorter.core.fault import BundleRefused
from refundsorter.edges import plain_yaml

ACTIVE = "active.yaml"
MANIFEST = "bundle.yaml"
WEIGHTS = "model.tflite"
CARD = "MODEL_CARD.md"
EXTRA = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}\.[a-z0-9]{1,8}")  # no path, and not hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBundle:
    """A bundle whose files are there and whose weights are those that its manifest names."""

    manifest: Bundle  # what it says of itself
    weights: Path  # model.tflite, its hash verified


class BundleStore:
    """The bundles under one folder, `models/` in the configuration."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def active(self) -> StoredBundle:
        """Load the bundle that `active.yaml` names.

        Raises:
            BundleRefused: Nothing is active, or what is active does not verify.
        """
        reference = self._choice().get("active")
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
        name, version = split_reference(reference)
        folder = self._root / name / version
        try:
            manifest = Bundle.from_mapping(_read_yaml(folder / MANIFEST))
        except BundleRefused as refused:
            raise BundleRefused(f"{folder}: {refused}") from refused
        if manifest.reference != reference:
            raise BundleRefused(f"{folder / MANIFEST}: says it is {manifest.reference}, not {reference}")
        weights = folder / WEIGHTS
        found = _sha256(weights)
        if found != manifest.sha256:
            raise BundleRefused(
                f"{weights}: its SHA-256 is {found}, the manifest says {manifest.sha256}: it was changed "
                "or cut short; restore it, or train again"
            )
        return StoredBundle(manifest=manifest, weights=weights)

    def references(self) -> tuple[str, ...]:
        """Every "name/version" that has a manifest, sorted by name and then by version's text."""
        return tuple(
            sorted("/".join(path.parts[-3:-1]) for path in self._root.glob(f"[!.]*/[!.]*/{MANIFEST}"))
        )

    def activate(self, reference: str) -> None:
        """Make `reference` the active bundle and remember the one before it.

        Raises:
            BundleRefused: It does not verify; nothing is changed.
        """
        self.load(reference)
        choice = self._choice()
        before = choice.get("active")
        previous = choice.get("previous") if before == reference else before
        _replace(self._root / ACTIVE, plain_yaml.dump({"active": reference, "previous": previous}).encode())

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
                _write_durably(making / name, content)
            _sync_folder(making)
            _publish(making, folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        _sync_folder(folder.parent)
        _sync_folder(self._root)
        return bundle.reference

    def _choice(self) -> dict[str, str | None]:
        path = self._root / ACTIVE
        if not path.exists():
            return {}
        found = _read_yaml(path)
        if not isinstance(found, dict) or set(found) - {"active", "previous"}:
            raise BundleRefused(f"{path}: expected the keys active and previous")
        wrong = [key for key, value in found.items() if not isinstance(value, str | None)]
        if wrong:
            raise BundleRefused(f"{path}: {', '.join(wrong)}: expected name/version")
        return found


def _read_yaml(path: Path) -> object:
    try:
        return plain_yaml.load(path)
    except OSError as error:
        raise BundleRefused(f"{path}: cannot be read: {error.strerror}") from error
    except plain_yaml.NotPlain as unplain:
        raise BundleRefused("; ".join(unplain.at(path))) from unplain


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
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


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        temporary.unlink()
        _write_durably(temporary, content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
