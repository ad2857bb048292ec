"""The commands on photos: which there are, and what is known of one."""

from typing import Annotated

import typer

from refundsorter.cli_correct import MAX_ID
from refundsorter.cli_options import AsJson, ConfigFile, answer, inquire, moment, read_settings, text
from refundsorter.core.image import State

app = typer.Typer(help="List photos, or tell all of one.")


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    config: ConfigFile = None,
    state: Annotated[State | None, typer.Option(help="Only those that stand so.")] = None,
    category: Annotated[
        str | None, typer.Option(help="Only those whose best category it is.", metavar="NAME", callback=text)
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Only those whose best label it is.", metavar="NAME", callback=text)
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Only files that came by this name.", metavar="FILE", callback=text)
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only those filed at this time or later.", metavar="TIME")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Only those filed before this time.", metavar="TIME")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Only those it decided.", metavar="NAME/VERSION", callback=text)
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(help="Only those at least so sure.", min=0, max=1, metavar="SHARE")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000, metavar="N")] = 20,
    as_json: AsJson = False,
) -> None:
    """List photos, or tell all of one."""
    if context.invoked_subcommand is not None:
        _require_no_options(context)
        return
    from refundsorter import show, show_images
    from refundsorter.core.port_images import Wanted

    wanted = Wanted(
        state=state,
        category=category,
        label=label,
        model=model,
        name=name,
        since=moment(since),
        until=moment(until),
        min_confidence=min_confidence,
    )
    inquiry = inquire(read_settings(config))
    with show.progress(enabled=not as_json, doing="looking") as on_progress:
        found = inquiry.ask(lambda source: source.images(wanted, limit=limit, on_progress=on_progress))
    answer(found, as_json, lambda: show_images.listed(found, may_be_more=len(found) == limit))


@app.command("show")
def show_(
    number: Annotated[int, typer.Argument(help="The photo's number.", metavar="ID", min=1, max=MAX_ID)],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say all that is known of a photo."""
    from refundsorter import show_images

    found = inquire(read_settings(config)).ask(lambda source: source.image(number))
    answer(found, as_json, lambda: show_images.photo(found))


def _require_no_options(context: typer.Context) -> None:
    """Refuse options that would be passed over: those of a command stand after it."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = f"--{name.removeprefix('as_').replace('_', '-')}"
            raise typer.BadParameter(f"{option} stands after `{context.invoked_subcommand}`, not before it")
