"""The command by which a person has photos put back into the inbox."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from refundsorter.cli_correct import MAX_ID, login_name
from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

MOST_UNASKED = 100  # photos that are put back without a `--yes`


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(undo)


def _instant(text: str) -> float:
    """Unix seconds of an RFC 3339 time, or of a date or time on this machine's clock."""
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise typer.BadParameter(
            f"{text!r} is no time, such as 2026-01-31, '2026-01-31 09:30' or 2026-01-31T09:30:00Z"
        ) from None


Since = Annotated[
    float | None, typer.Option(help="Photos that were filed since.", metavar="TIME", parser=_instant)
]


def undo(
    ids: Annotated[
        list[int] | None,
        typer.Argument(help="Numbers of photos, as the journal has them.", metavar="ID", min=1, max=MAX_ID),
    ] = None,
    config: ConfigFile = None,
    job: Annotated[
        int | None, typer.Option(help="Photos that this job filed.", metavar="ID", min=1, max=MAX_ID)
    ] = None,
    since: Since = None,
    category: Annotated[
        str | None, typer.Option(help="Photos that lie in this folder of the shelf.", metavar="NAME")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Whose word it is. [default: the login name]", metavar="NAME")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; move nothing.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help=f"Also if they are more than {MOST_UNASKED} photos.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put photos back into the inbox, and record it."""
    from refundsorter import show, show_undo
    from refundsorter import undo as undoing
    from refundsorter.core.correction import is_on_shelf
    from refundsorter.core.undoing import Selection
    from refundsorter.edges.log import Gate, make

    if not ids and (job, since, category) == (None, None, None):
        raise typer.BadParameter("which photos? Say their numbers, --job, --since or --category")
    if category is not None and not is_on_shelf(category):
        raise typer.BadParameter(
            f"{category!r} is no folder of the shelf for photos", param_hint="--category"
        )
    settings = read_settings(config)
    selection = Selection(ids=tuple(ids) if ids else None, job=job, since=since, folder=category)
    chosen, who = undoing.choose(settings, selection), login_name(by)
    if dry_run:
        account = undoing.rehearse(settings, selection, chosen, by=who)
    else:
        if len(chosen) > MOST_UNASKED and not yes:
            raise typer.BadParameter(
                f"{len(chosen)} photos would be put back: look at them with --dry-run, then say --yes"
            )
        log = make(Gate("warning"), form=settings.log.format)
        with show.progress(enabled=not as_json, doing="putting back") as on_progress:
            account = undoing.undo(settings, selection, chosen, by=who, log=log, on_progress=on_progress)
    answer(asdict(account), as_json, lambda: show_undo.undone(account))
    raise typer.Exit(ExitCode.OK if account.is_complete else ExitCode.LEFT)
