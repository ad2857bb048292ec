"""A finished `.tflite` file: taken as it is where it fits what serving asks, and refused otherwise.

Nothing can be put before or behind its graph, so its pixels must be bytes and its answers logits already.
"""

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from refundsorter.core.decision import softmax
from refundsorter.core.fault import BundleRefused
from refundsorter.training.refused import ImportRefused
from refundsorter.training.served import served_logits
from refundsorter.training.wrapping import side_of, sums_to_one

MAX_BYTES = 1 << 30
IDENTIFIER = b"TFL3"  # at byte 4 of the flatbuffer
ASKED = "serving asks for uint8 [1, S, S, 3] in and float32 [1, labels] out, the latter before any softmax"
INSTEAD = "import the .h5 or .keras file that it was made from"


def is_tflite(path: Path) -> bool:
    """Whether a file says of itself that it is one, or is called so."""
    with path.open("rb") as file:
        return file.read(8)[4:] == IDENTIFIER or path.suffix == ".tflite"


class TfliteFile:
    """A model that is served as it is.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read.
        ImportRefused: It is none, is damaged, or does not fit.
    """

    held = "0..255"  # bytes go in; what it makes of them is its own matter

    def __init__(self, path: Path) -> None:
        if path.stat().st_size > MAX_BYTES:
            raise ImportRefused(f"larger than {MAX_BYTES >> 20} MiB")
        self._path = path
        given, made = _ends(path)
        told = f"it takes {_told(given)} and gives {_told(made)}; {ASKED}; {INSTEAD}"
        if len(given) != 1 or len(made) != 1:
            raise ImportRefused(told)
        (photo, taken), (answers, kind) = given[0], made[0]
        if (taken, kind) != ("uint8", "float32") or len(answers) != 2 or photo[0] != 1 or answers[0] != 1:  # noqa: PLR2004 - one photo, labels
            raise ImportRefused(told)
        self.size, self.labels = side_of(photo, None), answers[1]

    def probabilities(self, pixels: NDArray[np.uint8], kind: str) -> NDArray[np.float32]:
        """What it says of photos, as `wrapping.Network.probabilities`."""
        if kind != self.held:
            raise ImportRefused(f"nothing can be put before a .tflite file's graph; {INSTEAD}")
        try:
            given = served_logits(self._path, self.labels, pixels)
        except BundleRefused as refused:
            raise ImportRefused(str(refused)) from refused
        if not np.isfinite(given).all():
            raise ImportRefused(
                "it answers with what is no number; its weights were damaged or never trained"
            )
        if sums_to_one(given):
            raise ImportRefused(f"its answers are probabilities; {ASKED}; {INSTEAD}")
        return softmax(given)

    def to_float(self, kind: str) -> bytes:
        """The file as it is."""
        del kind
        return self._path.read_bytes()

    def to_int8(self, kind: str, representative: NDArray[np.uint8]) -> bytes:
        """Refused: it is finished."""
        del kind, representative
        raise ImportRefused(f"a .tflite file is taken as it is, without --quantise; else {INSTEAD}")


Ends = list[tuple[tuple[int, ...], str]]


def _ends(path: Path) -> tuple[Ends, Ends]:
    """Shape and type of every array that goes in, and that comes out."""
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ImportRefused(f"no .tflite file that can run, damaged or cut short: {error}") from error
    both = interpreter.get_input_details(), interpreter.get_output_details()
    given, made = (
        [(tuple(one["shape"].tolist()), np.dtype(one["dtype"]).name) for one in details] for details in both
    )
    return given, made


def _told(ends: Ends) -> str:
    return " and ".join(f"{kind} {list(shape)}" for shape, kind in ends) or "nothing"
