"""The command that puts away what is old."""

import time
from dataclasses import asdict
from typing import Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(prune)


def prune(
    config: ConfigFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put away what is older than the settings say."""
    from refundsorter import pruning, show, show_prune
    from refundsorter.edges.log import Gate, make

    settings = read_settings(config)
    log = make(Gate("warning"), form=settings.log.format)
    with show.progress(enabled=not as_json, doing="putting away") as on_progress:
        found = pruning.prune(settings, dry_run=dry_run, now=time.time(), log=log, on_progress=on_progress)
    answer(asdict(found), as_json, lambda: show_prune.pruned(found))
    raise typer.Exit(ExitCode.OK if found.is_complete else ExitCode.LEFT)
