"""The commands on the ledger."""

import time
from dataclasses import asdict
from typing import Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

app = typer.Typer(help="Make the ledger anew when it was lost.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Make the ledger anew when it was lost."""


@app.command()
def rebuild(
    config: ConfigFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also when the ledger can be read; the old one is kept aside.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the ledger anew from the journal and the shelf."""
    from refundsorter import show, show_ledger
    from refundsorter.rebuild import rebuild as rebuild_now

    settings = read_settings(config)
    with show.progress(enabled=not as_json, doing="reading") as on_progress:
        found = rebuild_now(settings, dry_run=dry_run, force=force, now=time.time(), on_progress=on_progress)
    answer(asdict(found), as_json, lambda: show_ledger.rebuilt(found))
    raise typer.Exit(ExitCode.OK if found.is_clean else ExitCode.LEFT)
