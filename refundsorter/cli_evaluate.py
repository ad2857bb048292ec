"""The command that measures a model: thin."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.exits import ExitCode

if TYPE_CHECKING:  # each command imports what it needs: `--help` is instant
    from refundsorter.settings import Settings
    from refundsorter.training.dataset import Sample
    from refundsorter.training.progress import Progress


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    data: Annotated[
        Path | None,
        typer.Argument(help="Folders of photos, one a category; or a table in CSV.", metavar="DATA"),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME/VERSION", help="The bundle. [default: the active one]")
    ] = None,
    corrections: Annotated[
        bool, typer.Option("--corrections", help="Measure on the photos that people corrected.")
    ] = False,
    precision: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="The share of right ones for which a threshold is looked for."),
    ] = 0.90,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with charts and the worst mistakes.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Photos in work at a time. [default: the settings']")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say how good a model is on photos of known category."""
    from refundsorter import show, show_evaluation
    from refundsorter.edges.bundle import BundleStore
    from refundsorter.policies import rules_of, worker_count
    from refundsorter.training import page, trial
    from refundsorter.training.plain import plain

    settings = read_settings(config)
    samples = _samples(settings, data, corrections=corrections, quiet=as_json)
    store = BundleStore(settings.models)
    stored = store.load(model) if model else store.active()
    if html is not None:
        page.refuse(html)
    with show.progress(enabled=not as_json, doing="measuring") as on_progress:
        found = trial.evaluate(
            stored,
            rules_of(settings, stored.manifest),
            samples,
            categories=_categories(settings, samples, corrections=corrections),
            precision=precision,
            workers=workers or worker_count(settings),
            on_progress=on_progress,
        )
    answer({"schema": trial.SCHEMA, **plain(found)}, as_json, lambda: show_evaluation.evaluation(found))
    show_evaluation.left_out(found.unreadable)
    if html is not None:
        page.write(html, found)
        show_evaluation.written(html)
    raise typer.Exit(ExitCode.LEFT if found.unreadable else ExitCode.OK)


def _samples(
    settings: "Settings", data: Path | None, *, corrections: bool, quiet: bool
) -> "tuple[Sample, ...]":
    """The photos to measure on: either of the two."""
    if corrections == (data is not None):
        raise typer.BadParameter("name the photos to measure on, or say --corrections", param_hint="DATA")
    if data is None:
        return _corrected(settings, quiet=quiet)
    from refundsorter.training import dataset

    if not (found := dataset.listed(data)):
        raise dataset.DatasetRefused(f"{data}: found no photo; photos lie in a folder of their category")
    return found


def _categories(settings: "Settings", samples: "tuple[Sample, ...]", *, corrections: bool) -> tuple[str, ...]:
    """Those of the taxonomy; of corrections also new ones: a bundle that cannot give them is wrong there."""
    from refundsorter.edges.taxonomy import read_taxonomy

    named = read_taxonomy(settings.taxonomy).categories
    return tuple(sorted({*named, *(one.category for one in samples)})) if corrections else named


def _corrected(settings: "Settings", *, quiet: bool) -> "tuple[Sample, ...]":
    """The photos that people put where they belong; those that cannot be used any more are told."""
    from refundsorter import show, show_evaluation
    from refundsorter.training.corrections import read_corrections
    from refundsorter.training.dataset import DatasetRefused

    left_out: list[str] = []
    with show.progress(enabled=not quiet, doing="reading") as on_progress:

        def report(stage: "Progress") -> None:
            on_progress(stage.done, stage.total)
            left_out.append(stage.note)

        samples = read_corrections(settings, report)
    show_evaluation.notes(filter(None, left_out))
    if not samples:
        raise DatasetRefused("nobody has corrected a photo that still lies on the shelf; name DATA instead")
    return samples
