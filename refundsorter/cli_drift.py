"""The command that tells what has changed."""

import time
from dataclasses import asdict

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(drift)


def drift(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Tell whether photos or answers have changed of late."""
    from refundsorter import show_drift
    from refundsorter.drift import measure

    found = measure(read_settings(config), now=time.time())
    answer(asdict(found) | {"shifted": found.shifted}, as_json, lambda: show_drift.drifted(found))
    raise typer.Exit(ExitCode.LEFT if found.shifted else ExitCode.OK)
