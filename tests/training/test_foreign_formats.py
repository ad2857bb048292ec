"""SavedModels, of which only arithmetic is taken, and finished .tflite files, which fit or do not."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import LABELS, TINY

from refundsorter.core.decision import softmax
from refundsorter.edges.bundle import BundleStore
from refundsorter.training.importing import ImportOptions, import_model
from refundsorter.training.progress import Progress
from refundsorter.training.refused import ImportRefused
from refundsorter.training.served import served_logits

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tensorflow"),
]

PICTURES = np.random.default_rng(4).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)


def ignore(_: Progress) -> None:
    """Take no notice of progress."""


@pytest.fixture
def options(tmp_path: Path) -> ImportOptions:
    """What is imported stands under `model`; it has five labels."""
    (tmp_path / "labels.json").write_text(json.dumps(LABELS))
    return ImportOptions(
        file=tmp_path / "model",
        labels=tmp_path / "labels.json",
        out=tmp_path / "models",
        name="theirs",
        version="1.0.0",
    )


def served(options: ImportOptions) -> Any:
    """What the bundle's weights say of the pictures."""
    bundle = BundleStore(options.out).load("theirs/1.0.0")
    return softmax(served_logits(bundle.weights, 5, PICTURES))


def network(end: str | None = "softmax") -> keras.Model:
    """A small network with batch normalisation."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    body = [layers.Conv2D(6, 3, strides=2), layers.BatchNormalization(), layers.ReLU()]
    head = [layers.GlobalAveragePooling2D(), layers.Dense(5, activation=end, kernel_initializer="normal")]
    return keras.Sequential([keras.Input((32, 32, 3)), *body, *head])


@pytest.mark.parametrize("end", ["softmax", None])
def test_a_saved_model_says_the_same(options: ImportOptions, end: str | None) -> None:
    """What Keras exports gives its probabilities, whether it ends in a softmax or before it."""
    model = network(end)
    model.export(options.file, verbose=False)
    import_model(replace(options, preprocessing="-1..1"), ignore)
    said = np.asarray(model(PICTURES.astype(np.float32) / 127.5 - 1))
    assert np.abs(served(options) - (said if end else softmax(said))).max() < 1e-4


class Program(tf.Module):  # type: ignore[misc]
    """A model that writes a file when it is asked."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = str(path)

    @tf.function(input_signature=[tf.TensorSpec([None, 32, 32, 3], tf.float32)])  # type: ignore[untyped-decorator]
    def __call__(self, photos: Any) -> Any:
        """Write, and answer."""
        tf.io.write_file(self._path, "was run")
        return tf.reduce_mean(photos, axis=[1, 2])


def test_a_saved_model_that_does_more_than_compute_is_not_run(options: ImportOptions, tmp_path: Path) -> None:
    """An operation that writes a file is named, and the file is not written."""
    program = Program(tmp_path / "ran")
    tf.saved_model.save(program, str(options.file), signatures=program.__call__)
    options.labels.write_text('["a", "b", "c"]')
    with pytest.raises(ImportRefused, match=r"the operation 'WriteFile'.*it is not run"):
        import_model(replace(options, preprocessing="0..1"), ignore)
    assert not (tmp_path / "ran").exists()


def cut(file: Path) -> None:
    """Cut a file in half."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: cut(folder / "saved_model.pb"), "saved_model.pb is damaged|no signature|is missing"),
        (lambda folder: (folder / "saved_model.pb").unlink(), "no SavedModel: it has no saved_model.pb"),
        (lambda folder: shutil.rmtree(folder / "variables"), "its folder `variables` is missing"),
        (
            lambda folder: cut(next(folder.glob("variables/*.data*"))),
            "its folder `variables` is missing, dam",
        ),
        (lambda folder: (folder / "saved_model.pb").write_bytes(b"no graph"), "damaged or cut short"),
        (lambda folder: (folder / "saved_model.pb").write_bytes(b""), "tagged `serve`"),
    ],
)
def test_a_saved_model_that_is_none_is_refused(
    options: ImportOptions, damage: Callable[[Path], object], said: str
) -> None:
    """Files that are missing, cut short or something else are named; nothing is written."""
    network().export(options.file, verbose=False)
    damage(options.file)
    with pytest.raises(ImportRefused, match=said) as refused:
        import_model(replace(options, preprocessing="0..1"), ignore)
    assert str(options.file) in str(refused.value)
    assert not options.out.exists()


def test_scaling_and_softmax_of_a_saved_model_are_asked_for(options: ImportOptions, tmp_path: Path) -> None:
    """Its graph does not tell what stands before it, and it cannot be quantised."""
    network().export(options.file, verbose=False)
    with pytest.raises(ImportRefused, match="does not say how pixels are scaled"):
        import_model(options, ignore)
    (tmp_path / "samples").mkdir()
    for number, picture in enumerate(PICTURES):
        keras.utils.save_img(tmp_path / "samples" / f"{number}.png", picture, scale=False)
    with pytest.raises(ImportRefused, match="for --quantise import the"):
        import_model(
            replace(options, preprocessing="0..1", quantise=True, samples=tmp_path / "samples"), ignore
        )


def test_a_tflite_file_that_fits_is_taken_as_it_is(options: ImportOptions) -> None:
    """Byte for byte."""
    shutil.copy(TINY, options.file)
    imported = import_model(options, ignore)
    assert (options.out / "theirs" / "1.0.0" / "model.tflite").read_bytes() == TINY.read_bytes()
    assert (imported.preprocessing, imported.agreement.max_difference) == ("0..255", 0)


def converted(model: keras.Model, taken: str = "uint8") -> bytes:
    """A network as somebody would convert it."""
    photo = keras.Input((32, 32, 3), batch_size=1, dtype=taken)
    wrapped = keras.Model(photo, model(keras.ops.cast(photo, "float32")))
    weights: bytes = tf.lite.TFLiteConverter.from_keras_model(wrapped).convert()
    return weights


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: converted(network(None), "float32"),
            r"it takes float32 \[1, 32, 32, 3\].*serving asks for uint8",
        ),
        (lambda: converted(network("softmax")), "its answers are probabilities"),
        (lambda: TINY.read_bytes()[:1500], "damaged or cut short"),
        (lambda: b"\x1c\0\0\0TFL3" + bytes(100), "damaged or cut short"),
    ],
)
def test_a_tflite_file_that_does_not_fit_is_refused(
    options: ImportOptions, make: Callable[[], bytes], said: str
) -> None:
    """It says what the file takes and gives, and to import what it was made from."""
    options.file.write_bytes(make())
    with pytest.raises(ImportRefused, match=said):
        import_model(options, ignore)
    assert not options.out.exists()


def test_a_tflite_file_is_not_scaled_for(options: ImportOptions) -> None:
    """Nothing can be put before its graph."""
    shutil.copy(TINY, options.file)
    with pytest.raises(ImportRefused, match="nothing can be put before"):
        import_model(replace(options, preprocessing="0..1"), ignore)
