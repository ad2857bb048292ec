"""The lines that a taxonomy lacks, as a person adds them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from refundsorter.core.taxonomy import Taxonomy
from refundsorter.core.text import printable
from refundsorter.show import OUT

MOST_LABELS = 60  # that are printed; more are taken over from a file


def lacking(
    labels: Mapping[str | None, Sequence[str]], taxonomy: Taxonomy, file: Path, source: Path | None
) -> None:
    """Name the labels whose photos would go to review, and what to write for them.

    Args:
        labels: By category; under None those that no folder is meant for.
        taxonomy: What they are added to.
        file: Where that lies.
        source: A file that has all of the lines, where there is one.
    """
    count = sum(map(len, labels.values()))
    if not count:
        return
    where = printable(str(file))
    OUT.print(f"\n{count} of its labels have no category yet; their photos would go to _review/.")
    if source is not None and count > MOST_LABELS:
        OUT.print(f"{printable(str(source))} has their lines: add them to {where}.")
        return
    OUT.print(f"Add them in {where}, for example:")
    for category, mine in labels.items():
        listed = ", ".join(_quoted(label) for label in mine)
        if category is None:
            OUT.print(f"no_category: [{listed}]  # beside those that stand there")
            continue
        beside = "  # beside those that stand there" if category in taxonomy.categories else ""
        OUT.print(f"  {printable(category)}:")
        OUT.print(f"    labels: [{listed}]{beside}")


def _quoted(label: str) -> str:
    """The label as YAML takes it, whatever it holds."""
    plain = all(one.isalnum() or one in " _" for one in label) and label[:1].isalpha()
    return label if plain else '"' + printable(label).replace("\\", "\\\\").replace('"', '\\"') + '"'
