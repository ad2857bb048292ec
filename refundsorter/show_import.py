"""What an import prints for people."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from refundsorter import show_taxonomy
from refundsorter.core.taxonomy import Taxonomy
from refundsorter.core.text import printable
from refundsorter.show import OUT

if TYPE_CHECKING:  # showing it needs nothing of what makes it
    from refundsorter.training.importing import Imported


def imported(
    found: "Imported", models: Path, homeless: Sequence[str], taxonomy: Taxonomy, file: Path
) -> None:
    """Say where the bundle is, how near it is to the original, and what to do next.

    Args:
        found: What came of the import.
        models: The models' folder.
        homeless: Labels that the taxonomy does not have.
        taxonomy: The one in force.
        file: Where it lies.
    """
    same, agreement = found.agreement.same, found.agreement
    OUT.print(f"Written: {printable(str(models / found.reference))}, {found.bytes / 1e6:.1f} MB.")
    OUT.print(f"Pixels are scaled {found.preprocessing}, {_why(found)}.")
    on = "sample photos" if found.photos else "made pictures; with --samples FOLDER it is checked on photos"
    OUT.print(f"\nHeld against the original, on {same.of} {on}:")
    OUT.print(f"  same first label         {same.hits} of {same.of} ({same.value:.1%})")
    OUT.print(f"  difference, at most      {agreement.max_difference:.6f}")
    OUT.print(f"  difference, on the mean  {agreement.mean_difference:.6f}")
    by_category: dict[str | None, list[str]] = {}
    for label in homeless:
        by_category.setdefault(_category(label), []).append(label)
    show_taxonomy.lacking(by_category, taxonomy, file, None)
    OUT.print("\nIt is not active yet. Next:")
    OUT.print(f"  refundsorter models activate {printable(found.reference)}")


def _why(found: "Imported") -> str:
    return "as the network itself says" if found.found else "as you said"


def _category(label: str) -> str:
    """A name for a folder made of a label: letters and digits, in capitals."""
    return "_".join("".join(one if one.isalnum() else " " for one in label).upper().split()) or "NEW"
