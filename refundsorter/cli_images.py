"""The commands on photos: which there are, and what is known of one."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from refundsorter.cli_correct import MAX_ID
from refundsorter.cli_options import AsJson, ConfigFile, answer, inquire, read_settings
from refundsorter.core.image import State
from refundsorter.core.text import shown

if TYPE_CHECKING:
    pass

app = typer.Typer(help="List photos, or tell all of one.")
MAX_TEXT = 255  # characters of a filter, as over HTTP


def _text(given: str | None) -> str | None:
    """Let only pass what a name can be compared with."""
    if given is None:
        return None
    if not 0 < len(given) <= MAX_TEXT or "\0" in given:
        raise typer.BadParameter(f"found {shown(given)}; 1 to {MAX_TEXT} characters are expected")
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise typer.BadParameter(f"found {shown(given)}, which is no UTF-8") from error
    return given


def _time(given: str | None) -> float | None:
    """A time in unix seconds; one without an offset is this machine's."""
    if given is None:
        return None
    try:
        return datetime.fromisoformat(given).astimezone(UTC).timestamp()
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"found {shown(given)}; expected is a time such as 2026-01-31, '2026-01-31 09:30' or "
            "2026-01-31T09:30:00Z"
        ) from error


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    config: ConfigFile = None,
    state: Annotated[State | None, typer.Option(help="Only those that stand so.")] = None,
    category: Annotated[
        str | None, typer.Option(help="Only those whose best category it is.", metavar="NAME", callback=_text)
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Only those whose best label it is.", metavar="NAME", callback=_text)
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Only files that came by this name.", metavar="FILE", callback=_text)
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only those filed at this time or later.", metavar="TIME")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Only those filed before this time.", metavar="TIME")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Only those it decided.", metavar="NAME/VERSION", callback=_text)
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
        since=_time(since),
        until=_time(until),
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
