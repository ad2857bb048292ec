"""The commands on jobs."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refundsorter.cli_correct import MAX_ID, login_name
from refundsorter.cli_options import AsJson, ConfigFile, answer, inquire, read_settings
from refundsorter.core.job import JobRefused, JobState, KeyReused, Scope
from refundsorter.exits import ExitCode

if TYPE_CHECKING:
    from refundsorter.core.job import JobReport

app = typer.Typer(help="Runs over the inboxes, by the daemon.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="The job's number.", metavar="ID", min=1, max=MAX_ID)]


@app.command("list")
def list_(
    config: ConfigFile = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=1000, metavar="N")] = 20,
    before: Annotated[
        int | None, typer.Option(help="Only those with a lower number.", min=1, max=MAX_ID, metavar="ID")
    ] = None,
    state: Annotated[JobState | None, typer.Option(help="Only those that stand so.")] = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""
    from refundsorter import show_jobs

    inquiry = inquire(read_settings(config))
    found = inquiry.ask(lambda source: source.jobs(limit=limit, before=before, state=state))
    answer([asdict(one) for one in found], as_json, lambda: show_jobs.listed(found))


@app.command("show")
def show_(number: Number, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say how a job stands."""
    from refundsorter import show_jobs

    found = inquire(read_settings(config)).ask(lambda source: source.job(number))
    answer(asdict(found), as_json, lambda: show_jobs.job(found))


@app.command()
def start(
    config: ConfigFile = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="Only photos of this label or category; repeatable.", metavar="NAME"),
    ] = None,
    paths: Annotated[
        list[Path] | None,
        typer.Option("--path", help="Only this file or folder of an inbox; repeatable.", metavar="PATH"),
    ] = None,
    glob: Annotated[
        str | None, typer.Option(help="Only paths that end with this pattern.", metavar="PATTERN")
    ] = None,
    undone: Annotated[
        bool, typer.Option("--undone", help="Also photos that were put back into the inbox.")
    ] = False,
    by: Annotated[
        str | None, typer.Option(help="Who asks for it. [default: the login name]", metavar="NAME")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Asked for again by this key it is the same job.", metavar="KEY")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start a sweep of the inboxes."""
    from refundsorter import show, show_jobs
    from refundsorter.inquiry import new_key

    inquiry = inquire(read_settings(config))
    places = tuple(os.path.abspath(path) for path in paths or ())
    scope = Scope(classes=tuple(classes or ()), paths=places, glob=glob, undone=undone)
    who, once = login_name(by), key or new_key()
    try:
        found = inquiry.ask(lambda source: source.start(scope, by=who, key=once))
    except (JobRefused, KeyReused) as refused:
        raise typer.BadParameter(str(refused)) from refused
    if wait:
        with show.progress(enabled=not as_json) as on_progress:
            found = inquiry.wait(found.id, on_progress)
        answer(asdict(found), as_json, lambda: show_jobs.job(found))
        raise typer.Exit(_status(found))
    is_sorted_now = inquiry.ask(lambda source: source.is_anybody_sorting())
    answer(asdict(found), as_json, lambda: show_jobs.started(found, somebody_sorts=is_sorted_now))


@app.command()
def cancel(number: Number, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """End a job; what is in hand is finished, and what is left stays in the inbox."""
    from refundsorter import show_jobs

    found = inquire(read_settings(config)).ask(lambda source: source.cancel(number))
    answer(asdict(found), as_json, lambda: show_jobs.cancelled(found))


def _status(found: "JobReport") -> ExitCode:
    """Whether nothing is left for a person."""
    return ExitCode.OK if found.state == JobState.DONE and not found.left else ExitCode.LEFT
