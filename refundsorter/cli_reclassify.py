"""The command that has another model look at photos that are filed already."""

from dataclasses import asdict
from typing import Annotated

import typer

from refundsorter.cli_correct import MAX_ID
from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.cli_undo import MOST_UNASKED, Since
from refundsorter.exits import ExitCode


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reclassify)


def reclassify(
    ids: Annotated[
        list[int] | None,
        typer.Argument(help="Numbers of photos; without any all that fit.", metavar="ID", min=1, max=MAX_ID),
    ] = None,
    config: ConfigFile = None,
    model: Annotated[
        str | None, typer.Option(help="The bundle. [default: the active one]", metavar="NAME/VERSION")
    ] = None,
    since: Since = None,
    category: Annotated[
        str | None, typer.Option(help="Photos that lie in this folder of the shelf.", metavar="NAME")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; move nothing.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help=f"Also if they are more than {MOST_UNASKED} photos.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Have a model look at filed photos again."""
    from refundsorter import reclassify as reclassifying
    from refundsorter import show, show_reclassify
    from refundsorter.core.undoing import Selection
    from refundsorter.edges.log import Gate, make

    settings = read_settings(config)
    selection = Selection(ids=tuple(ids) if ids else None, since=since, folder=category)
    chosen, put_right = reclassifying.choose(settings, selection)
    if len(chosen) > MOST_UNASKED and not (yes or dry_run):
        raise typer.BadParameter(
            f"{len(chosen)} photos would be looked at and perhaps moved: try --dry-run, then say --yes"
        )
    log = make(Gate("warning"), form=settings.log.format)
    with show.progress(enabled=not as_json, doing="looking") as on_progress:
        found = reclassifying.reclassify(
            settings, chosen, put_right, model=model, dry_run=dry_run, log=log, on_progress=on_progress
        )
    answer(asdict(found), as_json, lambda: show_reclassify.reclassified(found))
    raise typer.Exit(ExitCode.OK if found.is_complete else ExitCode.LEFT)
