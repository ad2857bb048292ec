"""The command by which a person puts photos right."""

import getpass
import os
from dataclasses import asdict
from typing import Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

MAX_ID = 2**63 - 1  # what a ledger's number holds


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(correct)


def correct(
    ids: Annotated[
        list[int],
        typer.Argument(help="Numbers of photos, as the journal has them.", metavar="ID", min=1, max=MAX_ID),
    ],
    category: Annotated[str, typer.Argument(help="Where they belong.", metavar="CATEGORY")],
    config: ConfigFile = None,
    by: Annotated[
        str | None, typer.Option(help="Whose word it is. [default: the login name]", metavar="NAME")
    ] = None,
    new_category: Annotated[
        bool, typer.Option("--new-category", help="A category that the taxonomy does not know is meant.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; move nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put photos into their category, and record it."""
    from refundsorter import correct as correcting
    from refundsorter import show, show_correct
    from refundsorter.core.correction import CategoryRefused
    from refundsorter.edges.log import Gate, make

    settings = read_settings(config)
    try:
        correcting.require_category(settings, category, is_new=new_category)
    except CategoryRefused as refused:
        raise typer.BadParameter(str(refused), param_hint="CATEGORY") from refused
    who = login_name(by)
    if dry_run:
        account = correcting.rehearse(settings, ids, category, by=who)
    else:
        log = make(Gate("warning"), form=settings.log.format)
        with show.progress(enabled=not as_json, doing="correcting") as on_progress:
            account = correcting.correct(settings, ids, category, by=who, log=log, on_progress=on_progress)
    answer(asdict(account), as_json, lambda: show_correct.corrected(account))
    raise typer.Exit(ExitCode.OK if account.is_complete else ExitCode.LEFT)


def login_name(by: str | None) -> str | None:
    """Who is at the keyboard, if nobody is named: root's word is that of whoever became root."""
    try:
        name = by or os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return None
    return os.fsencode(name).decode(errors="replace")
