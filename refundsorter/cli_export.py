"""The command that gives filed photos to other programs."""

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from refundsorter.cli_options import ConfigFile, moment, read_settings, text
from refundsorter.core.table import Form
from refundsorter.core.text import printable


class Became(StrEnum):
    """What was done with a photo."""

    SORTED = "sorted"
    REVIEW = "review"
    REJECTED = "rejected"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    form: Annotated[Form, typer.Option("--format", help="How they are written.")],
    since: Annotated[
        str | None, typer.Option(help="Only those filed at this time or later.", metavar="TIME")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Only those filed before this time.", metavar="TIME")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="Only those whose best category it is.", metavar="NAME", callback=text)
    ] = None,
    state: Annotated[Became | None, typer.Option(help="Only those that became this.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file; standard output without it.", metavar="FILE")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there.")] = False,
    config: ConfigFile = None,
) -> None:
    """Write filed photos as a table, for other programs."""
    from refundsorter import export as exporting
    from refundsorter import show
    from refundsorter.edges.filesystem import FileSystem
    from refundsorter.edges.growing import grown, refuse
    from refundsorter.edges.ledger_export import Selection

    if form is Form.PARQUET and out is None and sys.stdout.isatty():
        raise typer.BadParameter("Parquet is no text; name a file by --out, or redirect the output")
    settings = read_settings(config)
    exporting.require(form)
    wanted = Selection(
        since=moment(since) or 0.0,
        until=time.time() if until is None else moment(until) or 0.0,
        category=category,
        state=state,
    )
    with show.progress(enabled=out is not None, doing="exporting") as on_progress:
        if out is None:
            exporting.export(settings, wanted, form, sys.stdout.buffer, on_progress)
            return
        refuse(out, FileSystem(), replace=force)
        with grown(out, FileSystem(), replace=force) as file:
            photos = exporting.export(settings, wanted, form, file, on_progress)
    show.OUT.print(f"Photos written: {photos}, to {printable(str(out))}")
