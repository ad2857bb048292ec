"""The command that teaches a model."""

import io
import os
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from refundsorter.core.fault import ExtraMissing


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(train)


def train(
    data: Annotated[
        Path, typer.Argument(help="Folders of photos, one a label; or a table in CSV.", metavar="DATA")
    ],
    name: Annotated[str, typer.Option(help="The new bundle's name.")],
    version: Annotated[str, typer.Option(help="The new bundle's version, such as 1.0.0.")],
    out: Annotated[Path, typer.Option(help="The folder of the bundles.")] = Path("models"),
    recipe: Annotated[
        str, typer.Option(help="across: for photos of other shops; own: for more photos of the same sources.")
    ] = "across",
    base: Annotated[
        str, typer.Option(help="Weights to start from: imagenet (downloaded), random, or a file.")
    ] = "imagenet",
    prior: Annotated[
        Path | None,
        typer.Option(help="ImageNet's classifier (.npz), taught along; its labels beside it."),
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
        int | None, typer.Option(min=32, help="Side of the model's input. [default: the recipe's]")
    ] = None,
    width: Annotated[
        float | None, typer.Option(min=0.1, help="Width of MobileNetV2. [default: the recipe's]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Where every random number starts from.")] = 1,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Photos decoded at a time. [default: one a core]")
    ] = None,
) -> None:
    """Teach a new model and write it as a bundle; the same command goes on with one that was cut short."""
    from refundsorter import show
    from refundsorter.training import (
        dataset,  # reads the data before the seconds that TensorFlow takes to come
    )
    from refundsorter.training.options import TrainOptions
    from refundsorter.training.recipe import RECIPES

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greeting is not for this reader
    if base not in ("imagenet", "random") and not Path(base).is_file():
        raise typer.BadParameter(f"{base} is no file", param_hint="--base")
    if recipe not in RECIPES:
        raise typer.BadParameter(f"{recipe} is none of {', '.join(RECIPES)}", param_hint="--recipe")
    options = TrainOptions(
        data=dataset.read(data),
        out=out,
        name=name,
        version=version,
        base=base,
        prior=prior,
        base_licence=base_licence,
        base_source=base_source,
        recipe=RECIPES[recipe].changed(size=size, width=width, steps=steps),
        seed=seed,
        precision=precision,
        measure_on=dataset.read(measure_on) if measure_on else (),
        workers=workers or len(os.sched_getaffinity(0)),
    )
    try:
        from refundsorter.training import run as training
    except ModuleNotFoundError as missing:
        raise ExtraMissing("training needs TensorFlow: pip install 'refundsorter[train]'") from missing
    # Keras says on standard output what it saved where; this command's output is its own.
    with show.training() as report, redirect_stdout(io.StringIO()):
        reference = training.train(options, report)
    show.trained(reference, str(out))
