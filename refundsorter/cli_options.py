"""What the commands share: options, settings, and how an answer is given."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # each command imports what it needs: `--help` is instant, and `run` starts fast
    from refundsorter.inquiry import Inquiry
    from refundsorter.settings import Settings

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The settings' file. [default: REFUNDSORTER_CONFIG, or config/refundsorter.yaml]",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def read_settings(config: Path | None, **flags: object) -> "Settings":
    """The settings in force; flags are named by their keys, with two underscores for the dot."""
    from refundsorter import settings

    overrides = {key.replace("__", "."): value for key, value in flags.items()}
    return settings.load(config, environment=os.environ, overrides=overrides)


def inquire(settings: "Settings") -> "Inquiry":
    """Where a command asks: the daemon that runs, or else the ledger."""
    from refundsorter.inquiry import Inquiry
    from refundsorter.settings_source import TOKEN_VARIABLE

    return Inquiry(settings, token=os.environ.get(TOKEN_VARIABLE) or None)


def answer(fields: Any, as_json: bool, show: Callable[[], None]) -> None:
    """Print the answer for a program or for a person."""
    if as_json:
        typer.echo(json.dumps(fields, ensure_ascii=True))
    else:
        show()
