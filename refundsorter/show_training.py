"""What is printed while a model is taught, and at the end."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

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
    told = [f"{stage.stage} {stage.done}/{stage.total}", _figures(stage.figures), stage.note]
    return "; ".join(printable(" ".join(part.split())) for part in told if part)


def _figures(figures: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in figures.items())


def trained(reference: str, folder: str, remarks: Sequence[str]) -> None:
    """Where the new bundle is, what the taxonomy lacks for it, and how to use it."""
    name, place = printable(reference), printable(folder)
    OUT.print(f"Written: {place}/{name}; MODEL_CARD.md there says how good it is.")
    for remark in remarks:
        OUT.print(f"The taxonomy: {printable(remark)}. {place}/{name}/taxonomy.yaml has the lines.")
    OUT.print(f"To use it: refundsorter models activate {name}")
