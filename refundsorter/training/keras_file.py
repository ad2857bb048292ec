"""Files that Keras has saved, `.h5` and `.keras`: looked through, cleaned, and only then loaded.

What Keras loads is a copy that is made here, of a description that was checked and of arrays of numbers that
were counted: the stranger's own file is never given to it. A file that unpacks to more than the bound, points
outside of itself or is cut short is refused before anything is built.
"""

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from refundsorter.training.keras_config import MAX_CONFIG_BYTES, clean
from refundsorter.training.refused import ImportRefused

MAX_BYTES = 1 << 30  # of a file, and of all its arrays once unpacked: MobileNetV2 has 14 MB, VGG19 550
MAX_OBJECTS = 100_000  # groups and arrays in a file
DESCRIPTION, NOTES, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

# What damaged or contradictory content makes HDF5 and Keras raise.
_DAMAGE = (OSError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


def load(path: Path) -> keras.Model:
    """Rebuild the network of a `.h5` or `.keras` file; nothing in the file is run.

    Raises:
        OSError: It cannot be read.
        ImportRefused: It is no such file, is damaged, too large, or has code or custom objects in it.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ImportRefused(f"larger than {MAX_BYTES >> 20} MiB")
    with tempfile.TemporaryDirectory(prefix="refundsorter-") as folder:
        if zipfile.is_zipfile(path):
            return _build(_copy_of_archive(path, Path(folder) / "model.keras"))
        if h5py.is_hdf5(path):
            return _build(_copy_of_h5(path, Path(folder) / "model.h5"))
        raise ImportRefused("neither a .h5 nor a .keras file of Keras, or cut short")


def _build(copy: Path) -> keras.Model:
    try:
        return keras.saving.load_model(copy, compile=False, safe_mode=True)
    except _DAMAGE as error:
        said = str(error).strip().split("\n", maxsplit=1)[0][:300]
        raise ImportRefused(
            f"Keras cannot rebuild it: {said}; it was damaged, or made by another version"
        ) from error


def _copy_of_h5(path: Path, copy: Path) -> Path:
    try:
        with h5py.File(path, "r") as file, h5py.File(copy, "w") as made:
            description = file.attrs.get("model_config")
            if description is None or "model_weights" not in file:
                raise ImportRefused(
                    "holds no whole model; weights alone do not say what network they are of: save it with "
                    "model.save(...) instead of save_weights"
                )
            _count(file)
            made.attrs["model_config"] = json.dumps(clean(_text(description)))
            made.attrs["backend"], made.attrs["keras_version"] = "tensorflow", keras.__version__
            file.copy("model_weights", made)
    except _DAMAGE as error:
        raise ImportRefused(f"damaged or cut short: {error}") from error
    return copy


def _copy_of_archive(path: Path, copy: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {one.filename: one.file_size for one in archive.infolist()}
            if missing := {DESCRIPTION, WEIGHTS} - sizes.keys():
                raise ImportRefused(f"no .keras file of Keras: it has no {' and no '.join(sorted(missing))}")
            if sizes[DESCRIPTION] > MAX_CONFIG_BYTES or sizes[WEIGHTS] > MAX_BYTES:
                raise ImportRefused(f"unpacks to more than {MAX_BYTES >> 20} MiB")
            description = clean(_text(archive.read(DESCRIPTION)))
            weights = archive.read(WEIGHTS)
        with h5py.File(io.BytesIO(weights), "r") as file:
            _count(file)
            if "_layer_checkpoint_dependencies" in file:
                raise ImportRefused(
                    "a .keras file of Keras 2, which Keras 3 cannot read; save it as .h5 there: "
                    "model.save('model.h5')"
                )
        with zipfile.ZipFile(copy, "w") as made:
            made.writestr(NOTES, json.dumps({"keras_version": keras.__version__}))
            made.writestr(DESCRIPTION, json.dumps(description))
            made.writestr(WEIGHTS, weights)
    except (zipfile.BadZipFile, EOFError, *_DAMAGE) as error:
        raise ImportRefused(f"damaged or cut short: {error}") from error
    return copy


def _text(found: Any) -> str:
    if len(found) > MAX_CONFIG_BYTES:
        raise ImportRefused(f"its description has more than {MAX_CONFIG_BYTES} bytes")
    return found.decode() if isinstance(found, bytes) else str(found)


def _count(file: h5py.File) -> None:
    """Refuse arrays that unpack to too much, and whatever points outside of the file."""
    objects = total = 0
    waiting: list[h5py.Group] = [file]
    while waiting:
        group = waiting.pop()
        for name in group:
            objects += 1
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ImportRefused(f"{group.name}/{name} points elsewhere, which is not followed")
            found = group[name]
            if isinstance(found, h5py.Group):
                waiting.append(found)
            elif isinstance(found, h5py.Dataset):
                if found.external or found.is_virtual:
                    raise ImportRefused(f"{found.name} lies in another file, which is not opened")
                total += found.size * found.dtype.itemsize
            if objects > MAX_OBJECTS or total > MAX_BYTES:
                raise ImportRefused(f"unpacks to more than {MAX_BYTES >> 20} MiB or {MAX_OBJECTS} objects")
