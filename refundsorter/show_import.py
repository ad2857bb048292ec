"""What an import prints for people."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from refundsorter.core.text import printable
from refundsorter.show import OUT

if TYPE_CHECKING:  # showing it needs nothing of what makes it
    from refundsorter.training.importing import Imported


def imported(
    found: "Imported", models: Path, homeless: Sequence[str], categories: Sequence[str], taxonomy: Path
) -> None:
    """Say where the bundle is, how near it is to the original, and what to do next.

    Args:
        found: What came of the import.
        models: The models' folder.
        homeless: Labels that the taxonomy does not have.
        categories: Those of the taxonomy.
        taxonomy: Its file.
    """
    same, agreement = found.agreement.same, found.agreement
    OUT.print(f"Written: {printable(str(models / found.reference))}, {found.bytes / 1e6:.1f} MB.")
    OUT.print(f"Pixels are scaled {found.preprocessing}, {_why(found)}.")
    on = "sample photos" if found.photos else "made pictures; with --samples FOLDER it is checked on photos"
    OUT.print(f"\nHeld against the original, on {same.of} {on}:")
    OUT.print(f"  same first label         {same.hits} of {same.of} ({same.value:.1%})")
    OUT.print(f"  difference, at most      {agreement.max_difference:.6f}")
    OUT.print(f"  difference, on the mean  {agreement.mean_difference:.6f}")
    if homeless:
        _without_category(homeless, categories, taxonomy)
    OUT.print("\nIt is not active yet. Next:")
    OUT.print(f"  refundsorter models activate {printable(found.reference)}")


def _why(found: "Imported") -> str:
    return "as the network itself says" if found.found else "as you said"


def _without_category(labels: Sequence[str], categories: Sequence[str], taxonomy: Path) -> None:
    """Name the labels whose photos would go to review, and what to write for them."""
    OUT.print(
        f"\n{len(labels)} of its labels have no category yet; their photos would go to _review/. Add them in"
    )
    OUT.print(f"{printable(str(taxonomy))}, each to the labels of its category, for example:")
    for label in labels:
        category = _category(label)
        beside = "  # beside those that stand there" if category in categories else ""
        OUT.print(f"  {category}:")
        OUT.print(f"    labels: [{_quoted(label)}]{beside}")


def _category(label: str) -> str:
    """A name for a folder made of a label: letters and digits, in capitals."""
    return "_".join("".join(one if one.isalnum() else " " for one in label).upper().split()) or "NEW"


def _quoted(label: str) -> str:
    """The label as YAML takes it, whatever it holds."""
    plain = all(one.isalnum() or one in " _" for one in label) and label[:1].isalpha()
    return label if plain else '"' + printable(label).replace("\\", "\\\\").replace('"', '\\"') + '"'
