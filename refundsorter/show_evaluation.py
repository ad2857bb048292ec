"""How good a model is, for people: the figures, then the categories, then what went wrong."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from refundsorter import show
from refundsorter.core.text import printable
from refundsorter.training.coverage import lowest

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.core.share import Share
    from refundsorter.training.confusion import Confusion
    from refundsorter.training.evaluate import Measure
    from refundsorter.training.reliability import Reliability
    from refundsorter.training.trial import Evaluation, Unread

FEW = 10  # mistakes and confusions that a terminal shows; the page has more
FITTING = 16  # categories whose confusion matrix fits on a terminal
PROMISES = (0.99, 0.98, 0.95, 0.90, 0.85, 0.80)  # precisions at which the curve is told


def evaluation(found: "Evaluation") -> None:
    """Everything that a person reads at a terminal."""
    show.OUT.print(f"{printable(found.model)} on {found.photos} photos whose category is known.\n")
    _headline(found)
    _categories(found)
    _sources(found)
    _confusion(found.measure.confusion)
    _curve(found.measure)
    _calibration(found.measure.reliability)
    _mistakes(found)


def left_out(photos: "Sequence[Unread]") -> None:
    """What could not be read; on standard error, for the answer may be JSON."""
    for photo in photos:
        line = f"refundsorter: {printable(photo.path)}: left out: {printable(photo.why)}"
        show.ERR.print(Text(line), soft_wrap=True)


def notes(lines: Iterable[str]) -> None:
    """Sentences about what was left out before; on standard error likewise."""
    for line in lines:
        show.ERR.print(Text(f"refundsorter: {printable(line)}"), soft_wrap=True)


def written(page: Path) -> None:
    """Where the page is; on standard error, for the answer may be JSON."""
    show.ERR.print(Text(f"The page is {printable(str(page))}."), soft_wrap=True)


def _headline(evaluation: "Evaluation") -> None:
    found = evaluation.measure
    table = table_of("", "", "photos", "95 % interval", right=(1, 2))
    _row(table, "right category", found.right)
    _row(table, "right among the 3 likeliest", found.top3)
    f1 = found.macro_f1
    table.add_row("macro-F1", f"{f1.value:.3f}", "", f"{f1.low:.3f} to {f1.high:.3f}")
    _row(table, "filed, at the thresholds in force", found.filed)
    _row(table, "  right, of those", found.filed_right)
    if found.chosen is not None:
        at = found.chosen.threshold
        _row(table, f"filed, at {at:.3f} for every category *", found.chosen.filed)
        _row(table, "  right, of those", found.chosen.right)
    if evaluation.held_back.of:
        _row(table, "held back, of what is no product", evaluation.held_back)
    show.OUT.print(table)
    if found.chosen is None:
        show.OUT.print(f"\nNo threshold makes {found.promise:.0%} of the photos filed right.")
    else:
        show.OUT.print(
            f"\n* The lowest threshold that makes {found.promise:.0%} of the photos filed right. It was "
            "chosen on these\n  very photos, so on others it promises less."
        )


def _categories(found: "Evaluation") -> None:
    table = table_of("category", "recall", "photos", "precision", "photos", "F1", right=(1, 2, 3, 4, 5))
    for name, score in found.measure.categories.items():
        f1 = f"{score.f1.value:.2f}" if score.recall.of else "–"
        table.add_row(Text(printable(name)), *_narrow(score.recall), *_narrow(score.precision), f1)
    show.OUT.print("\nRecall: of its photos, those found. Precision: of those said to be it, those that")
    show.OUT.print("are. In brackets: the 95 % interval.\n")
    show.OUT.print(table)


def _sources(found: "Evaluation") -> None:
    if not found.sources:
        return
    heads = ("source", "right", "photos", "filed", "photos", "right of those", "photos")
    table = table_of(*heads, right=(1, 2, 3, 4, 5, 6))
    for name, score in found.sources.items():
        filed, of_filed = _narrow(score.filed), _narrow(score.filed_right)
        table.add_row(Text(printable(name)), *_narrow(score.right), *filed, *of_filed)
    show.OUT.print()
    show.OUT.print(table)


def _confusion(found: "Confusion") -> None:
    """The whole matrix where a terminal has room for it, and the largest confusions where it has not."""
    names = [printable(name) for name in found.categories]
    if len(names) > FITTING:
        table = table_of("is", "taken for", "photos", right=(2,))
        for mixup in list(found.mixups())[:FEW]:
            table.add_row(Text(printable(mixup.truth)), Text(printable(mixup.predicted)), str(mixup.photos))
        show.OUT.print("\nThe most frequent confusions:\n")
    else:
        numbers = [str(index) for index in range(1, len(names) + 1)]
        table = table_of("", "is ↓  taken for →", *numbers, right=(0, *range(2, len(names) + 2)))
        for row, (name, counts) in enumerate(zip(names, found.counts, strict=True)):
            cells = [
                Text(str(count) if count else "·", style="bold" if row == column else "" if count else "dim")
                for column, count in enumerate(counts)
            ]
            table.add_row(numbers[row], Text(name), *cells)
        show.OUT.print()
    show.OUT.print(table)


def _curve(found: "Measure") -> None:
    """The precision-coverage curve at some precisions, as far as they are reached."""
    table = table_of(
        "right, of those filed", "photos", "filed", "photos", "threshold for all", right=(0, 1, 2, 3, 4)
    )
    told = {point: None for share in PROMISES if (point := lowest(found.curve, share)) is not None}
    for point in told:
        table.add_row(*cells(point.right)[:2], *cells(point.filed)[:2], f"{point.threshold:.3f}")
    if told:
        show.OUT.print("\nThe fewer are filed, the more of them are right:\n")
        show.OUT.print(table)


def _calibration(found: "Reliability") -> None:
    show.OUT.print(f"\nExpected calibration error {found.error:.3f}. A perfectly calibrated model would show")
    show.OUT.print(f"{found.ideal:.3f} on as few photos, and up to {found.ideal_high:.3f} by chance.\n")
    table = table_of("the model is", "sure, on average", "right", "photos", "95 % interval", right=(1, 2, 3))
    for one in found.bins:
        table.add_row(f"{one.low:.0%} to {one.high:.0%}", f"{one.confidence:.1%}", *cells(one.right))
    show.OUT.print(table)


def _mistakes(found: "Evaluation") -> None:
    if not found.mistakes:
        return
    show.OUT.print("\nThe worst mistakes: wrong, and most sure of it.\n")
    for mistake in found.mistakes[:FEW]:
        told = ("filed as", "yellow") if mistake.filed else ("said", "")
        names = f" {printable(mistake.predicted)}, is {printable(mistake.category)}"
        show.OUT.print(Text.assemble(f"{mistake.confidence:>5.0%}  ", told, names))
        show.OUT.print(Text(f"       {printable(mistake.path)}", style="dim"))


def table_of(*headings: str, right: tuple[int, ...] = ()) -> Table:
    """A table without lines; the columns at `right` hold numbers, and only names are folded."""
    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        is_name = index not in right and not heading.endswith("interval")
        justify: JustifyMethod = "right" if index in right else "left"
        table.add_column(heading, justify=justify, no_wrap=not is_name, overflow="fold")
    return table


def _row(table: Table, name: str, share: "Share") -> None:
    table.add_row(name, *cells(share))


def cells(share: "Share") -> tuple[str, str, Text]:
    """The share, its counts, and its interval; a share of nothing is none."""
    if not share.of:
        return "–", "0 of 0", Text("")
    low, high = share.interval
    return f"{share.value:.1%}", f"{share.hits} of {share.of}", Text(f"{low:.0%} to {high:.0%}", style="dim")


def _narrow(share: "Share") -> tuple[Text, str]:
    """The share with its interval, and its counts, in few columns."""
    value, counts, _ = cells(share)
    if not share.of:
        return Text(value), counts
    low, high = (f"{end:.0%}".rstrip("%") for end in share.interval)
    return Text.assemble(f"{share.value:.0%} ", (f"({low}–{high})", "dim")), counts
