"""One whole run on made data, with a tiny network: every fact below is about the bundle that it wrote."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from refundsorter.core.decision import Interpretation, Rules, Thresholds
from refundsorter.core.fault import BundleRefused
from refundsorter.core.taxonomy import Taxonomy
from refundsorter.edges.bundle import BundleStore, StoredBundle
from refundsorter.edges.taxonomy import read_taxonomy
from refundsorter.training import dataset, trial
from refundsorter.training.finishing import logits_of, quantised
from refundsorter.training.nothing import KINDS
from refundsorter.training.options import TrainOptions
from refundsorter.training.progress import Progress
from refundsorter.training.recipe import Recipe
from refundsorter.training.reopen import places, reopen
from refundsorter.training.run import train
from refundsorter.training.served import served_logits
from refundsorter.training.teach import teach
from refundsorter.training.trunk import build_trunk, seed_everything

# Keras 3 hands its variables to NumPy 2 in a way that NumPy finds old.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LABELS = ("blue bar", "blue disc", "blue whale", "red bar", "red disc")
CATEGORY_OF = {label: "TOOLS" if label.startswith("red") else "TOYS" for label in LABELS}
TAXONOMY = {"categories": {"TOOLS": {"labels": list(LABELS[3:])}, "TOYS": {"labels": list(LABELS[:3])}}}


@dataclass(frozen=True)
class Run:
    """What a run left behind."""

    models: Path
    bundle: StoredBundle
    told: list[Progress]
    options: TrainOptions


RECIPE = Recipe(size=64, alpha=0.35, head_steps=50, tune_size=32, tune_steps=2, tune_batch=8)


@pytest.fixture(scope="module")
def base(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, so that no download is needed, on which photos differ as they do on trained ones."""
    seed_everything(0)
    trunk = build_trunk("random", RECIPE)
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # the statistics become those of the next photos
    _, pixels = dataset.decode(dataset.read(folders), RECIPE.size, 2, lambda _: None)
    trunk(pixels.astype(np.float32) / np.float32(127.5) - 1, training=True)
    weights = tmp_path_factory.mktemp("base") / "base.weights.h5"
    trunk.save_weights(weights)
    return weights


@pytest.fixture(scope="module")
def run(folders: Path, others: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Train once."""
    models = tmp_path_factory.mktemp("models")
    told: list[Progress] = []
    options = TrainOptions(
        data=dataset.read(folders),
        out=models,
        name="shapes",
        version="1.0.0",
        base=str(base),
        recipe=RECIPE,
        measure_on=dataset.read(others),
        command="refundsorter train DATA --base WEIGHTS",
        notes=("All of it is drawn by a program.",),
    )
    reference = train(options, told.append)
    return Run(models=models, bundle=BundleStore(models).load(reference), told=told, options=options)


def test_the_bundle_names_its_labels_and_thresholds(run: Run) -> None:
    """Labels in output order, the rare one too, then what is no product; a threshold for each category."""
    labels = run.bundle.manifest.labels
    assert labels[: len(LABELS)] == LABELS
    assert {label.partition(":")[0] for label in labels[len(LABELS) :]} == {"no product"}
    assert set(run.bundle.manifest.thresholds) == {"TOOLS", "TOYS"}


def test_serving_gets_bytes_in_and_floats_out(run: Run) -> None:
    """The model takes uint8 photos, any number at a time, and gives float32 logits, one a label."""
    interpreter = Interpreter(model_path=str(run.bundle.weights))
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert given["dtype"] is np.uint8
    assert given["shape_signature"].tolist() == [-1, 64, 64, 3]
    assert made["dtype"] is np.float32
    interpreter.resize_tensor_input(given["index"], (5, 64, 64, 3))
    interpreter.allocate_tensors()
    interpreter.invoke()
    assert interpreter.get_tensor(made["index"]).shape == (5, len(run.bundle.manifest.labels))


def test_serving_says_of_one_photo_what_it_says_of_it_among_others(run: Run, folders: Path) -> None:
    """Photos asked about together do not change each other's logits."""
    _, pixels = dataset.decode(dataset.read(folders)[:6], 64, 2, lambda _: None)
    together = served_logits(run.bundle.weights, len(run.bundle.manifest.labels), pixels)
    alone = served_logits(run.bundle.weights, len(run.bundle.manifest.labels), pixels[3:4])
    assert np.allclose(together[3:4], alone, atol=1e-5)


def test_every_stage_tells_its_end(run: Run) -> None:
    """Each stage reports until done equals total, and the unreadable photo is named."""
    last = {progress.stage: progress for progress in run.told}
    assert {"decode", "features", "head", "tune", "export", "measure"} <= set(last)
    assert all(progress.done == progress.total for progress in last.values())
    assert any("broken.jpg" in progress.note for progress in run.told)


def test_the_card_tells_figures_sources_and_recipe(run: Run) -> None:
    """The card holds what was measured with its counts, the data with its licence, and the recipe."""
    card = (run.bundle.weights.parent / "MODEL_CARD.md").read_text()
    photos = sum(source.photos for source in run.bundle.manifest.data)
    assert run.bundle.manifest.sha256 in card
    assert f"{photos} photos, held-out ones included" in card
    assert "tune_rate: 2e-05" in card
    assert "drawn by a program" in card
    assert run.options.command in card
    assert str(run.models) not in card


def test_the_evaluation_gives_what_the_card_says(run: Run, others: Path) -> None:
    """Measuring the bundle that was written gives the card's own lines, and its pictures lie beside it."""
    taxonomy = Taxonomy.from_mapping(TAXONOMY, where="a test")
    rules = Rules(
        model="shapes/1.0.0",
        taxonomy=taxonomy.digest,
        interpretation=Interpretation.of(
            labels=run.bundle.manifest.labels,
            temperature=run.bundle.manifest.temperature,
            taxonomy=taxonomy,
            top_k=1,
        ),
        thresholds=Thresholds(taxonomy={}, bundle=run.bundle.manifest.thresholds, default=1.0),
        shelve_duplicates=False,
    )
    found = trial.evaluate(
        run.bundle,
        rules,
        dataset.read(others),
        categories=taxonomy.categories,
        precision=0.9,
        workers=2,
        on_progress=lambda _done, _found: None,
    )
    card = (run.bundle.weights.parent / "MODEL_CARD.md").read_text()
    assert "\n".join(found.measure.lines()) in card
    pictures = {path.name for path in run.bundle.weights.parent.glob("*.svg")}
    assert pictures == set(re.findall(r"\(([^)]+\.svg)\)", card))
    assert run.bundle.manifest.metrics["inference_ms"] > 0


def test_an_existing_version_is_refused_before_training(run: Run) -> None:
    """A second run for the same version ends at once: no hours are spent on what cannot be written."""
    told: list[Progress] = []
    with pytest.raises(BundleRefused, match="exists already"):
        train(run.options, told.append)
    assert told == []


def test_a_bundle_is_reopened_as_it_is_served(run: Run, folders: Path) -> None:
    """Trunk and head read back from the int8 file make a file that says of photos what that one says."""
    manifest = run.bundle.manifest
    trunk, head = reopen(run.bundle, places(manifest.labels, CATEGORY_OF, ("TOOLS", "TOYS")))
    _, pixels = dataset.decode(dataset.read(folders), manifest.input_size, 2, lambda _: None)
    served = served_logits(run.bundle.weights, len(manifest.labels), pixels)
    again = logits_of(quantised(trunk, head, pixels, lambda _: None), head, pixels)
    assert head.labels == manifest.labels
    assert np.corrcoef(served.ravel(), again.ravel())[0, 1] > 0.97


def test_corrections_alone_make_the_next_bundle(run: Run, folders: Path) -> None:
    """Photos of a new category taught to the bundle: its labels and the new one, a threshold, a taxonomy."""
    told: list[Progress] = []
    photos = tuple(
        replace(sample, label="green disc", category="GARDEN", source="corrections")
        for sample in dataset.read(folders)
        if sample.label == "blue disc"
    )
    reference = teach(
        replace(run.options, data=photos, go_on=run.bundle, category_of=CATEGORY_OF, version="1.0.1"),
        [sample.path for sample in dataset.read(folders)],
        told.append,
    )
    taught = BundleStore(run.models).load(reference).manifest
    before = run.bundle.manifest
    ours = len(LABELS) + len(KINDS)
    assert taught.labels[:ours] == before.labels
    fresh = taught.labels[ours:]
    assert {label.partition(" (")[0] for label in fresh} == {"green disc"}
    assert {name: taught.thresholds[name] for name in before.thresholds} == before.thresholds
    assert set(taught.thresholds) == {"GARDEN", *before.thresholds}
    assert taught.metrics["corrections_photos"] == len(photos) == 20
    taxonomy = read_taxonomy(run.models / reference / "taxonomy.yaml")
    assert taxonomy.category_of == {**CATEGORY_OF, **dict.fromkeys(fresh, "GARDEN")}
    assert taxonomy.misfits(taught.labels) == []


def test_nothing_corrected_is_nothing_to_teach(run: Run) -> None:
    """Without a correction no bundle is made, and the message says why."""
    options = replace(run.options, data=(), go_on=run.bundle, category_of=CATEGORY_OF, version="1.0.2")
    with pytest.raises(dataset.DatasetRefused, match="nobody has corrected"):
        teach(options, (), lambda _: None)


def test_a_category_that_is_only_measured_on_is_refused_before_training(run: Run, folders: Path) -> None:
    """It is told when the photos are read: nothing is spent on what cannot be measured."""
    told: list[Progress] = []
    strange = tuple(replace(sample, category="GARDEN") for sample in run.options.measure_on)
    options = replace(run.options, data=dataset.read(folders), measure_on=strange, version="1.0.3")
    with pytest.raises(dataset.DatasetRefused, match="GARDEN: measured on, but not trained on"):
        train(options, told.append)
    assert {progress.stage for progress in told} == {"decode"}
