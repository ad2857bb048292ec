"""What the commands print for people: a sentence, a bar, a table."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
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

from refundsorter.core.record import SCHEMA, Record, json_line
from refundsorter.core.text import printable

if TYPE_CHECKING:  # the values that are shown; showing them needs nothing of what makes them
    from refundsorter.core.check import Check
    from refundsorter.core.standing import Nights, Standing
    from refundsorter.preview import Rehearsal
    from refundsorter.sweep import Account

UNFOLDED = 100_000  # columns; what is not read on a terminal is never folded
# No markup and no emoji codes: names are shown as they are.
OUT = Console(
    highlight=False,
    markup=False,
    emoji=False,
    soft_wrap=True,
    width=None if sys.stdout.isatty() else UNFOLDED,
)
ERR = Console(highlight=False, markup=False, emoji=False, stderr=True)
STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}
UNITS = ((86400, "days"), (3600, "h"), (60, "min"))  # seconds each, largest first


class _Rate(ProgressColumn):
    """Photos a second."""

    def render(self, task: Task) -> Text:
        """The speed over the last half minute."""
        return Text(f"{task.speed:.0f}/s" if task.speed else "", style="cyan")


@contextmanager
def progress(*, enabled: bool, doing: str = "sorting") -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error while something goes on; nothing where that is no terminal."""
    if not (enabled and ERR.is_terminal):
        yield lambda _done, _found: None
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True) as bar:
        task = bar.add_task(doing, total=None)

        def on_progress(done: int, found: int) -> None:
            bar.update(task, completed=done, total=max(done, found) or None)

        yield on_progress


def account(found: "Account") -> None:
    """A sweep's account."""
    if found.interrupted and found.trouble:
        OUT.print(f"Not over after {found.seconds:.1f} s; the daemon goes on with it as job {found.job}.")
    elif found.interrupted:
        OUT.print(f"Interrupted after {found.seconds:.1f} s. Run it again to go on.")
    elif not (found.found or found.unreachable or found.lines_owed or found.trouble):
        OUT.print("Nothing to sort: no photo waits in the inbox.")
        return
    else:
        rate = f", {found.found / found.seconds:.0f} a second" if found.seconds else ""
        OUT.print(f"Done in {found.seconds:.1f} s{rate}.")
    _outcomes(found)
    for inbox in found.unreachable:
        OUT.print(f"\nThis inbox could not be looked through: {printable(inbox)}")
    if found.trouble:
        OUT.print(Text(f"\nHeld up: {printable(found.trouble)}", style="yellow"))
    if found.left:
        OUT.print("\nWhat is left still lies in the inbox; `refundsorter status` says why.")
    if found.lines_owed:
        OUT.print(f"\n{_owed(found.lines_owed)}")


def _owed(lines: int) -> str:
    """What photos are filed without a line, until the journal can be written to."""
    return (
        f"Lines owed to the journal: {lines}. Their photos are filed; the lines are written as soon as the "
        "journal can be written to: see `refundsorter doctor`."
    )


def rehearsal(found: "Rehearsal") -> None:
    """What a sweep would do."""
    if not found.found:
        OUT.print("A sweep now would do nothing: no photo waits in the inbox.")
        return
    OUT.print("Nothing was moved. A sweep now would do this:")
    _outcomes(found)
    if found.left:
        OUT.print("\nWhat would be left cannot be read now, or is still being written.")


def _outcomes(found: "Account | Rehearsal") -> None:
    rows = [("  sorted", found.sorted)]
    rows += [(f"    {category}", count) for category, count in found.categories.items()]
    rows += [("  review", found.review), ("  rejected", found.rejected), ("  left", found.left)]
    counts([*rows, ("  found", found.found)])


def counts(rows: Sequence[tuple[str, int]]) -> None:
    """An aligned column of names and one of numbers, below a blank line."""
    table = Table.grid(padding=(0, 3))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name, count in rows:
        style = "dim" if name.startswith("    ") else ""
        table.add_row(Text(printable(name), style=style), Text(str(count), style=style))
    OUT.print()
    OUT.print(table)


@contextmanager
def predictions(*, as_json: bool) -> Iterator[Callable[[str, Record | str], None]]:
    """Present predictions: one JSON object a photo at once, or a table at the end."""
    if as_json:
        yield _print_json
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    for heading in ("would be", "category", "label"):
        table.add_column(heading)
    table.add_column("confidence", justify="right", no_wrap=True)
    unread: list[tuple[str, str]] = []

    def add(path: str, outcome: Record | str) -> None:
        name = printable(path)
        if isinstance(outcome, str):
            unread.append((name, printable(outcome)))
        else:
            table.add_row(
                Text(name),
                Text(outcome.state, style=STYLES["ok" if outcome.state == "sorted" else "warning"]),
                Text(outcome.category or outcome.reason or "", style="bold"),
                Text(outcome.label or ""),
                "" if outcome.confidence is None else f"{outcome.confidence:.0%}",
            )

    yield add
    if table.row_count:
        OUT.print(table)
    for name, why in unread:
        ERR.print(Text(f"refundsorter: {name}: {why}"), soft_wrap=True)


def _print_json(path: str, outcome: Record | str) -> None:
    fields = (
        {"schema": SCHEMA, "event": "preview", "source": path, "state": None, "reason": outcome}
        if isinstance(outcome, str)
        else {**outcome.fields(), "event": "preview", "id": None}
    )
    sys.stdout.buffer.write(json_line(fields))
    sys.stdout.buffer.flush()


def standing(found: "Standing") -> None:
    """How the daemon and its photos stand."""
    if found.pid is None:
        OUT.print("Nobody is sorting now; `refundsorter run` starts the daemon.")
    else:
        OUT.print(f"Process {found.pid} is sorting.")
    _bundles(found)
    _http(found)
    _done(found)
    rows: list[tuple[str, int]] = []
    for state, count in found.photos.items():
        rows.append((f"  {state}", count))
        details = {"sorted": found.sorted_by_category, "rejected": found.rejected_by_reason}.get(state, {})
        rows += [(f"    {name}", part) for name, part in details.items()]
    counts(rows)
    if moves := found.photos["classified"]:
        OUT.print(f"\n{_moving(moves, somebody_sorts=found.pid is not None)}")
    if found.held:
        why = printable(found.held_trouble or "")
        OUT.print(Text(f"  {found.held} held, the oldest for: {why}", style="yellow"))
    if found.lines_owed:
        OUT.print(f"\n{_owed(found.lines_owed)}")
    if found.trouble:
        OUT.print("\nHeld back, and tried again by themselves:")
    for trouble, count in found.trouble.items():
        OUT.print(Text(f"  {count} × {printable(trouble)}", style="yellow"))


def _done(found: "Standing") -> None:
    """What was done, and what is being done."""
    if found.last_finished:
        OUT.print(f"The last photo was filed at {local(found.last_finished)}.")
    if found.oldest_waiting_s is not None:
        OUT.print(f"The oldest unfinished photo was first seen {duration(found.oldest_waiting_s)} ago.")
    if found.corrections:
        OUT.print(f"Corrections that people made: {found.corrections}.")
    if found.jobs_running:
        OUT.print(f"Jobs in hand: {found.jobs_running}; see `refundsorter jobs list`.")
    _nights(found.nights)


def _nights(found: "Nights") -> None:
    """How the last night went, and when the next one is."""
    last = found.last
    if last is not None:
        ended = f" at {local(last.ended)}" if last.ended else ""
        left = f", {last.left} left" if last.left else ""
        said = f"The night of {last.date} (job {last.job}): {last.state}{ended}, {last.found} photos{left}."
        OUT.print(Text(said, style="yellow" if last.flaw else ""))
    if found.next is not None:
        OUT.print(f"The next night begins at {local(found.next)}.")


def _http(found: "Standing") -> None:
    if found.http:
        OUT.print(f"It answers HTTP at {found.http}.")
    elif found.http_refused:
        OUT.print(Text(f"It does not answer HTTP: {printable(found.http_refused)}", style="yellow"))


def _bundles(found: "Standing") -> None:
    """Which bundle decides, and which one should."""
    if found.serving is None or found.serving == found.model:
        OUT.print(
            f"The active model is {found.model}."
            if found.model
            else "No model loads: see `refundsorter doctor`."
        )
    else:
        named = f"names {found.model}" if found.model else "names none that loads"
        OUT.print(Text(f"The daemon decides by {found.serving}, but active.yaml {named}.", style="yellow"))
    if found.shadow:
        OUT.print(f"{found.shadow} is tried in its shadow: see `refundsorter models shadow`.")
    if found.refused:
        OUT.print(Text(f"  Refused: {printable(found.refused)}", style="yellow"))


def _moving(photos: int, *, somebody_sorts: bool) -> str:
    """What becomes of photos whose move was written down and is not confirmed."""
    if not somebody_sorts:
        return (
            f"Moves that were cut short or are held: {photos}. The next `refundsorter run` goes on with them."
        )
    return f"Moves in hand: {photos}. What stays here is held until inbox and shelf can be reached."


def checks(found: Sequence["Check"]) -> None:
    """The doctor's findings."""
    for one in found:
        OUT.print(
            Text.assemble(
                (f"{one.verdict.value:<10}", STYLES[one.verdict.value]),
                f"{one.name:<12}{printable(one.found)}",
            )
        )
        if one.todo:
            OUT.print(Text(f"{'':<22}→ {printable(one.todo)}"))
    bad = sum(one.verdict.value == "failed" for one in found)
    doubtful = sum(one.verdict.value == "warning" for one in found)
    OUT.print(f"\n{_verdict(bad, doubtful)}")


def _verdict(failed: int, warnings: int) -> str:
    if failed:
        return f"{failed} of these must be mended before photos are sorted."
    return f"Photos are sorted; {warnings} of these could be better." if warnings else "All is well."


def local(time: str) -> str:
    """A time in RFC 3339 as the clock on the wall has it, to the second."""
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """A duration as a person says it, in its largest unit that fits at least twice."""
    for size, name in UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"
