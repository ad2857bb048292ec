"""A file to begin a training with gives numbers only: no code in it is run."""

import pickle
from pathlib import Path

import keras
import pytest

from refundsorter.training import trunk as trunks
from refundsorter.training.recipe import Recipe

RECIPE = Recipe(size=48, alpha=0.35, tune_size=32)


class Touch:
    """What a pickle runs when it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        """Touch the file."""
        return (Path.touch, (self._path,))


@pytest.mark.filterwarnings("ignore")  # Keras thinks little of its older format
@pytest.mark.parametrize("form", ["keras", "h5"])
def test_a_layer_with_code_runs_nothing(tmp_path: Path, form: str) -> None:
    """A model whose Lambda layer touches a file when it is called: it is refused, and no file is there."""
    ran = tmp_path / "ran"

    def hostile(values: object) -> object:
        Path(ran).touch()
        return values

    given = keras.Input((48, 48, 3))
    file = tmp_path / f"base.{form}"
    keras.Model(given, keras.layers.Lambda(hostile)(given)).save(file)
    assert ran.exists(), "the layer is harmless, and the test says nothing"
    ran.unlink()
    with pytest.raises(trunks.BaseRefused, match=r"base\."):
        trunks.build_trunk(str(file), RECIPE)
    assert not ran.exists()


@pytest.mark.parametrize("name", ["base.keras", "base.h5", "base.weights.h5", "base.pkl", "base.npy"])
def test_a_pickle_is_not_loaded(tmp_path: Path, name: str) -> None:
    """Whatever it is called, a pickle is refused and runs nothing."""
    ran = tmp_path / "ran"
    content = pickle.dumps(Touch(ran))
    pickle.loads(content)
    assert ran.exists(), "the pickle is harmless, and the test says nothing"
    ran.unlink()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(trunks.BaseRefused, match=r"base\."):
        trunks.build_trunk(str(tmp_path / name), RECIPE)
    assert not ran.exists()
