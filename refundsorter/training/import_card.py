"""The card of a bundle that was imported: what is known of it, and plainly what is not."""

from collections.abc import Iterator

from refundsorter.core.bundle import Bundle
from refundsorter.training.agreement import TIE, Agreement
from refundsorter.training.preprocessing import KINDS


def write_card(
    bundle: Bundle, *, file: str, kind: str, found: bool, photos: int, agreement: Agreement, quantised: bool
) -> str:
    """Write MODEL_CARD.md.

    Args:
        bundle: The manifest.
        file: The name of the file that was imported, without its folder.
        kind: How pixels are prepared, one of `KINDS`.
        found: Whether the network itself says so, else whoever imported it.
        photos: Sample photos compared; 0 where made pictures were.
        agreement: Of the export with the original.
        quantised: Whether the export is in int8.
    """
    base, weights = bundle.base_weights, "int8" if quantised else "float"
    said_by = "the network itself says so" if found else "as was told at the import"
    return "\n".join(
        [
            f"# {bundle.reference}",
            "",
            f"Imported from `{file}`, which was trained elsewhere.",
            f"Source: {base.source}. Licence: {base.licence}.",
            f"{bundle.input_size} px, {len(bundle.labels)} labels, {weights} weights,",
            f"imported {bundle.created}. SHA-256 of the weights: `{bundle.sha256}`.",
            "",
            "## Known",
            "",
            f"- A byte b becomes {KINDS[kind]}; {said_by}.",
            *_agreement(photos, agreement),
            f"- Labels: {', '.join(bundle.labels)}.",
            "",
            "## Not known",
            "",
            "- What it was trained on, and what it was meant for.",
            "- How often it is right. `refundsorter evaluate` says so on photos whose category is known.",
            "- Whether its probabilities can be trusted: it was not calibrated, and no threshold was chosen.",
            "  Until that is done, the settings' default threshold holds for every category.",
            "",
        ]
    )


def _agreement(photos: int, found: Agreement) -> Iterator[str]:
    what = "sample photos" if photos else "made pictures, for want of photos"
    yield f"- On {found.same.of} {what} it has the original's first label on {found.same.hits}."
    yield f"  On {found.turned} it has another, where the original's was more than {TIE:g} ahead."
    yield f"  Probabilities differ by {found.max_difference:.2g} at most,"
    yield f"  and by {found.mean_difference:.2g} on the mean."
