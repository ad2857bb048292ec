"""Turns pixels into the model's logits: the only user of LiteRT.

One interpreter with one thread belongs to one worker: two of them in two Python threads beat one with two
threads, for both spend their time outside Python's lock. Photos are inferred one at a time: a batch of four
or more would save a twentieth of the time, and cost the same as a full one when it is not full.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from refundsorter.core.fault import BundleRefused

_CHANNELS = 3  # RGB
_greeted: list[bool] = []  # not empty once the runtime has said its line


class _Misshapen(Exception):
    """The model has another input or output than its bundle says."""


class Classifier:
    """One loaded and warmed-up model; it belongs to one thread at a time.

    Args:
        weights: The .tflite file.
        content: All of it, if it was read already, for any number of classifiers to share. It is not mapped:
            who writes to the file afterwards changes no answer, and who cuts it short ends no process.
        labels: How many outputs the bundle names.
        input_size: Pixels of each side of the input that the bundle states.

    Raises:
        BundleRefused: The file is no model, or not one of this shape.
    """

    def __init__(self, weights: Path, *, labels: int, input_size: int, content: bytes | None = None) -> None:
        self._labels = labels
        try:
            content = weights.read_bytes() if content is None else content
            with _without_greeting():
                self._interpreter = Interpreter(model_content=content, num_threads=1)
                self._interpreter.allocate_tensors()
            self._input = self._only(
                "input", self._interpreter.get_input_details(), (input_size, input_size, _CHANNELS), np.uint8
            )
            self._output = self._only("output", self._interpreter.get_output_details(), (labels,), np.float32)
            # The first run packs weights and touches every page; it must not be a photo's.
            self.logits(np.zeros((1, input_size, input_size, _CHANNELS), np.uint8))
        except OSError as error:
            raise BundleRefused(f"{weights}: cannot be read: {error.strerror}") from error
        except (ValueError, RuntimeError) as error:  # no model; a model that this runtime cannot run
            raise BundleRefused(f"{weights} is no model that can run: {error}") from error
        except _Misshapen as error:
            raise BundleRefused(
                f"{weights}: {error}; put back the weights and the manifest that were made together"
            ) from error

    @staticmethod
    def _only(
        end: str, tensors: list[dict[str, Any]], shape: tuple[int, ...], dtype: type[np.generic]
    ) -> int:
        """Find the index of the one tensor at an end of the model.

        Args:
            end: "input" or "output", for the message.
            tensors: What LiteRT says of the tensors there.
            shape: What one photo must have.
            dtype: What the elements must be.

        Raises:
            _Misshapen: There are several, or the one is not as it must be.
        """
        found = [(tuple(np.ravel(tensor["shape"])), tensor["dtype"]) for tensor in tensors]
        if found != [((1, *shape), dtype)]:
            told = ", ".join(f"{np.dtype(kind)} {list(map(int, sides))}" for sides, kind in found)
            raise _Misshapen(f"the model's {end} is {told}; the bundle says {np.dtype(dtype)} {[1, *shape]}")
        return int(tensors[0]["index"])

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Ask the model about photos.

        Args:
            pixels: uint8 [N, input_size, input_size, 3], RGB, 0..255; the model itself scales them.

        Returns:
            float32 [N, labels]: what a softmax turns into probabilities, in the order of the bundle's labels.
        """
        answers = np.empty((len(pixels), self._labels), np.float32)
        for position in range(len(pixels)):
            self._interpreter.set_tensor(self._input, pixels[position : position + 1])
            self._interpreter.invoke()
            answers[position] = self._interpreter.get_tensor(self._output)[0]
        return answers


@contextmanager
def _without_greeting() -> Iterator[None]:
    """Keep LiteRT's "Created delegate" line off standard error, which is the operational log's.

    The runtime has no switch for it, and says it once a process. What goes wrong it raises, so nothing that
    matters is lost: the descriptor is turned aside for the whole process, for the few milliseconds of the
    first load, which in the daemon is before any loop runs.
    """
    if _greeted:
        yield
        return
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
        _greeted.append(True)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
