"""The command that makes a day's report."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

if TYPE_CHECKING:  # each command imports what it needs: `--help` is instant
    from refundsorter.report import Made

Day = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="The day; yesterday without it.")]
Since = Annotated[
    str | None, typer.Option(metavar="YYYY-MM-DD", help="Every day from this one on that is over.")
]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(date: Day = None, since: Since = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Make a day's report, or make it again."""
    if date is not None and since is not None:
        raise typer.BadParameter("--date names one day and --since many; give one of them")
    from refundsorter import report as reports
    from refundsorter import show, show_report
    from refundsorter.core.local_day import DateRefused, day_at, parse

    settings, now = read_settings(config), time.time()
    if since is not None:
        days = reports.days_since(settings, parse(since), now=now)
    else:
        days = [reports.yesterday(settings, now=now) if date is None else parse(date)]
    if days and days[-1] > day_at(now, reports.zone(settings)):
        raise DateRefused(f"{days[-1]} is still to come; there is nothing to tell of it")
    with show.progress(enabled=not as_json, doing="making reports") as on_progress:
        made: list[Made] = []
        for day in days:
            on_progress(len(made), len(days))
            made.append(reports.make(settings, day, now=now))
        on_progress(len(made), len(days))
    answer([asdict(one) for one in made], as_json, lambda: show_report.made(made))
    if not all(one.account.adds_up for one in made):
        raise typer.Exit(ExitCode.LEFT)
