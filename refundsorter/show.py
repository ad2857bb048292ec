"""What the commands print for people: a table, a bar, a sentence."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from refundsorter.core.record import Record, json_line
from refundsorter.core.text import printable

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.doctor import Check
    from refundsorter.preview import Rehearsal
    from refundsorter.state import Standing
    from refundsorter.sweep import Account

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False)
STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}


class _Rate(ProgressColumn):
    """Photos a second."""

    def render(self, task: Task) -> Text:
        """The speed over the last half minute."""
        return Text(f"{task.speed:.0f}/s" if task.speed else "", style="cyan")


@contextmanager
def progress(*, enabled: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while photos are sorted; nothing where that is no terminal."""
    if not (enabled and ERR.is_terminal):
        yield lambda _done, _found: None
        return
    columns = (TextColumn("sorting"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True) as bar:
        task = bar.add_task("sorting", total=None)

        def on_progress(done: int, found: int) -> None:
            bar.update(task, completed=done, total=max(done, found) or None)

        yield on_progress


def account(found: "Account") -> None:
    """A sweep's account."""
    rate = f", {found.found / found.seconds:.0f} a second" if found.seconds else ""
    ended = "Interrupted" if found.interrupted else "Done"
    OUT.print(f"{ended} in {found.seconds:.1f} s{rate}.")
    _outcomes(found)


def rehearsal(found: "Rehearsal") -> None:
    """What a sweep would do."""
    OUT.print("Nothing was moved. A sweep now would do this:")
    _outcomes(found)


def _outcomes(found: "Account | Rehearsal") -> None:
    table = Table("", "photos", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for category, count in found.categories.items():
        table.add_row(Text(f"  {category}"), str(count))
    for name in ("sorted", "review", "rejected", "left"):
        table.add_row(name, str(getattr(found, name)))
    table.add_row(Text("found", style="bold"), Text(str(found.found), style="bold"))
    OUT.print(table)
    if found.left:
        OUT.print("What is left still lies in the inbox; `refundsorter status` says why.")


@contextmanager
def predictions(*, as_json: bool) -> Iterator[Callable[[str, Record | str], None]]:
    """Present predictions: one JSON object a photo at once, or a table at the end."""
    if as_json:
        yield _print_json
        return
    table = Table("file", "would be", "category", "label", "confidence", box=None, pad_edge=False)
    table.columns[4].justify = "right"

    def add(path: str, outcome: Record | str) -> None:
        name = printable(os.path.basename(path))
        if isinstance(outcome, str):
            table.add_row(Text(name), Text("unread", style="red"), Text(printable(outcome)), "", "")
        else:
            table.add_row(
                Text(name),
                outcome.state,
                Text(outcome.category or outcome.reason or "", style="bold"),
                Text(outcome.label or ""),
                "" if outcome.confidence is None else f"{outcome.confidence:.0%}",
            )

    yield add
    OUT.print(table)


def _print_json(path: str, outcome: Record | str) -> None:
    fields = (
        {"source": path, "state": None, "reason": outcome}
        if isinstance(outcome, str)
        else {**outcome.fields(), "event": "preview", "id": None}
    )
    os.write(1, json_line(fields))


def standing(found: "Standing") -> None:
    """How the daemon and its photos stand."""
    OUT.print(f"Sorting: pid {found.pid}" if found.pid else "Nobody is sorting now.")
    OUT.print(f"Model: {found.model or 'none that loads; see `refundsorter doctor`'}")
    if found.last_finished:
        OUT.print(f"Last photo finished: {found.last_finished}")
    if found.oldest_waiting_s is not None:
        OUT.print(f"Oldest unfinished photo: {found.oldest_waiting_s:.0f} s")
    table = Table("photos", "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for state, count in found.photos.items():
        table.add_row(state, str(count))
        details = {"sorted": found.sorted_by_category, "rejected": found.rejected_by_reason}.get(state, {})
        for name, part in details.items():
            table.add_row(Text(f"  {name}", style="dim"), Text(str(part), style="dim"))
    OUT.print(table)
    for trouble, count in found.trouble.items():
        OUT.print(Text(f"{count} held back: {printable(trouble)}", style="yellow"))


def checks(found: Sequence["Check"]) -> None:
    """The doctor's findings."""
    table = Table("", "check", "found", box=None, pad_edge=False)
    for one in found:
        text = printable(one.found) + (f"\n→ {printable(one.todo)}" if one.todo else "")
        table.add_row(Text(one.verdict.value, style=STYLES[one.verdict.value]), one.name, Text(text))
    OUT.print(table)
