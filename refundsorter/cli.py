"""The commands: thin. Each reads the settings, asks one part of the program, and shows the answer."""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refundsorter import (
    __version__,
    cli_correct,
    cli_drift,
    cli_evaluate,
    cli_export,
    cli_prune,
    cli_reclassify,
    cli_report,
    cli_service,
    cli_train,
    cli_undo,
    signals,
    streams,
)
from refundsorter.cli_alerts import app as alerts_app
from refundsorter.cli_dataset import app as dataset_app
from refundsorter.cli_images import app as images_app
from refundsorter.cli_jobs import app as jobs_app
from refundsorter.cli_journal import app as journal_app
from refundsorter.cli_ledger import app as ledger_app
from refundsorter.cli_models import app as models_app
from refundsorter.cli_nights import app as nights_app
from refundsorter.cli_options import AsJson, ConfigFile, inquire
from refundsorter.cli_options import answer as _answer
from refundsorter.cli_options import read_settings as _settings
from refundsorter.cli_token import app as token_app
from refundsorter.core.fault import BundleRefused, RefundsorterError
from refundsorter.core.text import printable
from refundsorter.exits import ExitCode, exit_code

if TYPE_CHECKING:  # each command imports what it needs: `--help` is instant, and `run` starts fast
    from refundsorter.settings import Settings
    from refundsorter.sweep import Account

app = typer.Typer(
    name="refundsorter",
    help="Sorts photos of returned goods into the folders of their departments.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Check and show the settings.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(alerts_app, name="alerts")
app.add_typer(images_app, name="images")
app.add_typer(jobs_app, name="jobs")
app.add_typer(journal_app, name="journal")
app.add_typer(ledger_app, name="ledger")
app.add_typer(models_app, name="models")
app.add_typer(nights_app, name="nights")
app.add_typer(dataset_app, name="dataset")
app.add_typer(token_app, name="token")


def main() -> None:
    """Run the command line."""
    streams.guard()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, where it can still be said that it failed
    except BrokenPipeError:
        sys.exit(ExitCode.FAILED)  # who reads has seen enough
    except RefundsorterError as error:
        lines = "\n".join(printable(line) for line in str(error).split("\n"))
        print(f"refundsorter: {lines}", file=sys.stderr)  # noqa: T201 - the command's own voice
        sys.exit(exit_code(error))


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)
    ] = False,
) -> None:
    """Sorts photos of returned goods into the folders of their departments."""
    if version:
        typer.echo(f"refundsorter {__version__}")
        raise typer.Exit


@app.command()
def run(
    config: ConfigFile = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
) -> None:
    """Watch the inboxes and sort what arrives, until stopped."""
    signals.block()
    from refundsorter.daemon import Daemon
    from refundsorter.edges.log import Gate, make

    def load() -> "Settings":
        return _settings(config, log__level=log_level)

    settings = load()
    gate = Gate(settings.log.level)
    daemon = Daemon(settings, reload=load, log=make(gate, form=settings.log.format), gate=gate)
    raise typer.Exit(daemon.run())


@app.command()
def sweep(
    config: ConfigFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; move nothing.")] = False,
    undone: Annotated[
        bool, typer.Option("--undone", help="Also photos that were put back into the inbox.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sort what lies in the inboxes now, with an account."""
    from refundsorter import show

    settings = _settings(config)
    if dry_run:
        from refundsorter.model import load_model
        from refundsorter.preview import rehearse

        with show.progress(enabled=not as_json) as on_progress:
            log = _log(settings, quiet=True)
            rehearsal = rehearse(settings, load_model(settings), log, on_progress, undone=undone)
        _answer(asdict(rehearsal), as_json, lambda: show.rehearsal(rehearsal))
        return
    with show.progress(enabled=not as_json) as on_progress:
        account = _swept_by_daemon(settings, on_progress, undone=undone) or _swept_here(
            settings, on_progress, undone=undone
        )
    _answer(asdict(account), as_json, lambda: show.account(account))
    raise typer.Exit(ExitCode.OK if account.is_complete else ExitCode.LEFT)


@app.command()
def classify(
    files: Annotated[list[Path], typer.Argument(help="Photos.", metavar="FILE")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what photos show and where they would go."""
    from refundsorter import show
    from refundsorter.model import load_model
    from refundsorter.preview import Previewer

    settings = _settings(config)
    previewer = Previewer(settings, load_model(settings))
    failed = 0
    with show.predictions(as_json=as_json) as present:
        for path, outcome in previewer.paths(os.fspath(path) for path in files):
            failed += isinstance(outcome, str)
            present(path, outcome)
    raise typer.Exit(ExitCode.LEFT if failed else ExitCode.OK)


@app.command()
def status(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say how the daemon, if any, and its photos stand."""
    from refundsorter import show

    standing = inquire(_settings(config)).ask(lambda source: source.standing())
    _answer(asdict(standing), as_json, lambda: show.standing(standing))


@app.command()
def doctor(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check folders, limits, space and model; say what to do."""
    from refundsorter import show
    from refundsorter.core.check import Verdict
    from refundsorter.doctor import examine

    checks = list(examine(_settings(config)))
    _answer([asdict(check) for check in checks], as_json, lambda: show.checks(checks))
    if any(check.verdict is Verdict.FAILED for check in checks):
        raise typer.Exit(ExitCode.LEFT)


@config_app.command("check")
def config_check(config: ConfigFile = None) -> None:
    """Read settings and taxonomy and tell every problem."""
    from refundsorter.alarming import channels_of
    from refundsorter.door import keyring
    from refundsorter.edges.bundle import BundleStore
    from refundsorter.edges.taxonomy import read_taxonomy

    settings = _settings(config)
    taxonomy = read_taxonomy(settings.taxonomy)
    keyring(settings)  # what would end the start of the daemon
    channels_of(settings)
    place = printable(str(settings.taxonomy))
    try:
        remarks = taxonomy.misfits(BundleStore(settings.models).active().manifest.labels)
    except BundleRefused as refused:
        remarks = [f"its labels were not held against a model: {printable(str(refused))}"]
    for remark in remarks:
        typer.echo(f"refundsorter: {place}: {remark}", err=True)
    typer.echo(f"The settings are well. {len(taxonomy.categories)} categories in {place}.")


@config_app.command("show")
def config_show(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Print the settings in force and where each comes from."""
    from refundsorter.settings_show import to_mapping, to_yaml

    settings = _settings(config)
    _answer(to_mapping(settings), as_json, lambda: typer.echo(to_yaml(settings), nl=False))


cli_train.add_to(app)
cli_service.add_to(app)
cli_correct.add_to(app)
cli_drift.add_to(app)
cli_prune.add_to(app)
cli_undo.add_to(app)
cli_reclassify.add_to(app)
cli_report.add_to(app)
cli_export.add_to(app)
cli_evaluate.add_to(app)


def _swept_by_daemon(
    settings: "Settings", on_progress: Callable[[int, int], None], *, undone: bool
) -> "Account | None":
    """Have a daemon sweep; None where there is none."""
    from refundsorter.handover import daemon_pid, hand_over

    pid = daemon_pid(settings)
    if pid is None:
        return None
    typer.echo(f"refundsorter: process {pid} is sorting, and makes the sweep", err=True)
    who = cli_correct.login_name(None)
    return hand_over(settings, by=who, on_progress=on_progress, undone=undone)


def _swept_here(settings: "Settings", on_progress: Callable[[int, int], None], *, undone: bool) -> "Account":
    """Sweep in this process."""
    signals.block(signals.STOP_SIGNALS)
    from refundsorter.assembly import Workshop, settle
    from refundsorter.sweep import sweep as sweep_once

    workshop = Workshop(settings, _log(settings, quiet=True))
    settle()
    try:
        return sweep_once(workshop, on_progress, undone=undone)
    finally:
        workshop.close()


def _log(settings: "Settings", *, quiet: bool = False) -> Any:
    """The operational log of a command; a quiet one tells only what an operator should know."""
    from refundsorter.edges.log import Gate, make

    level = "warning" if quiet and settings.log.level == "info" else settings.log.level
    return make(Gate(level), form=settings.log.format)
