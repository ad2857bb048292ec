"""How good a model is, for people: the figures, then the categories, then what went wrong."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from refundsorter import show
from refundsorter.core.text import printable
from refundsorter.training.coverage import lowest

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.training.confusion import Confusion
    from refundsorter.training.evaluate import Measure
    from refundsorter.training.reliability import Reliability
    from refundsorter.training.share import Share
    from refundsorter.training.trial import Evaluation

FEW = 10  # mistakes and confusions that a terminal shows; the page has more
FITTING = 16  # categories whose confusion matrix fits on a terminal
PROMISES = (0.99, 0.98, 0.95, 0.90, 0.85, 0.80)  # precisions at which the curve is told


def evaluation(found: "Evaluation") -> None:
    """Everything that a person reads at a terminal."""
    show.OUT.print(f"{printable(found.model)} on {found.photos} photos whose category is known.\n")
    _headline(found.measure)
    _categories(found)
    _sources(found)
    _confusion(found.measure.confusion)
    _curve(found.measure)
    _calibration(found.measure.reliability)
    _mistakes(found)


def left_out(found: "Evaluation", page: Path | None) -> None:
    """What could not be read, and where the page is; on standard error, for the answer may be JSON."""
    for photo in found.unreadable:
        line = f"refundsorter: {printable(photo.path)}: left out: {printable(photo.why)}"
        show.ERR.print(Text(line), soft_wrap=True)
    if page is not None:
        show.ERR.print(Text(f"The page is {printable(str(page))}."), soft_wrap=True)


def _headline(found: "Measure") -> None:
    table = _table("", "", "photos", "95 % interval", right=(1, 2))
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
    show.OUT.print(table)
    if found.chosen is None:
        show.OUT.print(f"\nNo threshold makes {found.promise:.0%} of the photos filed right.")
    else:
        show.OUT.print(
            f"\n* The lowest threshold that makes {found.promise:.0%} of the photos filed right. It was "
            "chosen on these\n  very photos, so on others it promises less."
        )


def _categories(found: "Evaluation") -> None:
    interval = "95 % interval"
    table = _table(
        *("category", "recall", "photos", interval, "precision", "photos", interval, "F1"),
        right=(1, 2, 4, 5, 7),
    )
    for name, score in found.measure.categories.items():
        f1 = f"{score.f1.value:.2f}" if score.recall.of else "–"
        table.add_row(Text(printable(name)), *_cells(score.recall), *_cells(score.precision), f1)
    show.OUT.print(
        "\nRecall: of its photos, those found. Precision: of those said to be it, those that are.\n"
    )
    show.OUT.print(table)


def _sources(found: "Evaluation") -> None:
    if not found.sources:
        return
    table = _table(
        *("source", "right", "photos", "95 % interval", "filed", "photos", "right of those", "photos"),
        right=(1, 2, 4, 5, 6, 7),
    )
    for name, score in found.sources.items():
        filed, of_filed = _cells(score.filed)[:2], _cells(score.filed_right)[:2]
        table.add_row(Text(printable(name)), *_cells(score.right), *filed, *of_filed)
    show.OUT.print()
    show.OUT.print(table)


def _confusion(found: "Confusion") -> None:
    """The whole matrix where a terminal has room for it, and the largest confusions where it has not."""
    names = [printable(name) for name in found.categories]
    if len(names) > FITTING:
        table = _table("is", "taken for", "photos", right=(2,))
        for mixup in list(found.mixups())[:FEW]:
            table.add_row(Text(printable(mixup.truth)), Text(printable(mixup.predicted)), str(mixup.photos))
        show.OUT.print("\nThe most frequent confusions:\n")
    else:
        numbers = [str(index) for index in range(1, len(names) + 1)]
        table = _table("", "is ↓  taken for →", *numbers, right=(0, *range(2, len(names) + 2)))
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
    table = _table(
        "right, of those filed", "photos", "filed", "photos", "threshold for all", right=(0, 1, 2, 3, 4)
    )
    told = {point: None for share in PROMISES if (point := lowest(found.curve, share)) is not None}
    for point in told:
        table.add_row(*_cells(point.right)[:2], *_cells(point.filed)[:2], f"{point.threshold:.3f}")
    if told:
        show.OUT.print("\nThe fewer are filed, the more of them are right:\n")
        show.OUT.print(table)


def _calibration(found: "Reliability") -> None:
    show.OUT.print(
        f"\nExpected calibration error {found.error:.3f}. A perfectly calibrated model would show "
        f"{found.ideal:.3f} on as few photos,\nand up to {found.ideal_high:.3f} by chance.\n"
    )
    table = _table("the model is", "sure, on average", "right", "photos", "95 % interval", right=(1, 2, 3))
    for one in found.bins:
        table.add_row(f"{one.low:.0%} to {one.high:.0%}", f"{one.confidence:.1%}", *_cells(one.right))
    show.OUT.print(table)


def _mistakes(found: "Evaluation") -> None:
    if not found.mistakes:
        return
    table = _table("sure", "said", "", "is", "file", right=(0,))
    for mistake in found.mistakes[:FEW]:
        table.add_row(
            f"{mistake.confidence:.0%}",
            Text(printable(mistake.predicted)),
            Text("filed", style="yellow") if mistake.filed else "",
            Text(printable(mistake.category)),
            Text(printable(mistake.path)),
        )
    show.OUT.print("\nThe worst mistakes: wrong, and most sure of it.\n")
    show.OUT.print(table)


def _table(*headings: str, right: tuple[int, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index in right else "left", no_wrap=True)
    return table


def _row(table: Table, name: str, share: "Share") -> None:
    table.add_row(name, *_cells(share))


def _cells(share: "Share") -> tuple[str, str, Text]:
    """The share, its counts, and its interval; a share of nothing is none."""
    if not share.of:
        return "–", "0 of 0", Text("")
    low, high = share.interval
    return f"{share.value:.1%}", f"{share.hits} of {share.of}", Text(f"{low:.0%} to {high:.0%}", style="dim")
