"""The tiny model of `support.py` put to the test on photos that are all of one colour."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support import Shop, photo

from refundsorter import settings as configuration
from refundsorter.core.decision import Rules
from refundsorter.edges.bundle import BundleStore, StoredBundle
from refundsorter.policies import rules_of
from refundsorter.training import dataset, trial

CATEGORIES = ("COLD", "PLAIN", "WARM")


def judge(shop: Shop, reference: str = "tiny/1.0.0") -> tuple[StoredBundle, Rules]:
    """A bundle of the shop and how it is judged."""
    settings = configuration.load(shop.config, environment={}, overrides={})
    stored = BundleStore(settings.models).load(reference)
    return stored, rules_of(settings, stored.manifest)


def variant(shop: Shop, **changes: Any) -> str:
    """Another version of the shop's bundle, with the same weights and some of its manifest changed."""
    store = BundleStore(shop.base / "models")
    first = store.load("tiny/1.0.0")
    manifest = first.manifest.to_mapping() | {"version": "2.0.0"} | changes
    del manifest["sha256"]
    return store.write(manifest, first.weights.read_bytes(), "Another model for tests.\n")


def lay(folder: Path, photos: Mapping[str, str]) -> Path:
    """Put photos of one colour each into a folder, by their names."""
    for number, (name, colour) in enumerate(photos.items(), start=1):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(colour, seed=number))
    return folder


def evaluate(shop: Shop, data: Path) -> trial.Evaluation:
    """Measure the shop's model on photos."""
    stored, rules = judge(shop)
    return trial.evaluate(
        stored,
        rules,
        dataset.read(data),
        categories=CATEGORIES,
        precision=0.9,
        workers=2,
        on_progress=lambda _done, _found: None,
    )
