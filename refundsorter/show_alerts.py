"""What the commands on alerts print for people."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.table import Table

from refundsorter.core.alert import Alert
from refundsorter.core.text import printable
from refundsorter.show import OUT


def listed(alerts: Sequence[Alert]) -> None:
    """Alerts, each with what to do."""
    if not alerts:
        OUT.print("Nothing was wrong when the daemon looked last.")
    for alert in alerts:
        since = datetime.fromtimestamp(alert.since).astimezone().strftime("%Y-%m-%d %H:%M")
        OUT.print(f"{alert.finding.rule}: {printable(alert.finding.what)}")
        OUT.print(f"  Since {since}. {printable(alert.finding.todo)}")


def sent(channels: Mapping[str, bool]) -> None:
    """To whom a test message went."""
    if not channels:
        OUT.print("The file of the channels names none.")
        return
    table = Table("channel", "", box=None, pad_edge=False)
    for name, was_sent in channels.items():
        table.add_row(printable(name), "sent" if was_sent else "not sent: is the URL right?")
    OUT.print(table)
