"""A bundle as it is served: its files, its interpreters, and how its answers are judged."""

from dataclasses import dataclass

from refundsorter.core.decision import Rules
from refundsorter.edges.bundle import BundleStore, StoredBundle
from refundsorter.edges.classifier import Classifier
from refundsorter.policies import rules_of, worker_count
from refundsorter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A bundle, and how its answers are judged."""

    stored: StoredBundle  # the bundle's files and manifest
    rules: Rules  # how its answers are judged


def load_model(settings: Settings, reference: str | None = None) -> Model:
    """The bundle "name/version", or the active one, its hash verified, with its rules.

    Raises:
        BundleRefused: There is none, or it is not what it says.
        ConfigurationInvalid: The taxonomy is wrong.
    """
    store = BundleStore(settings.models)
    stored = store.active() if reference is None else store.load(reference)
    return Model(stored=stored, rules=rules_of(settings, stored.manifest))


def classifiers(settings: Settings, stored: StoredBundle) -> list[Classifier]:
    """One warmed-up interpreter a worker.

    Raises:
        BundleRefused: The model does not load, or has another shape than its manifest says.
    """
    bundle = stored.manifest
    return [
        Classifier(
            stored.weights,
            labels=len(bundle.labels),
            input_size=bundle.input_size,
            content=stored.content,
        )
        for _ in range(worker_count(settings))
    ]
