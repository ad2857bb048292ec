"""The command that takes over a model trained elsewhere."""

import io
import os
from contextlib import redirect_stdout
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from refundsorter.cli_options import AsJson, ConfigFile, answer, read_settings
from refundsorter.core.fault import ExtraMissing


class Preprocessing(StrEnum):
    """How pixels are scaled before the network."""

    AUTO = "auto"
    UNIT = "0..1"
    CENTRED = "-1..1"
    CAFFE = "caffe"
    BYTES = "0..255"


def import_model(
    file: Annotated[
        Path, typer.Argument(help="A .h5, .keras or .tflite file, or a SavedModel's folder.", metavar="FILE")
    ],
    labels: Annotated[Path, typer.Option(help="class_indices.json, a JSON list, or a text file of labels.")],
    name: Annotated[str, typer.Option(help="The new bundle's name.")],
    version: Annotated[str, typer.Option(help="The new bundle's version, such as 1.0.0.")],
    preprocessing: Annotated[
        Preprocessing, typer.Option(help="How pixels are scaled before the network.")
    ] = Preprocessing.AUTO,
    samples: Annotated[
        Path | None, typer.Option(help="A folder of photos, on which the import is checked.")
    ] = None,
    quantise: Annotated[
        bool, typer.Option("--quantise/--float", help="To int8, fitted to --samples; or leave the weights.")
    ] = False,
    size: Annotated[
        int | None, typer.Option(min=32, max=1024, help="Side of the input, where the model takes any.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(min=1e-3, max=1e3, help="What the model's logits are divided by.")
    ] = 1.0,
    licence: Annotated[str, typer.Option(help="The licence of the model.")] = "not stated",
    source: Annotated[str, typer.Option(help="Where the model is from.")] = "not stated",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take over a model trained elsewhere, and check that it says the same."""
    from refundsorter import show_import, show_training, streams
    from refundsorter.edges.taxonomy import read_taxonomy

    settings = read_settings(config)
    taxonomy = read_taxonomy(settings.taxonomy)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greeting is not for this reader
    try:
        with streams.hushed():
            from refundsorter.training import importing
    except ModuleNotFoundError as missing:
        raise ExtraMissing("importing needs TensorFlow: pip install 'refundsorter[train]'") from missing
    options = importing.ImportOptions(
        file=file,
        labels=labels,
        out=settings.models,
        name=name,
        version=version,
        preprocessing=preprocessing,
        samples=samples,
        quantise=quantise,
        size=size,
        temperature=temperature,
        licence=licence,
        source=source,
        workers=len(os.sched_getaffinity(0)),
    )
    # The converter says on standard output what it does; this command's output is its own.
    with show_training.training() as report, redirect_stdout(io.StringIO()):
        imported = importing.import_model(options, report)
    homeless = [label for label in imported.labels if label not in taxonomy.category_of]
    answer(
        {**asdict(imported), "without_category": homeless},
        as_json,
        lambda: show_import.imported(imported, settings.models, homeless, taxonomy, settings.taxonomy),
    )
