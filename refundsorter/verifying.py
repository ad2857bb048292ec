"""Is a bundle fit to be served? All that can be told before a photo depends on it."""

from collections.abc import Sequence
from dataclasses import dataclass

from refundsorter.core.bundle import Bundle
from refundsorter.core.fault import BundleRefused
from refundsorter.edges.classifier import Classifier
from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.model import Model, load_model
from refundsorter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """How a bundle stood the checks."""

    model: str  # NAME/VERSION
    ok: bool  # whether it can be served
    problem: str | None  # what is wrong and what to do; None when it can
    remarks: Sequence[str]  # where its labels and the taxonomy do not meet; photos go to review for it


def verify(settings: Settings, reference: str) -> Verified:
    """Check one bundle; see `require`.

    Raises:
        ConfigurationInvalid: The taxonomy itself is wrong.
    """
    try:
        bundle = require(settings, reference)
    except BundleRefused as refused:
        return Verified(model=reference, ok=False, problem=str(refused), remarks=())
    remarks = read_taxonomy(settings.taxonomy).misfits(bundle.labels)
    return Verified(model=reference, ok=True, problem=None, remarks=remarks)


def require(settings: Settings, reference: str) -> Bundle:
    """The manifest of a bundle that can be served.

    Checked are manifest, hash, a load in LiteRT, shapes, a run, and its labels in the taxonomy.

    Raises:
        BundleRefused: It cannot be served; the message says which file is wrong and what to do.
        ConfigurationInvalid: The taxonomy is wrong.
    """
    model = fit_model(settings, reference)
    bundle = model.stored.manifest
    Classifier(
        model.stored.weights,
        labels=len(bundle.labels),
        input_size=bundle.input_size,
        content=model.stored.content,
    )
    return bundle


def fit_model(settings: Settings, reference: str) -> Model:
    """A bundle, its hash verified, of which the taxonomy knows a label at least; it is not loaded yet.

    Raises:
        BundleRefused: It is not what it says, or every photo would go to review with it.
        ConfigurationInvalid: The taxonomy is wrong.
    """
    model = load_model(settings, reference)
    if not model.rules.interpretation.categories:
        raise BundleRefused(
            f"{settings.taxonomy}: gives no category to any label of {reference}, so every photo would go to "
            "_review/; name its labels there (`refundsorter models show --json` has them)"
        )
    return model


def require_same_input(candidate: Bundle, active: Bundle) -> None:
    """See to it that a candidate can look at the pixels that were made for the active bundle.

    Raises:
        BundleRefused: It cannot.
    """
    if candidate.input_size != active.input_size:
        raise BundleRefused(
            f"{candidate.reference} looks at {candidate.input_size} px and {active.reference} at "
            f"{active.input_size} px: a shadow shares the active bundle's pixels; train it at that size, or "
            "activate it"
        )
