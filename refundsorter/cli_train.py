"""The command that teaches a model."""

import io
import os
import re
import shlex
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refundsorter import streams
from refundsorter.cli_options import ConfigFile, read_settings
from refundsorter.core.fault import ExtraMissing

if TYPE_CHECKING:  # each command imports what it needs: `--help` is instant
    from refundsorter.core.taxonomy import Taxonomy
    from refundsorter.edges.bundle import StoredBundle
    from refundsorter.settings import Settings
    from refundsorter.training.dataset import Sample
    from refundsorter.training.options import TrainOptions
    from refundsorter.training.progress import Report

MOST_PIXELS = 1024  # as for a model that is imported
MOST_WIDTH = 4.0  # beyond it no machine's memory holds the network
PLACES = {"--base": "WEIGHTS", "--prior": "PRIOR", "--measure-on": "PHOTOS"}  # options that may name a file
SHELF_PHOTOS = 300  # lately filed, by which ranges of numbers are found when corrections alone are taught


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(train)


def train(
    data: Annotated[
        str | None,
        typer.Argument(help="Folders of photos, one a label; a table; or kaggle:OWNER/NAME.", metavar="DATA"),
    ] = None,
    name: Annotated[
        str,
        typer.Option(help="The new bundle's name. [default: the one it goes on from, or DATA's]"),
    ] = "",
    version: Annotated[
        str, typer.Option(help="Its version, such as 1.0.0. [default: the next free one]")
    ] = "",
    corrections: Annotated[
        bool, typer.Option("--corrections", help="Teach what people corrected, alone or beside DATA.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Where bundles lie. [default: the settings']")] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="across: for photos of other shops; own: for more photos of the same source. "
            "[default: own where DATA has one source]"
        ),
    ] = "",
    base: Annotated[
        str,
        typer.Option(help="The start: imagenet (downloaded), active, NAME/VERSION, random, or a file."),
    ] = "imagenet",
    prior: Annotated[
        Path | None, typer.Option(help="ImageNet's classifier (.npz), taught along; its labels beside it.")
    ] = None,
    base_licence: Annotated[str, typer.Option(help="The licence of these weights.")] = "Apache-2.0",
    base_source: Annotated[str, typer.Option(help="Where these weights are to be had.")] = "",
    measure_on: Annotated[
        Path | None, typer.Option(help="Photos as DATA, of other shops: measured on, never trained on.")
    ] = None,
    precision: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The share of right ones that thresholds promise.")
    ] = 0.90,
    steps: Annotated[
        int | None, typer.Option(min=0, help="Steps over every layer. [default: the recipe's]")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=32, max=MOST_PIXELS, help="Side of the model's input. [default: the recipe's]"),
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(min=0.1, max=MOST_WIDTH, help="Width of MobileNetV2. [default: the recipe's]"),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Where every random number starts from.")
    ] = 1,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Photos decoded at a time. [default: one a core]")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Teach a new model, and write it as a bundle.

    The same command goes on with a run that was cut short.
    """
    from refundsorter import show_training
    from refundsorter.training.options import TrainOptions
    from refundsorter.training.recipe import RECIPES

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greeting is not for this reader
    _refuse(data, corrections=corrections, recipe=recipe)
    # Keras says on standard output what it saved where; this command's output is its own.
    with show_training.training() as report, redirect_stdout(io.StringIO()):
        settings = read_settings(config)
        go_on = _bundle(settings, base)
        if data is None and go_on is None:
            raise typer.BadParameter("corrections alone go on from a bundle: say active", param_hint="--base")
        if go_on and not (size is None and width is None):
            raise typer.BadParameter(f"size and width are those of {go_on.manifest.reference}")
        samples = _photos(settings, data, corrections=corrections, report=report)
        folder = out or settings.models
        called = name or (go_on.manifest.name if go_on else _name(str(data)))
        chosen = RECIPES[recipe or ("own" if len({sample.source for sample in samples}) == 1 else "across")]
        side = go_on.manifest.input_size if go_on else size
        options = TrainOptions(
            data=tuple(sample for sample in samples if sample.split != "check"),
            check=tuple(sample for sample in samples if sample.split == "check"),
            out=folder,
            name=called,
            version=version or _next_version(folder, called),
            base=base,
            go_on=go_on,
            category_of=_category_of(settings) if go_on else {},
            prior=prior,
            base_licence=base_licence,
            base_source=base_source,
            recipe=chosen.changed(size=side, width=width, steps=steps),
            seed=seed,
            precision=precision,
            measure_on=_read(measure_on) if measure_on else (),
            workers=workers or len(os.sched_getaffinity(0)),
            command=_command(
                data,
                {
                    "--corrections": corrections,
                    "--name": called,
                    "--version": version,
                    "--base": base,
                    "--prior": prior,
                    "--recipe": recipe,
                    "--steps": steps,
                    "--size": size,
                    "--width": width,
                    "--seed": seed,
                    "--precision": precision,
                    "--measure-on": measure_on,
                },
            ),
        )
        reference = _run(options, settings, alone=data is None, report=report)
    show_training.trained(reference, folder, *_homeless(settings, folder / reference))


def _refuse(data: str | None, *, corrections: bool, recipe: str) -> None:
    """Refuse what makes no sense, before anything is read."""
    from refundsorter.training.recipe import RECIPES

    if data is None and not corrections:
        raise typer.BadParameter("name the photos to learn from, or say --corrections", param_hint="DATA")
    if recipe and recipe not in RECIPES:
        raise typer.BadParameter(f"{recipe} is none of {', '.join(RECIPES)}", param_hint="--recipe")


def _bundle(settings: "Settings", base: str) -> "StoredBundle | None":
    """The bundle to go on from; None where BASE names weights."""
    from refundsorter.edges.bundle import BundleStore

    if base == "active":
        return BundleStore(settings.models).active()
    if base in ("imagenet", "random") or Path(base).is_file():
        return None
    if base.count("/") == 1 and not Path(base).exists() and not Path(base).suffix.startswith(".h5"):
        return BundleStore(settings.models).load(base)
    raise typer.BadParameter(f"{base} is no file and no bundle", param_hint="--base")


def _photos(
    settings: "Settings", data: str | None, *, corrections: bool, report: "Report"
) -> "tuple[Sample, ...]":
    """What there is to learn from."""
    from refundsorter.training.corrections import read_corrections
    from refundsorter.training.pull import is_reference, pull

    found: tuple[Sample, ...] = ()
    if data is not None:
        found = _read(pull(data, None, report) if is_reference(data) else Path(data), data)
    return found + (read_corrections(settings, report) if corrections else ())


def _read(data: Path, source: str = "") -> "tuple[Sample, ...]":
    from refundsorter.training import dataset

    return dataset.read(data, source)


def _category_of(settings: "Settings") -> dict[str, str]:
    from refundsorter.edges.taxonomy import read_taxonomy

    return dict(read_taxonomy(settings.taxonomy).category_of)


def _homeless(settings: "Settings", bundle: Path) -> "tuple[dict[str | None, list[str]], Taxonomy, Path]":
    """The new bundle's labels that the taxonomy does not name, by the category they were taught as."""
    from refundsorter.edges.taxonomy import read_taxonomy

    taught, here = read_taxonomy(bundle / "taxonomy.yaml"), read_taxonomy(settings.taxonomy)
    found: dict[str | None, list[str]] = {}
    for label in sorted((taught.category_of.keys() | taught.no_category) - here.named):
        found.setdefault(taught.category_of.get(label), []).append(label)
    return found, here, settings.taxonomy


def _command(data: str | None, options: "Mapping[str, object]") -> str:
    """The command that was given, with words for places on this machine."""
    words = ["refundsorter train"]
    if data is not None:
        words.append(data if data.startswith("kaggle:") else "DATA")
    for flag, value in options.items():
        if value is None or value is False or value == "":
            continue
        is_place = flag in PLACES and Path(str(value)).exists()
        shown = PLACES[flag] if is_place else shlex.quote(str(value))
        words.append(flag if value is True else f"{flag} {shown}")
    return " ".join(words)


def _name(data: str) -> str:
    """A bundle's name after where its photos come from."""
    return re.sub(r"[^a-z0-9_-]+", "-", Path(data).name.lower()).strip("-_")[:64] or "model"


def _next_version(folder: Path, name: str) -> str:
    """The version after the highest of a name's."""
    from refundsorter.edges.bundle import BundleStore

    number = re.compile(re.escape(name) + r"/(\d+)\.(\d+)\.(\d+)")
    numbered = [number.fullmatch(reference) for reference in BundleStore(folder).references()]
    highest = max(((int(v[1]), int(v[2]), int(v[3])) for v in numbered if v), default=None)
    return "1.0.0" if highest is None else f"{highest[0]}.{highest[1]}.{highest[2] + 1}"


def _run(options: "TrainOptions", settings: "Settings", *, alone: bool, report: "Report") -> str:
    """Train, or where there are corrections alone teach these."""
    from refundsorter.recent import NoPhotos, recent_photos

    try:
        with streams.hushed():
            from refundsorter.training import run, teach
    except ModuleNotFoundError as missing:
        raise ExtraMissing("training needs TensorFlow: pip install 'refundsorter[train]'") from missing
    if not alone:
        return run.train(options, report)
    shelf: tuple[Path, ...] = ()
    with suppress(NoPhotos):
        shelf = recent_photos(settings, SHELF_PHOTOS)
    return teach.teach(options, shelf, report)
