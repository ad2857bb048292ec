"""Where two models disagree, for people: how often, in which direction, and about which photos."""

from typing import TYPE_CHECKING

from rich.text import Text

from refundsorter import show
from refundsorter.core.text import printable
from refundsorter.show_evaluation import cells, table_of

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.training.compare import Comparison, Pair
    from refundsorter.training.reading import Verdict

FEW = 30  # photos that a terminal shows; JSON has all
WORDS = {
    "same": "as before",
    "filed_elsewhere": "filed elsewhere",
    "no_longer_filed": "no longer filed",
    "newly_filed": "newly filed",
}


def comparison(found: "Comparison") -> None:
    """What would change if the second took the place of the first."""
    show.OUT.print(f"{found.before} → {found.after}, on {found.photos} photos.\n")
    table = table_of("", "", "photos", "95 % interval", right=(1, 2))
    table.add_row("the same category", *cells(found.same_category))
    table.add_row(f"filed by {found.before}", *cells(found.filed_before))
    table.add_row(f"filed by {found.after}", *cells(found.filed_after))
    show.OUT.print(table)
    show.counts([(f"  {WORDS[name]}", count) for name, count in found.outcomes.items()])
    if not found.disagreements:
        show.OUT.print("\nThe two never disagree on these photos.")
        return
    _changes(found)
    _photos(found.disagreements)


def _changes(found: "Comparison") -> None:
    if not found.changes:
        return
    table = table_of(found.before, found.after, "photos", right=(2,))
    for change in found.changes:
        table.add_row(Text(printable(change.before)), Text(printable(change.after)), str(change.photos))
    show.OUT.print("\nAnother category, filed or not:\n")
    show.OUT.print(table)


def _photos(pairs: "tuple[Pair, ...]") -> None:
    show.OUT.print()
    for pair in pairs[:FEW]:
        word = (f"{WORDS[pair.outcome]:<17}", "dim" if pair.outcome == "same" else "yellow")
        show.OUT.print(Text.assemble("  ", word, _answer(pair.before), " → ", _answer(pair.after)))
        show.OUT.print(Text(f"{'':<19}{printable(pair.path)}", style="dim"))
    if len(pairs) > FEW:
        show.OUT.print(f"\n{len(pairs) - FEW} more; --json has all.")


def _answer(verdict: "Verdict") -> tuple[str, str]:
    """A category and how sure the model is of it; bold when the photo would be filed."""
    return f"{printable(verdict.category)} {verdict.confidence:.0%}", "bold" if verdict.filed else ""
