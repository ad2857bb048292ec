"""The commands on alerts."""

from typing import Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

app = typer.Typer(help="What is wrong, and who is told of it.", no_args_is_help=True)


@app.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say what is wrong, as the daemon saw it last."""
    from refundsorter import show_alerts
    from refundsorter.core.record import rfc3339
    from refundsorter.edges.alert_book import AlertBook

    alerts = [one for one in AlertBook(read_settings(config).state_dir).read() if one.over is None]
    told = [
        {
            "rule": one.finding.rule.value,
            "subject": one.finding.subject,
            "what": one.finding.what,
            "todo": one.finding.todo,
            "since": rfc3339(one.since),
            "told": {name: rfc3339(at) for name, at in one.told.items()},
        }
        for one in alerts
    ]
    answer(told, as_json, lambda: show_alerts.listed(alerts))
    raise typer.Exit(ExitCode.LEFT if alerts else ExitCode.OK)


@app.command("test")
def try_out(
    config: ConfigFile = None,
    text: Annotated[str, typer.Option(help="What is said.", metavar="TEXT")] = "This is a test.",
    as_json: AsJson = False,
) -> None:
    """Send a test message to every channel."""
    import socket

    from refundsorter import show, show_alerts
    from refundsorter.alarming import channels_of

    settings = read_settings(config)
    if settings.alerts.channels_file is None:
        raise typer.BadParameter(
            "`alerts.channels_file` is not set: there is nobody to tell; see docs/alerts.md"
        )
    channels = channels_of(settings)
    sent: dict[str, bool] = {}
    with show.progress(enabled=not as_json, doing="sending") as on_progress:
        for number, channel in enumerate(channels, start=1):
            sent[channel.name] = channel.send(f"refundsorter on {socket.gethostname()}: test", text)
            on_progress(number, len(channels))
    answer({"sent": sent}, as_json, lambda: show_alerts.sent(sent))
    raise typer.Exit(ExitCode.OK if sent and all(sent.values()) else ExitCode.LEFT)
