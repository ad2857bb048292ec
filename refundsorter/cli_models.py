"""The commands on model bundles."""

import typer

from refundsorter import cli_diff
from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings

app = typer.Typer(help="See, choose and compare model bundles.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """See, choose and compare model bundles."""


@app.command("list")
def list_bundles(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Name every bundle, and which is active."""
    from refundsorter.edges.bundle import BundleStore

    references = BundleStore(read_settings(config).models).references()
    answer(list(references), as_json, lambda: typer.echo("\n".join(references)))


cli_diff.add_to(app)
