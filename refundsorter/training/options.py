"""What one training run is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from refundsorter.edges.bundle import StoredBundle
from refundsorter.training.dataset import Sample
from refundsorter.training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """What to train on, with what, and where to."""

    data: tuple[Sample, ...]  # the photos, as `dataset.read` gives them
    out: Path  # the models' folder, in which NAME/VERSION is made
    name: str  # the bundle's name
    version: str  # the bundle's version
    base: str = "imagenet"  # or "random", or a weights file
    go_on: StoredBundle | None = None  # a bundle to go on from, in place of `base` and `prior`
    category_of: Mapping[str, str] = field(default_factory=dict)  # of the labels of `go_on`
    prior: Path | None = None  # ImageNet's own classifier, as `prior.read_prior` takes it
    base_licence: str = "Apache-2.0"  # of a weights file; of Keras' own weights as it stands here
    base_source: str = ""  # where a weights file is to be had, for the manifest; its name when empty
    recipe: Recipe = field(default_factory=Recipe)  # every figure that changes the result
    seed: int = 1  # of draws and augmentation
    precision: float = 0.90  # the promise that thresholds keep on photos of sources not seen
    check: tuple[Sample, ...] = ()  # photos that the data set itself keeps for measuring
    measure_on: tuple[Sample, ...] = ()  # photos of other sources: never trained on
    notes: tuple[str, ...] = ()  # what is known to be weak about the data, sentences for the card
    workers: int = 2  # photos decoded at a time
    command: str = ""  # how it was asked for, for the card; places of files as words
