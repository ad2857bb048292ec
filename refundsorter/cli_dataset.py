"""The commands on data sets."""

import os
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

app = typer.Typer(help="Fetch, check and divide photos to learn from.", no_args_is_help=True)

Data = Annotated[
    Path, typer.Argument(help="Folders of photos, one a label; or a table in CSV.", metavar="DATA")
]


class Together(StrEnum):
    """What a split keeps together."""

    SOURCE = "source"
    CASE = "case"
    NONE = "none"


@app.command()
def pull(
    reference: Annotated[str, typer.Argument(help="kaggle:OWNER/NAME.", metavar="SET")],
    to: Annotated[
        Path | None, typer.Option(help="The folder to unpack into. [default: kagglehub's cache]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a public data set from Kaggle."""
    from refundsorter import show_dataset, show_training
    from refundsorter.training.pull import pull as fetch

    with show_training.lines() as report:
        folder = fetch(reference, to, report)
    answer({"folder": str(folder)}, as_json, lambda: show_dataset.pulled(folder))


@app.command()
def check(data: Data, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say what is wrong with photos to learn from: broken, double, lopsided."""
    from refundsorter import show_dataset, show_training
    from refundsorter.edges.taxonomy import read_taxonomy
    from refundsorter.training import dataset, inspect
    from refundsorter.training.survey import survey

    taxonomy = read_taxonomy(read_settings(config).taxonomy)
    samples = dataset.listed(data)
    with show_training.training() as report:
        seen = survey(samples, len(os.sched_getaffinity(0)), report)
    found = inspect.inspect(samples, seen, taxonomy)
    answer(asdict(found), as_json, lambda: show_dataset.inspection(found))
    raise typer.Exit(ExitCode.OK if found.is_fit else ExitCode.LEFT)


@app.command()
def split(
    data: Data,
    out: Annotated[Path, typer.Option(help="The new folder for the tables.")],
    train: Annotated[float, typer.Option(min=0.0, max=1.0, help="The share to learn from.")] = 0.8,
    val: Annotated[float, typer.Option(min=0.0, max=1.0, help="The share to choose and calibrate by.")] = 0.1,
    check: Annotated[float, typer.Option(min=0.0, max=1.0, help="The share to measure on at the end.")] = 0.1,
    by: Annotated[Together, typer.Option(help="What stays together in one part.")] = Together.SOURCE,
    case_pattern: Annotated[
        str | None, typer.Option(help="A case is what a file's name has before this regular expression.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the order in which photos are dealt.")] = 1,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the photos into the folder as well.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Divide photos into train, val and check, each photo in one part only."""
    from refundsorter import show_dataset, show_training
    from refundsorter.training import dataset, manifest
    from refundsorter.training.partition import CASE_PATTERN, By, divide
    from refundsorter.training.survey import survey

    manifest.refuse_occupied(out)
    samples = dataset.read(data)
    with show_training.training() as report:
        seen = survey(samples, len(os.sched_getaffinity(0)), report)
        parts = divide(
            seen,
            {"train": train, "val": val, "check": check},
            by=By(by),
            seed=seed,
            case_pattern=case_pattern or CASE_PATTERN,
        )
        if not dry_run:
            manifest.write(parts.samples, out, copy=copy, report=report)
    left_out = {
        "copies": [str(sample.path) for sample in parts.copies],
        "contradictory": [str(sample.path) for sample in parts.contradictory],
        "broken": [str(sample.path) for sample in parts.broken],
    }
    fields = {"folder": None if dry_run else str(out), "categories": parts.counts(), **left_out}
    answer(fields, as_json, lambda: show_dataset.divided(parts, out, dry_run=dry_run))
