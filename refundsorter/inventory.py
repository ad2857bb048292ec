"""What bundles there are, and what each says of itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refundsorter.core.choice import Choice
from refundsorter.core.fault import BundleRefused, Vanished
from refundsorter.edges import serving
from refundsorter.edges.bundle import CARD, BundleStore
from refundsorter.locks import sorter_pid
from refundsorter.settings import Settings

FAR, NEAR = ("other_shops", "external"), ("held_out", "validation")  # what an accuracy was measured on


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A bundle in the list."""

    model: str  # NAME/VERSION
    created: str | None  # RFC 3339, UTC; None, as below, where the manifest cannot be read
    labels: int | None  # how many it knows
    bytes: int | None  # of all its files
    accuracy: float | None  # the share of right categories, 0..1; None where the manifest has none
    accuracy_of: str | None  # the metric's name
    use: str | None  # active, previous or shadow
    problem: str | None  # why the manifest cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What there is to know of a bundle without loading it."""

    manifest: Mapping[str, Any]  # as in bundle.yaml
    bytes: int  # of all its files
    use: str | None  # active, previous or shadow
    card: str  # the path of its model card


def listed(settings: Settings) -> Iterator[Listed]:
    """Every bundle, the newest of each name last.

    Raises:
        BundleRefused: `active.yaml` cannot be read.
        PassingTrouble: The disk does not allow it now.
    """
    store = BundleStore(settings.models)
    choice = store.choices.read()
    missing = sorted(choice.named() - set(store.references()))
    for reference in (*store.references(), *missing):
        try:
            manifest, size = store.manifest(reference), store.size(reference)
        except Vanished:  # somebody removes it
            continue
        except BundleRefused as refused:
            yield Listed(
                model=reference,
                created=None,
                labels=None,
                bytes=None,
                accuracy=None,
                accuracy_of=None,
                use=use_of(choice, reference),
                problem=str(refused),
            )
            continue
        metric = accuracy_among(manifest.metrics)
        yield Listed(
            model=reference,
            created=manifest.created,
            labels=len(manifest.labels),
            bytes=size,
            accuracy=manifest.metrics[metric] if metric else None,
            accuracy_of=metric,
            use=use_of(choice, reference),
            problem=None,
        )


def shown(settings: Settings, reference: str | None) -> Shown:
    """One bundle, or the active one.

    Raises:
        BundleRefused: It is not there, or its manifest is wrong.
        PassingTrouble: The disk does not allow it now.
    """
    store = BundleStore(settings.models)
    choice = store.choices.read()
    reference = reference or choice.active
    if reference is None:
        raise BundleRefused(
            f"{store.choices.path}: no bundle is active; name one of `refundsorter models list`"
        )
    manifest = store.manifest(reference)
    return Shown(
        manifest=manifest.to_mapping(),
        bytes=store.size(reference),
        use=use_of(choice, reference),
        card=str(Path(settings.models) / reference / CARD),
    )


def use_of(choice: Choice, reference: str) -> str | None:
    """What a bundle is used for."""
    uses = {choice.shadow: "shadow", choice.previous: "previous", choice.active: "active"}
    return uses.get(reference)


def accuracy_among(metrics: Mapping[str, float]) -> str | None:
    """The metric that says best how right a bundle is: on photos of other shops, if it was measured there."""
    accuracies = [name for name in metrics if name.endswith("accuracy") and "float" not in name]
    for sets in (FAR, NEAR):
        for name in accuracies:
            if name.startswith(sets):
                return name
    return accuracies[0] if accuracies else None


def prune(settings: Settings, *, keep: int, dry_run: bool) -> dict[str, int]:
    """Remove bundles that nobody needs; see `BundleStore.prune`. What a daemon serves stays, too.

    Returns:
        The bytes of each, by its reference.
    """
    said = serving.read(settings.state_dir, pid=sorter_pid(settings))
    served = frozenset(filter(None, (said.model, said.shadow))) if said else frozenset[str]()
    return BundleStore(settings.models).prune(keep=keep, in_use=served, dry_run=dry_run)
