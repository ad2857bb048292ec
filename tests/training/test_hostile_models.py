"""Files of models that are damaged, bombs, or programs: each is refused with its name, and nothing is run."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from refundsorter.training import keras_file
from refundsorter.training.keras_config import clean
from refundsorter.training.refused import ImportRefused

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

DATA = Path(__file__).parents[1] / "data"


@keras.saving.register_keras_serializable("theirs")
class Doubled(keras.layers.Layer):  # type: ignore[misc]
    """A layer of somebody's own."""

    def call(self, values: Any) -> Any:
        """Double."""
        return values * 2


@keras.saving.register_keras_serializable("theirs")  # type: ignore[untyped-decorator]
def bent(values: Any) -> Any:
    """An activation of somebody's own."""
    return keras.ops.sin(values)


def model(*middle: Any) -> keras.Model:
    """A small network with something in it."""
    ends = [keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((32, 32, 3)), *middle, *ends])


@pytest.fixture(params=[".h5", ".keras"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a model is saved, in both of Keras' formats."""
    return tmp_path / f"model{request.param}"


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (lambda: keras.layers.Lambda(lambda values: values / 255), "a Lambda layer: code in the file"),
        (Doubled, "custom object or a layer that is not known here"),
        (lambda: keras.layers.Conv2D(2, 3, activation=bent), "has the activation .*a custom object"),
    ],
)
def test_code_in_a_file_is_refused(file: Path, layer: Callable[[], Any], said: str) -> None:
    """Lambda layers, custom layers and custom activations are named, with what to do."""
    model(layer()).save(file)
    with pytest.raises(ImportRefused, match=said):
        keras_file.load(file)


def rewritten(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Save a small network and change its description."""
    model(keras.layers.Conv2D(2, 3, name="eye")).save(file)
    if file.suffix == ".h5":
        with h5py.File(file, "r+") as opened:
            config = json.loads(opened.attrs["model_config"])
            change(config)
            opened.attrs["model_config"] = json.dumps(config)
        return
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def eye(config: dict[str, Any]) -> dict[str, Any]:
    """The convolution's entry."""
    found: dict[str, Any] = next(
        layer for layer in config["config"]["layers"] if layer["class_name"] == "Conv2D"
    )
    return found


CALL = {"class_name": "function", "module": "os", "config": "system", "registered_name": None}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: eye(c).update(class_name="Popen", module="subprocess"), "of the class 'Popen'"),
        (lambda c: eye(c).update(registered_name="theirs>Conv2D"), "registered as 'theirs>Conv2D'"),
        (lambda c: eye(c)["config"].update(activation=CALL), "has the activation"),
        (lambda c: eye(c)["config"].update(strides=CALL), "asks for 'function', which is never made"),
        (lambda c: eye(c)["config"].update(filters=10**9), "filters = 1000000000; at most 65536"),
        (lambda c: eye(c).pop("config"), "damaged: KeyError"),
        (lambda c: eye(c)["config"].update(kernel_size="wide"), "Keras cannot rebuild it"),
        (lambda c: c.update(class_name="Theirs"), "expected a Functional or Sequential model"),
    ],
)
def test_a_description_that_asks_for_more_is_refused(
    file: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    """Whatever a description names beside Keras' picture layers is told, not made."""
    rewritten(file, change)
    with pytest.raises(ImportRefused, match=said):
        keras_file.load(file)


def test_what_only_training_needs_is_left_out() -> None:
    """Initialisers, regularisers and constraints, which name classes too, are never asked for."""
    call = {"class_name": "Popen", "module": "subprocess", "config": {"args": ["true"]}}
    config = {"name": "d", "units": 3, "kernel_initializer": call, "bias_regularizer": call}
    layers = [{"class_name": "Dense", "config": config}]
    text = json.dumps(
        {"class_name": "Sequential", "config": {"name": "s", "layers": layers}, "compile_config": call}
    )
    assert "Popen" not in json.dumps(clean(text))


def test_a_truncated_file_is_refused(file: Path) -> None:
    """Cut at any of ten places, it is told and not half-loaded."""
    model().save(file)
    content = file.read_bytes()
    for tenth in range(10):
        file.write_bytes(content[: len(content) * tenth // 10])
        with pytest.raises(ImportRefused):
            keras_file.load(file)


def test_weights_alone_are_refused(tmp_path: Path) -> None:
    """A file of weights does not say what network they are of; the message says how to save one."""
    model().save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ImportRefused, match="holds no whole model"):
        keras_file.load(tmp_path / "model.weights.h5")


def test_an_array_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    """Compressed zeros of many gigabytes are counted, not read."""
    file = tmp_path / "model.h5"
    model().save(file)
    with h5py.File(file, "r+") as opened:
        opened["model_weights"].create_dataset(
            "bomb", shape=(1 << 34,), dtype="f4", chunks=(1 << 20,), compression="gzip"
        )
    with pytest.raises(ImportRefused, match="unpacks to more than 1024 MiB"):
        keras_file.load(file)


@pytest.mark.parametrize("kind", ["soft", "external link", "external data"])
def test_what_points_outside_of_the_file_is_not_followed(tmp_path: Path, kind: str) -> None:
    """Links and arrays in other files are refused by their names."""
    file, secret = tmp_path / "model.h5", tmp_path / "secret"
    secret.write_bytes(bytes(64))
    model().save(file)
    with h5py.File(file, "r+") as opened:
        weights = opened["model_weights"]
        if kind == "soft":
            weights["link"] = h5py.SoftLink("/model_weights/nowhere")
        elif kind == "external link":
            weights["link"] = h5py.ExternalLink(str(secret), "/")
        else:
            weights.create_dataset("data", (16,), "f4", external=[(str(secret), 0, 64)])
    with pytest.raises(ImportRefused, match=r"not followed|not opened"):
        keras_file.load(file)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    """A .keras file whose description is a zip bomb is told by its size, before it is unpacked."""
    file = tmp_path / "model.keras"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (1 << 25))
        archive.writestr("model.weights.h5", b"")
    assert file.stat().st_size < 1 << 17
    with pytest.raises(ImportRefused, match="unpacks to more than"):
        keras_file.load(file)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89HDF\r\n\x1a\n", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty file, a picture, and the beginnings of both formats."""
    (tmp_path / "model.h5").write_bytes(content)
    with pytest.raises(ImportRefused):
        keras_file.load(tmp_path / "model.h5")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    """A description and arrays that do not belong together are not loaded."""
    file = tmp_path / "model.keras"
    model(keras.layers.Conv2D(2, 3)).save(file)
    weights = io.BytesIO()
    with h5py.File(weights, "w") as opened:
        opened["layers/dense/vars/0"] = np.zeros(3)
    with zipfile.ZipFile(file) as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", weights.getvalue())
    with pytest.raises(ImportRefused, match="Keras cannot rebuild it"):
        keras_file.load(file)


def test_a_network_in_a_network_twice_is_rebuilt(tmp_path: Path) -> None:
    """Keras 3's own files are left as they are: shared networks, several inputs to a layer."""
    photo = keras.Input((32, 32, 3))
    shared = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(2, 3)])
    joined = keras.layers.Concatenate()([shared(photo), shared(photo), shared(photo)])
    saved = keras.Model(photo, keras.layers.Dense(3)(keras.layers.Flatten()(joined)))
    pixels = np.ones((1, 32, 32, 3), np.float32)
    for name in ("model.h5", "model.keras"):
        saved.save(tmp_path / name)
        assert np.allclose(keras_file.load(tmp_path / name)(pixels), saved(pixels))
