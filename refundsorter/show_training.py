"""What is printed while a model is taught, and at the end."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from refundsorter import show_taxonomy
from refundsorter.core.taxonomy import Taxonomy
from refundsorter.core.text import printable
from refundsorter.show import ERR, OUT

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.training.progress import Progress as Stage


@contextmanager
def training() -> Iterator[Callable[["Stage"], None]]:
    """A bar a stage, with the time left, on a terminal; a line a report elsewhere. On standard error."""
    if not ERR.is_terminal:
        yield lambda stage: print(_stage_line(stage), file=sys.stderr, flush=True)  # noqa: T201
        return
    columns = (
        TextColumn("{task.description:<8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=ERR) as bar:
        last: list[tuple[str, TaskID]] = []  # the stage that runs; one may come again later

        def on_report(stage: "Stage") -> None:
            if not last or last[-1][0] != stage.stage:
                last.append((stage.stage, bar.add_task(stage.stage, total=stage.total, figures="")))
            task = last[-1][1]
            bar.update(task, completed=stage.done, total=stage.total, figures=_figures(stage.figures))
            for line in stage.note.splitlines():
                bar.console.print(Text(printable(line), style="dim"))

        yield on_report


@contextmanager
def lines() -> Iterator[Callable[["Stage"], None]]:
    """A line a report on standard error, also where somebody else draws a bar there."""
    yield lambda stage: print(_stage_line(stage), file=sys.stderr, flush=True)  # noqa: T201


def _stage_line(stage: "Stage") -> str:
    first, *others = stage.note.splitlines() or [""]
    told = [f"{stage.stage} {stage.done}/{stage.total}", _figures(stage.figures), first]
    line = "; ".join(printable(" ".join(part.split())) for part in told if part)
    return "\n".join([line, *(printable(other) for other in others)])


def _figures(figures: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in figures.items())


def trained(
    reference: str,
    folder: Path,
    homeless: Mapping[str | None, Sequence[str]],
    taxonomy: Taxonomy,
    file: Path,
) -> None:
    """Where the new bundle is, what the taxonomy lacks for it, and what comes next.

    Args:
        reference: The bundle's, NAME/VERSION.
        folder: The models' folder.
        homeless: Its labels that the taxonomy does not name, by the category they were taught as.
        taxonomy: The one in force.
        file: Where that lies.
    """
    name, place = printable(reference), printable(str(folder / reference))
    OUT.print(f"Written: {place}; MODEL_CARD.md there says how good it is.")
    show_taxonomy.lacking(homeless, taxonomy, file, folder / reference / "taxonomy.yaml")
    OUT.print("\nIt is not active yet. Next, when you have read the card:")
    OUT.print(f"  refundsorter models gate {name}")
    OUT.print(f"  refundsorter models activate {name}")
