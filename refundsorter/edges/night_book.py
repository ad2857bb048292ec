"""What was done in each night: a small file in `state_dir` that is replaced whole at each step."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from refundsorter.core.fault import translate
from refundsorter.core.night_steps import NightRecord, Outcome, Step, StepRecord, Told
from refundsorter.edges import durable
from refundsorter.edges.filesystem import FileSystem

FILE = "nights.json"
KEPT = 92  # nights
MODE = 0o640  # as the ledger's


class NightBook:
    """The nights that are kept; one process writes them, any may read. See `NightBookPort`."""

    def __init__(self, state_dir: Path, files: FileSystem | None = None) -> None:
        self._path = state_dir / FILE
        self._files = files or FileSystem()

    def nights(self) -> list[NightRecord]:
        """Those that are kept, the oldest first; none where the file is not there, or not one of these."""
        try:
            found = json.loads(self._path.read_bytes())
            return [_night(one) for one in found["nights"]]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise translate(error, f"reading {str(self._path)!r}") from error
        except (ValueError, TypeError, KeyError, AttributeError):
            return []  # nothing depends on it but what is told of past nights

    def keep(self, record: NightRecord) -> None:
        """Write a night down as it stands now, durably."""
        others = [one for one in self.nights() if one.date != record.date]
        kept = sorted([*others, record], key=lambda one: one.job)[-KEPT:]
        content = json.dumps({"nights": [asdict(one) for one in kept]})
        durable.replace(self._path, content.encode() + b"\n", self._files, mode=MODE)


def _night(fields: dict[str, Any]) -> NightRecord:
    return NightRecord(
        date=fields["date"], job=fields["job"], steps=tuple(_step(one) for one in fields["steps"])
    )


def _step(fields: dict[str, Any]) -> StepRecord:
    told = fields["told"]
    return StepRecord(
        step=Step(fields["step"]),
        began=fields["began"],
        ended=fields["ended"],
        told=Told(**{**told, "outcome": Outcome(told["outcome"])}) if told else None,
    )
