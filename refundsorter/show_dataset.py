"""What the commands on data sets print for people."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from refundsorter.core.text import printable
from refundsorter.show import OUT, STYLES

if TYPE_CHECKING:  # showing them needs nothing of what makes them
    from refundsorter.training.inspect import Finding, Inspection
    from refundsorter.training.partition import Partition

NAMED = 3  # groups of photos that a finding names; --json has them all
PARTS = ("train", "val", "check")


def pulled(folder: Path) -> None:
    """Where the set is, and what to do next."""
    place = printable(str(folder))
    OUT.print(f"The photos are in {place}. Next:")
    OUT.print(f"  refundsorter dataset check {place}")


def inspection(found: "Inspection") -> None:
    """What the set holds, and the findings."""
    splits = "".join(f", {count} {part}" for part, count in found.splits.items())
    OUT.print(
        f"{found.photos} photos of {found.labels} labels in {len(found.categories)} categories{splits}.\n"
    )
    for finding in found.findings:
        _finding(finding)
    bad = sum(finding.verdict == "failed" for finding in found.findings)
    doubtful = sum(finding.verdict == "warning" for finding in found.findings)
    OUT.print(f"\n{_verdict(bad, doubtful)}")


def _finding(finding: "Finding") -> None:
    OUT.print(
        Text.assemble(
            (f"{finding.verdict.value:<10}", STYLES[finding.verdict.value]),
            f"{finding.name:<16}{printable(finding.found)}",
        )
    )
    for group in finding.photos[:NAMED]:
        for number, path in enumerate(group):
            OUT.print(Text(f"{'':<26}{'  = ' if number else ''}{printable(path)}", style="dim"))
    if (more := len(finding.photos) - NAMED) > 0:
        OUT.print(Text(f"{'':<26}and {more} more; --json names all", style="dim"))
    if finding.todo:
        OUT.print(Text(f"{'':<26}→ {printable(finding.todo)}"))


def _verdict(failed: int, warnings: int) -> str:
    if failed:
        return f"{failed} of these must be mended before a model can be trusted that learned from this."
    return f"It can be learned from; {warnings} of these could be better." if warnings else "All is well."


def divided(found: "Partition", out: Path, *, dry_run: bool) -> None:
    """How many photos of each category are in each part, and what was left out."""
    table = Table(box=None, pad_edge=False)
    table.add_column("category")
    for part in PARTS:
        table.add_column(part, justify="right")
    counts = found.counts()
    for category, parts in counts.items():
        table.add_row(printable(category), *(str(parts.get(part, 0)) for part in PARTS))
    table.add_row("all", *(str(sum(parts.get(part, 0) for parts in counts.values())) for part in PARTS))
    OUT.print(table)
    for count, why in (
        (len(found.copies), "copies of photos that are in it"),
        (len(found.contradictory), "photos under more than one label; `dataset check` names them"),
        (len(found.broken), "photos that cannot be read"),
    ):
        if count:
            OUT.print(f"Left out: {count} {why}.")
    place = printable(str(out))
    if dry_run:
        OUT.print("\nNothing was written.")
        return
    OUT.print(f"\nWritten: {place}, tables of paths. Next:")
    OUT.print(f"  refundsorter train {place} --name NAME --version 1.0.0")
