"""The commands on the journal."""

from dataclasses import asdict
from typing import Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

app = typer.Typer(help="Hold the journal against its own chain.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Hold the journal against its own chain."""


@app.command()
def verify(
    config: ConfigFile = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="Begin with the file of this day, YYYY-MM-DD."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find lines of the journal that were changed, removed, added or exchanged."""
    from refundsorter import show, show_journal
    from refundsorter.tracing import trace

    settings = read_settings(config)
    with show.progress(enabled=not as_json, doing="reading") as on_progress:
        found = trace(settings, since=since, on_progress=on_progress)
    answer(asdict(found) | {"whole": found.is_whole}, as_json, lambda: show_journal.traced(found))
    raise typer.Exit(ExitCode.OK if found.is_whole else ExitCode.LEFT)
