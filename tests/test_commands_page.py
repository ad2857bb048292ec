"""docs/commands.md is complete: what the program offers is on the page, and what the page shows exists."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from refundsorter.activation import Released
from refundsorter.cli import app
from refundsorter.core.check import Check
from refundsorter.core.job import JobReport
from refundsorter.core.photo_fields import NAMES
from refundsorter.core.report import Account as DayAccount
from refundsorter.core.shadow import Agreement, Comparison, Disagreement
from refundsorter.core.share import Share
from refundsorter.core.standing import Standing
from refundsorter.exits import ExitCode
from refundsorter.inventory import Listed, Shown
from refundsorter.preview import Rehearsal
from refundsorter.rebuild import Rebuilt
from refundsorter.report import Made
from refundsorter.shadowing import ShadowRecord
from refundsorter.sweep import Account
from refundsorter.training.compare import Comparison as Differences
from refundsorter.training.compare import Pair
from refundsorter.training.confusion import CategoryScore
from refundsorter.training.coverage import Point
from refundsorter.training.evaluate import Measure
from refundsorter.training.reading import Verdict
from refundsorter.training.reliability import Bin, Reliability
from refundsorter.training.trial import Evaluation, Mistake
from refundsorter.verifying import Verified

PAGE = (Path(__file__).parents[1] / "docs" / "commands.md").read_text()


def commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command below a group, with its full name, and groups that are commands themselves."""
    for part, command in group.commands.items():
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield f"{name} {part}", command
            yield from commands(command, f"{name} {part}")
        else:
            yield f"{name} {part}", command


def section(name: str) -> str:
    """The page's part about a command."""
    head, _, rest = PAGE.partition(f"## `{name}")
    assert rest, f"{name} has no heading after: {head[-80:]}"
    return rest.partition("\n## ")[0]


def test_every_command_and_option_is_on_the_page() -> None:
    """Each has a heading of its own, and each of its options stands below it; no other option does."""
    root = typer.main.get_command(app)
    for name, command in commands(root, "refundsorter"):
        offered = {option for parameter in command.params for option in parameter.opts if option[0] == "-"}
        told = set(re.findall(r"^\| `(--[a-z-]+)", section(name), flags=re.MULTILINE))
        assert told == offered - {"--help"}, name
    assert all(option in PAGE for parameter in root.params for option in parameter.opts)


def test_every_exit_status_is_on_the_page() -> None:
    """The table names each status of the program."""
    told = set(map(int, re.findall(r"^\| (\d+) \|", PAGE, flags=re.MULTILINE)))
    assert told == {code.value for code in ExitCode} | {130}


def test_every_json_field_is_on_the_page() -> None:
    """The fields of each answer stand in its command's section."""
    shapes = {
        "sweep": (Account, Rehearsal),
        "jobs show": (JobReport,),
        "status": (Standing,),
        "doctor": (Check,),
        "report": (Made, DayAccount),
        "ledger rebuild": (Rebuilt,),
        "evaluate": (Evaluation, Measure, Mistake, Share, CategoryScore, Reliability, Bin, Point),
        "models diff": (Differences, Pair, Verdict),
        "models list": (Listed,),
        "models show": (Shown,),
        "models verify": (Verified,),
        "models activate": (Released,),
        "models shadow": (ShadowRecord, Comparison, Agreement, Disagreement),
    }
    for command, types in shapes.items():
        text = section(f"refundsorter {command}")
        names = {field.name for one in types for field in fields(one)}
        assert {name for name in names if f"`{name}`" not in text} == set(), command
    assert {name for name in NAMES if f"`{name}`" not in section("refundsorter images")} == set()
