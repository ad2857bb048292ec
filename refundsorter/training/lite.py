"""Run a quantised model over many photos, the way serving does, without TensorFlow."""

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray


def run_int8(
    weights: bytes, pixels: NDArray[np.uint8], batch: int = 16, threads: int = 2
) -> NDArray[np.float32]:
    """Run what `to_int8` made, the way serving does.

    Args:
        weights: The bytes of the `.tflite` file.
        pixels: uint8 [N, S, S, 3], RGB, 0..255.
        batch: Photos at a time.
        threads: Threads of the interpreter.

    Returns:
        Logits, float32 [N, labels].
    """
    interpreter = Interpreter(model_content=weights, num_threads=threads)
    place, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    parts: list[Any] = []
    size = 0
    for start in range(0, len(pixels), batch):
        photos = pixels[start : start + batch]
        if len(photos) != size:
            size = len(photos)
            interpreter.resize_tensor_input(place, photos.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(place, photos)
        interpreter.invoke()
        parts.append(interpreter.get_tensor(result))
    return np.concatenate(parts).astype(np.float32)
