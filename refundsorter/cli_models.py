"""The commands on model bundles."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refundsorter import cli_diff, cli_gate
from refundsorter.cli_import import import_model
from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

if TYPE_CHECKING:  # each command imports what it needs
    from refundsorter.activation import Released, Waiting
    from refundsorter.settings import Settings

app = typer.Typer(help="See, choose and compare model bundles.", no_args_is_help=True)
app.command("import")(import_model)

BundleName = Annotated[
    str, typer.Argument(metavar="NAME/VERSION", help="A bundle, as `models list` names it.")
]
ActiveOr = Annotated[
    str | None, typer.Argument(metavar="[NAME/VERSION]", help="A bundle. [default: the active one]")
]


@app.callback()
def group() -> None:
    """See, choose and compare model bundles."""


cli_gate.add_to(app)


@app.command("list")
def list_bundles(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Name every bundle, and which are in use."""
    from refundsorter import show_models
    from refundsorter.inventory import listed

    found = list(listed(read_settings(config)))
    answer([asdict(one) for one in found], as_json, lambda: show_models.listed(found))


@app.command()
def show(model: ActiveOr = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say what a bundle is: labels, thresholds, figures, data."""
    from refundsorter import show_models
    from refundsorter.inventory import shown

    found = shown(read_settings(config), model)
    answer(asdict(found), as_json, lambda: show_models.shown(found))


@app.command()
def verify(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME/VERSION]...", help="Bundles. [default: all]")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Try whether bundles can be served."""
    from refundsorter import show_models
    from refundsorter.edges.bundle import BundleStore
    from refundsorter.verifying import verify as verify_one

    settings = read_settings(config)
    references = models or BundleStore(settings.models).references()
    found = [verify_one(settings, reference) for reference in references]
    answer([asdict(one) for one in found], as_json, lambda: show_models.verified(found))
    raise typer.Exit(ExitCode.OK if all(one.ok for one in found) else ExitCode.LEFT)


@app.command()
def activate(model: BundleName, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Make a bundle the active one; a daemon switches without stopping."""
    from refundsorter import activation

    _release(config, as_json, lambda settings, waiting: activation.activate(settings, model, waiting))


@app.command()
def rollback(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Go back to the bundle that was active before."""
    from refundsorter import activation

    _release(config, as_json, activation.roll_back)


@app.command()
def shadow(
    model: Annotated[
        str | None,
        typer.Argument(metavar="[NAME/VERSION]", help="A candidate. [default: the one that is tried]"),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Begin: the share of live photos that it answers as well."),
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End it; its record stays.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Try a candidate beside the active bundle, or show its record."""
    from refundsorter import activation, show_models
    from refundsorter.shadowing import read

    if stop and share is not None:
        raise typer.BadParameter("it begins with --share and ends with --stop, not both")
    if share is not None:
        if model is None or share == 0:
            raise typer.BadParameter("name a candidate, and a share above 0", param_hint="--share")
        _release(
            config,
            as_json,
            lambda settings, waiting: activation.start_shadow(settings, model, share, waiting),
        )
    elif stop:
        _release(config, as_json, activation.stop_shadow)
    else:
        found = read(read_settings(config), model)
        answer(asdict(found), as_json, lambda: show_models.shadow(found))


@app.command()
def prune(
    keep: Annotated[
        int, typer.Option(min=0, help="How many of each name stay, beside those in use: the newest.")
    ] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove old bundles that are not in use."""
    from refundsorter import show_models
    from refundsorter.inventory import prune as prune_now

    gone = prune_now(read_settings(config), keep=keep, dry_run=dry_run)
    fields = {"removed": gone, "bytes": sum(gone.values()), "dry_run": dry_run}
    answer(fields, as_json, lambda: show_models.pruned(gone, dry_run=dry_run))


def _release(config: Path | None, as_json: bool, work: "Callable[[Settings, Waiting], Released]") -> None:
    """Change what is in use, and say what came of it."""
    from refundsorter import show_models

    settings = read_settings(config)
    with show_models.waiting(enabled=not as_json) as waiting:
        found = work(settings, waiting)
    answer(asdict(found), as_json, lambda: show_models.released(found))
    raise typer.Exit(ExitCode.LEFT if found.served is False else ExitCode.OK)


cli_diff.add_to(app)
