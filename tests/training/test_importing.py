"""Models trained elsewhere: a small one that Keras 2 saved, and small ones that Keras 3 saves here."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from refundsorter.core.decision import softmax
from refundsorter.core.fault import BundleRefused
from refundsorter.edges.bundle import BundleStore
from refundsorter.training.importing import ImportOptions, import_model
from refundsorter.training.preprocessing import KINDS, held_by, prepare
from refundsorter.training.progress import Progress
from refundsorter.training.refused import ImportRefused
from refundsorter.training.served import served_logits

# Keras 3 hands its variables to NumPy 2 in a way that NumPy finds old.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

DATA = Path(__file__).parents[1] / "data"
LABELS = {"anorak": 0, "bucket": 1, "candle": 2, "dinghy": 3, "easel": 4}


def ignore(_: Progress) -> None:
    """Take no notice of progress."""


@pytest.fixture
def options(tmp_path: Path) -> ImportOptions:
    """The model that Keras 2 saved, its labels, and its pictures as sample photos."""
    (tmp_path / "class_indices.json").write_text(json.dumps(LABELS))
    (tmp_path / "samples").mkdir()
    for number, picture in enumerate(np.load(DATA / "keras2.npz")["pictures"]):
        Image.fromarray(picture).save(tmp_path / "samples" / f"{number:02}.png")
    return ImportOptions(
        file=DATA / "keras2.h5",
        labels=tmp_path / "class_indices.json",
        out=tmp_path / "models",
        name="theirs",
        version="1.0.0",
        samples=tmp_path / "samples",
    )


def classifier(*front: Any, end: str | None = "softmax", size: int | None = 32) -> keras.Model:
    """A small network with seeded weights, whose answers differ from picture to picture."""
    keras.utils.set_random_seed(5)
    layers = [
        keras.layers.Conv2D(6, 3, strides=2, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(5, activation=end, kernel_initializer="random_normal"),
    ]
    return keras.Sequential([keras.Input((size, size, 3)), *front, *layers])


def served(options: ImportOptions, pictures: Any) -> Any:
    """What the bundle's weights say of pictures, as probabilities."""
    bundle = BundleStore(options.out).load(f"{options.name}/{options.version}")
    return softmax(served_logits(bundle.weights, len(bundle.manifest.labels), pictures))


def test_a_model_of_keras_2_says_the_same_as_in_keras_2(options: ImportOptions) -> None:
    """The probabilities that Keras 2 gave are served, with its labels in order; nothing is made active."""
    imported = import_model(options, ignore)
    made = np.load(DATA / "keras2.npz")
    assert np.abs(served(options, made["pictures"]) - made["probabilities"]).max() < 1e-4
    assert (imported.agreement.same.hits, imported.photos) == (50, 50)
    assert imported.labels == tuple(LABELS)
    assert not (options.out / "active.yaml").exists()


def test_scaling_that_the_network_holds_is_found(options: ImportOptions) -> None:
    """Keras 2 kept x / 127.5 - 1 as operations of the graph: found, and not done twice."""
    imported = import_model(options, ignore)
    assert (imported.preprocessing, imported.found) == ("0..255", True)


def test_the_bundle_says_what_is_known_and_what_is_not(options: ImportOptions) -> None:
    """Manifest and card name file, source and licence, and that nobody has measured it."""
    import_model(replace(options, licence="MIT", source="a colleague"), ignore)
    bundle = BundleStore(options.out).load("theirs/1.0.0")
    card = (bundle.weights.parent / "MODEL_CARD.md").read_text()
    assert bundle.manifest.base_weights.licence == "MIT"
    assert bundle.manifest.metrics["import_same_first_label"] == 1.0
    assert "Source: a colleague. Licence: MIT." in card
    assert "original's first label on 50" in card
    assert "it was not calibrated" in card


def test_quantised_it_tells_what_is_lost(options: ImportOptions) -> None:
    """In int8 it is smaller in its weights and nearly the same; how nearly is told, and not refused."""
    imported = import_model(replace(options, quantise=True), ignore)
    assert imported.quantised
    assert imported.agreement.same.value > 0.8
    assert 0 < imported.agreement.max_difference < 0.5


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_scaling_that_was_told_is_put_into_the_model(options: ImportOptions, kind: str, suffix: str) -> None:
    """Bytes in give what Keras 3 gives for pixels that were scaled by hand."""
    model, made = classifier(), np.load(DATA / "keras2.npz")["pictures"]
    file = options.labels.with_name(f"model{suffix}")
    model.save(file)
    import_model(replace(options, file=file, preprocessing=kind), ignore)
    expected = np.asarray(model(prepare(made.astype(np.float32), kind)))
    assert np.abs(served(options, made) - expected).max() < 1e-4


def test_scaling_that_is_not_known_is_asked_for(options: ImportOptions) -> None:
    """It names every choice, and shows what each would answer; nothing is written."""
    file = options.labels.with_name("model.h5")
    classifier().save(file)
    with pytest.raises(ImportRefused, match="does not say how pixels are scaled") as refused:
        import_model(replace(options, file=file), ignore)
    said = str(refused.value)
    assert all(f"--preprocessing={kind}" in said for kind in KINDS)
    assert "00.png" in said
    assert any(label in said for label in LABELS)
    assert not options.out.exists()


@pytest.mark.parametrize(
    ("front", "kind"),
    [
        ([keras.layers.Rescaling(1 / 255)], "0..255"),
        ([keras.layers.Rescaling(1 / 127.5, offset=-1)], "0..255"),
        ([keras.layers.Rescaling(1, offset=-120.0)], "0..255"),
        ([keras.layers.RandomFlip(), keras.layers.Rescaling(2.0, offset=-1)], "0..1"),
        ([keras.layers.Normalization(mean=[120.0] * 3, variance=[3500.0] * 3)], "0..255"),
        ([keras.layers.Rescaling(1.0)], None),
        ([], None),
    ],
)
def test_held_scaling(front: list[Any], kind: str | None) -> None:
    """What the first layers do to a byte tells what the network expects, or does not."""
    assert held_by(classifier(*front)) == kind


def test_without_photos_it_is_checked_on_made_pictures(options: ImportOptions) -> None:
    """The account says that no photo was compared."""
    imported = import_model(replace(options, samples=None), ignore)
    assert imported.photos == 0
    assert imported.agreement.is_exact


def test_a_network_of_any_size_needs_to_be_told_one(options: ImportOptions) -> None:
    """Without --size it is refused; with it the bundle has that size."""
    file = options.labels.with_name("model.keras")
    classifier(keras.layers.Rescaling(1 / 255), size=None).save(file)
    with pytest.raises(ImportRefused, match="--size 224"):
        import_model(replace(options, file=file), ignore)
    assert import_model(replace(options, file=file, size=48), ignore).input_size == 48


def test_logits_are_taken_as_they_are(options: ImportOptions) -> None:
    """A network without a softmax at its end is served with the softmax of its answers."""
    file, model = (
        options.labels.with_name("model.keras"),
        classifier(keras.layers.Rescaling(1 / 255), end=None),
    )
    model.save(file)
    import_model(replace(options, file=file), ignore)
    made = np.load(DATA / "keras2.npz")["pictures"]
    assert np.abs(served(options, made) - softmax(np.asarray(model(made.astype(np.float32))))).max() < 1e-4


def two_inputs() -> keras.Model:
    """A network that wants two photos."""
    photos = [keras.Input((32, 32, 3)), keras.Input((32, 32, 3))]
    return keras.Model(photos, keras.layers.Dense(5)(keras.layers.Flatten()(keras.layers.Add()(photos))))


def grey() -> keras.Model:
    """A network that wants one colour."""
    photo = keras.Input((32, 32, 1))
    return keras.Model(photo, keras.layers.Dense(5)(keras.layers.Flatten()(photo)))


def wide() -> keras.Model:
    """A network that wants a wide photo."""
    photo = keras.Input((32, 64, 3))
    return keras.Model(photo, keras.layers.Dense(5)(keras.layers.Flatten()(photo)))


def untrained() -> keras.Model:
    """A network whose weights are no numbers."""
    model = classifier(keras.layers.Rescaling(1 / 255))
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    return model


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (two_inputs, "expected one square RGB photo"),
        (grey, "expected one square RGB photo"),
        (wide, "its input is 32x64; only squares are served"),
        (lambda: classifier(end="sigmoid"), "its last layer ends in sigmoid"),
        (lambda: classifier(size=16), "from 32 to 1024 are served"),
        (untrained, "what is no number"),
    ],
)
def test_what_cannot_be_served_is_refused(
    options: ImportOptions, make: Callable[[], keras.Model], said: str
) -> None:
    """Shapes and ends that do not fit are named with the file; nothing is written."""
    file = options.labels.with_name("model.keras")
    make().save(file)
    with pytest.raises(ImportRefused, match=said) as refused:
        import_model(replace(options, file=file), ignore)
    assert str(file) in str(refused.value)
    assert not options.out.exists()


def test_labels_of_another_number_are_refused(options: ImportOptions) -> None:
    """The message names both files and both numbers."""
    options.labels.write_text('["a", "b"]')
    with pytest.raises(ImportRefused, match=r"class_indices\.json: names 2 labels, but .*keras2\.h5 gives 5"):
        import_model(options, ignore)


def test_an_existing_version_is_refused_first(options: ImportOptions) -> None:
    """Before the file is looked at."""
    import_model(options, ignore)
    with pytest.raises(BundleRefused, match="exists already"):
        import_model(replace(options, file=Path("nowhere.h5")), ignore)


def test_too_few_photos_to_quantise_are_refused(options: ImportOptions) -> None:
    """Quantisation is fitted to photos: without them, or with few, it is not done."""
    with pytest.raises(ImportRefused, match="needs --samples: at least 20"):
        import_model(replace(options, quantise=True, samples=None), ignore)
    assert options.samples is not None
    for photo in sorted(options.samples.iterdir())[10:]:
        photo.write_bytes(b"no photo")
    with pytest.raises(ImportRefused, match="10 readable photos"):
        import_model(replace(options, quantise=True), ignore)


def test_samples_pass_through_the_decoder_that_serves(options: ImportOptions) -> None:
    """A photo larger than the input is scaled as the daemon scales it, and unreadable ones are told."""
    assert options.samples is not None
    Image.effect_mandelbrot((300, 200), (-2, -1, 1, 1), 50).convert("RGB").save(options.samples / "x.jpg")
    (options.samples / "y.jpg").write_bytes(b"no photo")
    told: list[Progress] = []
    assert import_model(options, told.append).photos == 51
    assert any("y.jpg: left out" in one.note for one in told)
