"""What the quantised file says of many photos, asked through the classes that serving uses."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from refundsorter.core.fault import ItemFault
from refundsorter.edges.bundle import StoredBundle
from refundsorter.edges.classifier import Classifier
from refundsorter.edges.decoder import Decoder
from refundsorter.training.dataset import LIMITS

BATCH = 16  # photos at a time; more saves nothing


def served_logits(weights: Path, labels: int, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Run a model as serving does.

    Args:
        weights: The `.tflite` file.
        labels: How many it has.
        pixels: uint8 [N, S, S, 3], RGB, 0..255.

    Returns:
        float32 [N, labels].

    Raises:
        BundleRefused: The file is no model of this shape.
    """
    classifier = Classifier(weights, labels=labels, input_size=pixels.shape[1])
    starts = range(0, len(pixels), BATCH)
    return np.concatenate([classifier.logits(pixels[start : start + BATCH]).copy() for start in starts])


def ask(
    bundles: Sequence[StoredBundle],
    photos: Sequence[Path],
    workers: int,
    on_progress: Callable[[int, int], None],
) -> list[list[NDArray[np.float32]] | str]:
    """Ask models about photos; memory holds no more pixels than there are workers.

    Args:
        bundles: The models; each photo is decoded once for all that want the same size.
        photos: The files.
        workers: Photos in work at a time, each with interpreters of its own: decoding and inference release
            the interpreter's lock.
        on_progress: Told the photos done and all photos, after each.

    Returns:
        For each photo what each model says, float32 [labels] each; or why it could not be read.

    Raises:
        BundleRefused: A file is no model of the shape that its manifest says.
    """
    idle: SimpleQueue[_Panel] = SimpleQueue()
    for _ in range(max(1, min(workers, len(photos)))):
        idle.put(_Panel(bundles))

    def one(photo: Path) -> list[NDArray[np.float32]] | str:
        panel = idle.get()
        try:
            return panel.ask(photo)
        finally:
            idle.put(panel)

    answers = []
    pool = ThreadPoolExecutor(idle.qsize())
    try:
        for done, answer in enumerate(pool.map(one, photos), start=1):
            answers.append(answer)
            on_progress(done, len(photos))
    finally:
        pool.shutdown(cancel_futures=True)  # whoever interrupts does not wait for the photos to come
    return answers


class _Panel:
    """One interpreter a model; it belongs to one thread at a time."""

    def __init__(self, bundles: Sequence[StoredBundle]) -> None:
        manifests = [bundle.manifest for bundle in bundles]
        self._sizes = [manifest.input_size for manifest in manifests]
        self._decoders = {size: Decoder(limits=LIMITS, input_size=size) for size in self._sizes}
        self._classifiers = [
            Classifier(bundle.weights, labels=len(manifest.labels), input_size=manifest.input_size)
            for bundle, manifest in zip(bundles, manifests, strict=True)
        ]

    def ask(self, photo: Path) -> list[NDArray[np.float32]] | str:
        """What each model says, float32 [labels] each; or why the photo could not be read."""
        seen = {size: np.empty((1, size, size, 3), np.uint8) for size in self._decoders}
        try:
            content = photo.read_bytes()
            for size, decoder in self._decoders.items():
                decoder.decode(content, seen[size][0])
        except OSError as error:
            return error.strerror or str(error)
        except ItemFault as fault:
            return str(fault)
        return [
            classifier.logits(seen[size])[0]
            for size, classifier in zip(self._sizes, self._classifiers, strict=True)
        ]
