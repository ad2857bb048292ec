"""The small file in `state_dir` that keeps alerts, so that a restart tells none twice."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from refundsorter.core.alert import Alert, Finding, Rule
from refundsorter.core.fault import translate
from refundsorter.edges import durable
from refundsorter.edges.filesystem import FileSystem

FILE = "alerts.json"
MODE = 0o640  # as the ledger's


class AlertBook:
    """See `AlertBookPort`."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE

    def read(self) -> list[Alert]:
        """Those that were kept; what is none is passed over, and told anew where it lasts."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise translate(error, f"reading {str(self._path)!r}") from error
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            return [_alert(one) for one in json.loads(content)]
        return []

    def write(self, alerts: Sequence[Alert]) -> None:
        """Keep these instead."""
        content = json.dumps([_fields(one) for one in alerts], indent=1).encode() + b"\n"
        durable.replace(self._path, content, FileSystem(), mode=MODE)


def _fields(alert: Alert) -> dict[str, Any]:
    return {
        "rule": alert.finding.rule.value,
        "subject": alert.finding.subject,
        "what": alert.finding.what,
        "todo": alert.finding.todo,
        "since": alert.since,
        "over": alert.over,
        "told": dict(alert.told),
    }


def _alert(fields: dict[str, Any]) -> Alert:
    return Alert(
        finding=Finding(
            rule=Rule(fields["rule"]),
            subject=str(fields["subject"]),
            what=str(fields["what"]),
            todo=str(fields["todo"]),
        ),
        since=float(fields["since"]),
        over=None if fields["over"] is None else float(fields["over"]),
        told={str(name): float(at) for name, at in fields["told"].items()},
    )
