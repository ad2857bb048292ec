"""The commands on nights."""

from dataclasses import asdict
from typing import Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

app = typer.Typer(help="What was done each night, and what it found.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """What was done each night, and what it found."""


@app.command(name="list")
def listing(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the nights that are kept, the newest first."""
    from refundsorter import show_nights
    from refundsorter.nights import kept

    found = kept(read_settings(config))
    answer([asdict(one) for one in found], as_json, lambda: show_nights.listed(found))


@app.command()
def show(
    date: Annotated[
        str | None, typer.Argument(metavar="[DATE]", help="The night's date, YYYY-MM-DD. [default: the last]")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a night's steps, and what they found."""
    from refundsorter import show_nights
    from refundsorter.nights import night

    found = night(read_settings(config), date)
    answer(asdict(found) | {"well": found.is_well}, as_json, lambda: show_nights.shown(found))
    raise typer.Exit(ExitCode.OK if found.is_well else ExitCode.LEFT)
