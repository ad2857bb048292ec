"""What the commands share: options, settings, and how an answer is given."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refundsorter.core.text import shown

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
MAX_TEXT = 255  # characters of a filter, as over HTTP
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def read_settings(config: Path | None, **flags: object) -> "Settings":
    """The settings in force; flags are named by their keys, with two underscores for the dot."""
    from refundsorter import settings

    overrides = {key.replace("__", "."): value for key, value in flags.items()}
    return settings.load(config, environment=os.environ, overrides=overrides)


def moment(given: str | None) -> float | None:
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


def text(given: str | None) -> str | None:
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
