import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from refundsorter.core.fault import BundleRefused
from refundsorter.edges.bundle import BundleStore

WEIGHTS = b"weights of a model"


def manifest(version: str = "1.0.0") -> dict[str, Any]:
    """What a writer knows of a bundle before it is stored."""
    return {
        "name": "retail",
        "version": version,
        "created": "2025-06-01T12:00:00Z",
        "input_size": 224,
        "dtype": "uint8",
        "scaling": "inside the model",
        "labels": ["laptop", "mug"],
        "temperature": 1.25,
        "thresholds": {"ELECTRONICS": 0.8},
        "metrics": {"accuracy": 0.7},
        "data": [{"name": "a shop", "photos": 3, "licence": "CC0-1.0"}],
        "base_weights": {"name": "MobileNetV2", "licence": "Apache-2.0", "source": "Keras Applications"},
    }


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """A store with retail/1.0.0 in it, nothing active."""
    made = BundleStore(tmp_path)
    made.write(manifest(), WEIGHTS, "# retail")
    return made


def test_what_was_written_is_loaded(store: BundleStore, tmp_path: Path) -> None:
    """A bundle comes back with its labels, the hash of its weights and the weights' path."""
    stored = store.load("retail/1.0.0")
    assert stored.manifest.labels == ("laptop", "mug")
    assert stored.manifest.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert stored.weights.read_bytes() == WEIGHTS
    assert (tmp_path / "retail/1.0.0/MODEL_CARD.md").read_text() == "# retail"


def test_writing_leaves_nothing_but_the_bundle(store: BundleStore, tmp_path: Path) -> None:
    """No hidden folder stays behind, neither after success nor after a refusal."""
    with pytest.raises(BundleRefused):
        store.write(manifest(), b"others", "# others")
    assert sorted(path.name for path in (tmp_path / "retail").iterdir()) == ["1.0.0"]


def test_pictures_lie_beside_the_card(store: BundleStore, tmp_path: Path) -> None:
    """What is given beside weights and card is written under its name, as it is."""
    store.write(manifest("1.1.0"), WEIGHTS, "# retail", {"other-shops-recall.svg": b"<svg/>"})
    assert (tmp_path / "retail/1.1.0/other-shops-recall.svg").read_bytes() == b"<svg/>"
    assert store.load("retail/1.1.0").manifest.version == "1.1.0"


@pytest.mark.parametrize(
    "name", ["../a.svg", "a/b.svg", ".a.svg", "model.tflite", "bundle.yaml", "a\n.svg", ""]
)
def test_an_extra_file_has_a_plain_name_of_its_own(store: BundleStore, tmp_path: Path, name: str) -> None:
    """A name that leads elsewhere, hides, or is another file's is refused, and nothing is written."""
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BundleRefused, match="no name for a file"):
        store.write(manifest("1.1.0"), WEIGHTS, "# retail", {name: b"x"})
    assert sorted(tmp_path.rglob("*")) == before


def test_a_version_is_never_overwritten(store: BundleStore) -> None:
    """Writing a version again is refused, and the first one stays as it was."""
    with pytest.raises(BundleRefused, match="exists already"):
        store.write(manifest(), b"others", "# others")
    assert store.load("retail/1.0.0").weights.read_bytes() == WEIGHTS


def test_the_first_activation_has_no_previous(store: BundleStore, tmp_path: Path) -> None:
    """active.yaml names the bundle and no previous one."""
    store.activate("retail/1.0.0")
    assert store.active().manifest.reference == "retail/1.0.0"
    assert yaml.safe_load((tmp_path / "active.yaml").read_text()) == {
        "active": "retail/1.0.0",
        "previous": None,
    }


def test_the_previous_bundle_is_remembered(store: BundleStore, tmp_path: Path) -> None:
    """Activating another names the one before; activating the same again does not lose it."""
    store.write(manifest("1.1.0"), b"better", "# better")
    store.activate("retail/1.0.0")
    for _ in range(2):
        store.activate("retail/1.1.0")
        found = yaml.safe_load((tmp_path / "active.yaml").read_text())
        assert found == {"active": "retail/1.1.0", "previous": "retail/1.0.0"}


def test_a_bundle_that_does_not_verify_is_not_activated(store: BundleStore, tmp_path: Path) -> None:
    """Cut weights are refused, and the choice stays as it was."""
    store.write(manifest("1.1.0"), b"better", "# better")
    store.activate("retail/1.0.0")
    (tmp_path / "retail/1.1.0/model.tflite").write_bytes(b"bett")
    with pytest.raises(BundleRefused, match="SHA-256"):
        store.activate("retail/1.1.0")
    assert store.active().manifest.reference == "retail/1.0.0"


def test_the_references_are_listed_and_half_made_ones_are_not(store: BundleStore, tmp_path: Path) -> None:
    """Hidden folders and folders without a manifest are no bundles."""
    store.write(manifest("1.1.0"), b"better", "# better")
    hidden = tmp_path / "retail/.2.0.0-half"
    hidden.mkdir()
    (hidden / "bundle.yaml").write_text("{}")
    (tmp_path / "retail/3.0.0").mkdir()
    assert store.references() == ("retail/1.0.0", "retail/1.1.0")


def test_without_a_choice_the_message_lists_what_is_there(store: BundleStore) -> None:
    """Nothing active: the refusal names the bundles to choose from."""
    with pytest.raises(BundleRefused, match=r"retail/1\.0\.0"):
        store.active()


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    """No bundles at all, not even a folder: a refusal, no traceback."""
    with pytest.raises(BundleRefused, match="none is there yet"):
        BundleStore(tmp_path / "models").active()


@pytest.mark.parametrize(
    "text", ["[1]", "active: 3", "active: retail/1.0.0\nother: 1", "active: [", "\x00", "a: &a [*a]"]
)
def test_a_broken_choice_is_refused(store: BundleStore, tmp_path: Path, text: str) -> None:
    """Whatever active.yaml holds instead of a choice, the answer names the file."""
    (tmp_path / "active.yaml").write_text(text)
    with pytest.raises(BundleRefused, match=r"active\.yaml"):
        store.active()


@pytest.mark.parametrize("text", ["labels: [", "[]", "", "!!python/object/apply:os.getcwd []", "\x80"])
def test_a_broken_manifest_is_refused(store: BundleStore, tmp_path: Path, text: str) -> None:
    """Text that is no YAML, no mapping, or asks for objects is refused, and nothing of it is run."""
    (tmp_path / "retail/1.0.0/bundle.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(BundleRefused, match=r"1\.0\.0"):
        store.load("retail/1.0.0")


@pytest.mark.parametrize("name", ["bundle.yaml", "model.tflite"])
def test_a_missing_file_is_refused(store: BundleStore, tmp_path: Path, name: str) -> None:
    """A bundle without its manifest or its weights is refused by the file's name."""
    (tmp_path / "retail/1.0.0" / name).unlink()
    with pytest.raises(BundleRefused, match=name):
        store.load("retail/1.0.0")


def test_a_manifest_of_another_bundle_is_refused(store: BundleStore, tmp_path: Path) -> None:
    """A folder that was renamed by hand is refused: a reference means one content."""
    (tmp_path / "retail/1.0.0").rename(tmp_path / "retail/9.0.0")
    with pytest.raises(BundleRefused, match=r"says it is retail/1\.0\.0"):
        store.load("retail/9.0.0")


def test_a_reference_that_climbs_out_is_refused(store: BundleStore) -> None:
    """A reference is a name and a version, never a path."""
    with pytest.raises(BundleRefused, match="names no bundle"):
        store.load("../1.0.0")
