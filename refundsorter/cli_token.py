"""The commands on tokens."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.core.token import Role

app = typer.Typer(help="Who may use the daemon over HTTP.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Whose token it is.", metavar="NAME")]


@app.command()
def add(
    name: Name,
    role: Annotated[
        Role, typer.Option(help="read: ask; operate: start, upload and change, too.", metavar="ROLE")
    ],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once: only a digest of it is kept."""
    import secrets

    from refundsorter.core.record import rfc3339
    from refundsorter.core.token import PREFIX, Token, added, digest
    from refundsorter.door import tokens_file
    from refundsorter.edges import tokens

    secret = PREFIX + secrets.token_urlsafe(32)
    now = rfc3339(datetime.now(UTC).timestamp())
    new = Token(name=name, role=role, sha256=digest(secret), created=now)
    tokens.change(tokens_file(read_settings(config)), lambda known: added(known, new))
    fields = {"name": name, "role": role, "created": now, "token": secret}
    answer(fields, as_json, lambda: typer.echo(secret))


@app.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the tokens; what they are is not known any more."""
    from refundsorter import show_token
    from refundsorter.door import tokens_file
    from refundsorter.edges import tokens

    found = tokens.read(tokens_file(read_settings(config)))
    told = [{"name": one.name, "role": one.role, "created": one.created} for one in found]
    answer(told, as_json, lambda: show_token.listed(found))


@app.command()
def revoke(name: Name, config: ConfigFile = None) -> None:
    """Make a token worthless, at once."""
    from refundsorter.core.token import without
    from refundsorter.door import tokens_file
    from refundsorter.edges import tokens

    tokens.change(tokens_file(read_settings(config)), lambda known: without(known, name))
